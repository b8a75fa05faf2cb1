"""Activation learning: neurons compete to explain an image together with its label."""

import copy
from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.checks import check_count, check_flag, check_fraction, check_positive, check_spike_bytes, check_unused
from spikelearn.network import ActivationReadout, Network, copied_buffers
from spikelearn.neurons import Rate
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update, firing_rates
from spikelearn.plasticity.factors import LOCAL, Factors
from spikelearn.plasticity.last_weights import parts_of, weight_name
from spikelearn.plasticity.requires import (
    Chain,
    DenseLast,
    Need,
    Neurons,
    NoFeedback,
    NoTrainableBias,
    Passes,
    SomethingToLearn,
)
from spikelearn.synapses import as_float, drive
from spikelearn.tasks import check_targets

#: Standard deviation of the first label weights, unit of weight.
WIDTH = 0.01

#: What the share of samples that are unlearned forgets per batch.
FORGETTING = 0.01

#: {block: (what met its weights, what they made of it)}, [T, B, in] and [T, B, n].
Explained = dict[str, tuple[Tensor, Tensor]]


def _check_readout(network: Network, rule: str) -> None:
    if not isinstance(network.readout, ActivationReadout):
        raise ValueError(
            f"{rule} shows one label after the other, and must know how many there are, but the readout is a "
            f"{type(network.readout).__name__}: use ActivationReadout(units, classes) (--readout activation, with the "
            "number of classes behind that of the last neurons)"
        )


@RULES.register("activation-learning")
class ActivationLearning(Rule):
    r"""Every layer learns what its neurons do not explain together; an image with its right label activates most.

    $$y = W x, \qquad \Delta W = \frac1B \sum_b \gamma_b\, y_b \otimes (x_b - W^\top y_b)$$

    of all layers in one pass, from their weights as they are. What meets the first layer is the image, of length 1, and
    the label, the class in ``copies`` places, of length 1 too; its weights for the label are the rule's own. An image
    is of the class c whose label gives the largest activation $A(x, c) = |y_L|^2$ of the last layer. $\gamma$ is 1 or,
    with ``feedback``,

    $$\gamma_b = \frac{\hat\gamma_b}{m}, \quad \hat\gamma_b = \mathrm{clip}(1 - \kappa\,(A(x_b, c_b) - \max_{c \neq c_b}
      A(x_b, c)),\ 0,\ 1), \quad m \leftarrow 0.99\,m + 0.01\,\langle \hat\gamma_b \rangle$$

    and behind the update of the right label, with the weights that it left, a second one unlearns the wrong label of
    the largest activation, at $-\gamma$ ``unlearning``. Between layers stands a non-linearity that keeps the length of
    y: neurons of activation ``abs``, or linear ones and ``MagnitudeNorm`` (``input_norm="magnitude"``).

    Args:
        copies: places of the label for each class.
        feedback: whether samples whose right label leads by little learn alone, and unlearn the wrong one.
        slope: $\kappa$, per unit of activation; the authors' 5, or 2 for up to 1,000 samples.
        unlearning: how much less is unlearned than learned, dimensionless.
        scored: whether all labels are asked for in training, for its accuracy; else its scores are 0, and a batch takes
            a fourth of the time. With ``feedback`` they are needed.

    Shapes: inputs [T, B, ...], targets [B]; W [n, in]. Steps are presentations of their own, whose activations add up.

    Raises:
        ValueError: a value out of range; options of ``feedback`` without it; layers that are not dense or have
            a bias, neurons that are no rate neurons, feedback edges, another readout than ``ActivationReadout``.

    Source: Zhou, arXiv 2209.13400, 2022, equations 4 to 14, and the author's program, whose gate (1 - 5 g, where the
    text has 5 g + 1) and division by its running mean m are taken. With ``feedback`` m couples the samples of a batch.
    """

    own_as_network = True
    default_optimizer = OptimizerChoice("sgd", 0.1)
    default_settings = {
        "net": "{input}-{first}-{first}-{output}",
        "steps": 1,
        "batch": 10,
        "neuron_option": {"activation": "abs"},
        "output": "rate",
        "output_option": {"activation": "linear"},
        "init": "truncated-normal",
    }

    def __init__(
        self,
        copies: int = 28,
        *,
        feedback: bool = False,
        slope: float = 5.0,
        unlearning: float = 0.9,
        scored: bool = True,
    ) -> None:
        check_count("copies", copies)
        check_flag("feedback", feedback)
        check_flag("scored", scored)
        if feedback and not scored:
            raise ValueError("scored is false, but feedback compares the activations of all labels: drop one of them")
        check_positive("slope", slope)
        check_fraction("unlearning", unlearning)
        if not feedback:
            told = "feedback is false, and no label is unlearned: use feedback=true"
            check_unused(ActivationLearning, {"slope": slope, "unlearning": unlearning}, told)
        self.copies, self.feedback, self.slope, self.unlearning = copies, feedback, slope, unlearning
        self.scored = scored

    @property
    def factors(self) -> Factors:
        told: Factors = LOCAL | {"targets", "record"}
        return told | {"error"} if self.feedback else told

    @property
    def requires(self) -> tuple[Need, ...]:
        why = "rebuilds what met the weights from what they made of it"
        return (
            Chain(why),
            NoFeedback(why),
            Neurons(Rate, why=why),
            NoTrainableBias(why),
            DenseLast(why),
            Passes("a readout that knows how many classes there are", _check_readout, {"readout": "activation"}),
            SomethingToLearn("weight"),
        )

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """Weights of the label into the first block, and with ``feedback`` the mean of its gate."""
        self.check(network)
        weight = _weight(network, next(iter(network.blocks)))
        drawn = torch.empty(len(weight), _classes(network) * self.copies)
        nn.init.trunc_normal_(drawn, 0.0, WIDTH, -2 * WIDTH, 2 * WIDTH, generator=generator)
        memory = {"label_weights": drawn.to(weight)}
        return {**memory, "gate": torch.ones_like(weight[0, 0])} if self.feedback else memory

    @torch.no_grad()
    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        check_targets(batch.targets, _classes(network))
        check_spike_bytes("inputs", batch.inputs)
        with network.presentation() as buffers:
            if self.scored:
                scores = self._activations(network, batch.inputs, memory, batch.masks)
            else:
                scores = memory["label_weights"].new_zeros(batch.size, _classes(network))
            strength, kept, metrics = torch.ones_like(scores[:, 0]), {}, {}
            if self.feedback:
                wrong, gate = self.gate(scores, batch.targets)
                kept = {"gate": memory["gate"].lerp(gate.mean(), FORGETTING)}
                strength, metrics = gate / kept["gate"], {"gate": float(gate.mean())}
            grads, own, rates = self._changes(network, batch, memory, batch.targets, strength)
        yield Update(grads, scores, own=own, buffers=buffers, memory=kept, rates=rates, metrics=metrics)
        if self.feedback:
            with network.presentation() as buffers:
                grads, own, rates = self._changes(network, batch, memory, wrong, -self.unlearning * strength)
            yield Update(grads, scores, own=own, buffers=buffers, memory=kept, rates=rates, metrics=metrics)

    def gate(self, scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        r"""The wrong class of the largest activation, int64 [B], and how much a sample learns, $\hat\gamma$ [B]."""
        right = scores.gather(1, targets.unsqueeze(1))
        others = scores.scatter(1, targets.unsqueeze(1), -torch.inf)
        largest, wrong = others.max(1)
        return wrong, (1.0 - self.slope * (right[:, 0] - largest)).clamp(0.0, 1.0)

    def explained(
        self,
        network: Network,
        inputs: Tensor,
        memory: Memory,
        labels: Tensor,
        masks: Mapping[str, Tensor],
    ) -> tuple[Explained, dict[str, float]]:
        """What met the weights of every block and what they made of it, with ``labels`` [B], and firing rates."""
        label = self.label(labels, memory)
        images = unit_length(as_float(inputs, network))
        first = next(iter(network.blocks))
        fronts = {name: copy.deepcopy(parts_of(network, name)[0]) for name in network.blocks}  # a run moves them
        current = (label @ memory["label_weights"].T).expand(len(inputs), -1, -1)
        record, _ = network.run(images, masks=masks, inject={first: current})
        explained: Explained = {}
        for name, front in fronts.items():
            x = as_float(drive(front, record[name].pre), network)
            x = torch.cat([x, label.expand(len(x), -1, -1)], 2) if name == first else x
            explained[name] = (x, record[name].v)
        return explained, firing_rates(network, record)

    def label(self, labels: Tensor, memory: Memory) -> Tensor:
        """Class numbers [B] as the first layer sees them, [B, classes * copies], of length 1."""
        weights = memory["label_weights"]
        one = F.one_hot(labels, weights.shape[1] // self.copies).to(weights)
        return one.repeat(1, self.copies) / self.copies**0.5

    def scores(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        """Activations A(x, c) of all labels c, [B, classes]."""
        with torch.no_grad():
            return self._activations(network, inputs, memory, {})

    def anomaly(self, network: Network, inputs: Tensor, memory: Memory) -> Tensor:
        r"""How little of an image any label explains, $1 - \max_c A(x, c) / 2$ a step, [B]: 0 where all of it is.

        2 is the squared length of an image and its label, which the activation of weights that have settled does not
        exceed.
        """
        return 1.0 - self.scores(network, inputs, memory).amax(1) / (2.0 * len(inputs))

    def activation(
        self,
        network: Network,
        inputs: Tensor,
        memory: Memory,
        labels: Tensor,
        masks: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """A(x, c) of images with one label each, [B]; differentiable in ``inputs``."""
        label = self.label(labels, memory) @ memory["label_weights"].T
        images, first = unit_length(as_float(inputs, network)), next(iter(network.blocks))
        inject = {first: label.expand(len(inputs), *label.shape[-2:])}
        with copied_buffers(network):
            record, _ = network.run(images, masks=masks or {}, inject=inject)
        assert isinstance(network.readout, ActivationReadout)
        activation = network.readout.read(record.output)
        return activation[:, 0]

    def _activations(self, network: Network, inputs: Tensor, memory: Memory, masks: Mapping[str, Tensor]) -> Tensor:
        samples = inputs.shape[1]
        classes = torch.arange(_classes(network), device=inputs.device)
        by_class = [self.activation(network, inputs, memory, own.expand(samples), masks) for own in classes]
        return torch.stack(by_class, 1)

    def _changes(
        self, network: Network, batch: Batch, memory: Memory, labels: Tensor, strength: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, float]]:
        """A pass with ``labels`` of samples that learn with ``strength`` [B]: changes, own ones, firing rates."""
        explained, rates = self.explained(network, batch.inputs, memory, labels, batch.masks)
        grads, own = {}, {}
        for place, (name, (x, y)) in enumerate(explained.items()):
            weight = _weight(network, name)
            whole = weight if place else torch.cat([weight, memory["label_weights"]], 1)
            left = x - y @ whole
            factor = strength.unsqueeze(1) * y / -batch.size
            change = factor.flatten(0, 1).T @ left.flatten(0, 1)
            if place == 0:
                change, own["label_weights"] = change.split([weight.shape[1], change.shape[1] - weight.shape[1]], 1)
            if weight.requires_grad:
                grads[weight_name(network, name)] = change
        return grads, own, rates


def unit_length(images: Tensor) -> Tensor:
    """Images [T, B, ...] of length 1; empty ones stay empty."""
    length = images.flatten(2).norm(dim=2)
    return images / torch.where(length > 0, length, 1.0).view(*length.shape, *[1] * (images.ndim - 2))


def _classes(network: Network) -> int:
    assert isinstance(network.readout, ActivationReadout)
    return network.readout.classes


def _weight(network: Network, block: str) -> nn.Parameter:
    return network.get_parameter(weight_name(network, block))

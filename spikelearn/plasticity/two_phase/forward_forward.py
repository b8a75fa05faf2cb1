"""Forward-forward: every layer learns to be active for a sample with its true label, and silent for a wrong one."""

import math
from collections.abc import Iterator
from itertools import islice
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_choice, check_flag, check_instance, check_positive
from spikelearn.network import Network, learning_only
from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update, firing_rates
from spikelearn.plasticity.factors import LOCAL, Factors
from spikelearn.plasticity.gradient.base import named_gradients
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.requires import (
    Chain,
    LossFits,
    Need,
    NoFeedback,
    Passes,
    PlainRate,
    SomethingToLearn,
    trainable_names,
)
from spikelearn.synapses import Normalise
from spikelearn.tasks import check_targets

Goodness = Literal["rate", "membrane"]
Negatives = Literal["other", "any"]


@RULES.register("forward-forward")
class ForwardForward(Rule):
    r"""The forward-forward algorithm: two runs, one with the true label in the input and one with a wrong one.

    A label stands in the first K of the inputs, one for each class: its own entry is as large as the batch's largest
    input, at every step, and the others are 0. With $h_l$ what neurons of hidden block l do, mean of the steps, the
    block's goodness and its loss are

    $$g_l = \frac{1}{n_l} \sum_i h_{l,i}^2, \qquad L_l = \frac{1}{2B} \sum_b
      \mathrm{sp}\big(k(\theta - g_l^+)\big) + \mathrm{sp}\big(k(g_l^- - \theta)\big), \qquad
      \mathrm{sp}(x) = \ln(1 + e^x),$$

    $g^+$ with the true label and $g^-$ with the wrong one. Every block descends its own loss, by derivatives within
    the block alone, through time too; nothing goes back. What meets a block's weights is normalised (``input_norm``),
    so that it cannot read the goodness of the block before. To predict, the network is run once with each label, and
    the class with the largest sum of goodness is taken.

    The last block is a readout: it learns, by the derivative of ``loss``, from a third run of the samples as they are.
    By it the network answers in one run too. A training's accuracy is that of these answers; validation and test are by
    goodness.

    Metrics: ``loss_<block>``, the losses L.

    Args:
        loss: what the last block descends.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        goodness: "rate": h is what the neurons send; "membrane": the potential compared with the threshold.
        threshold: $\theta$, squared unit of h.
        gain: k, per squared unit of h.
        negatives: "other": the wrong label is any of the other classes; "any": any class, the true one too.
        skip_first: whether the first block's goodness is left out of predictions where there are several.

    Shapes: inputs [T, B, ...] of at least K entries, targets [B]; goodness [B]; gradients shaped like their parameters.

    Raises:
        ValueError: a graph of blocks, feedback edges, a readout other than the plain rate, no hidden block, hidden
            blocks behind another whose input is not normalised, fewer inputs than classes, nothing to learn.

    Source: Hinton, arXiv 2212.13345, 2022; constants, normalisation and label of the published network as in snnTorch's
    tutorial of the method (one step, ``rate`` neurons in place of membranes that never fire there). deviation: blocks
    learn together, where the tutorial trains one after the other (freeze the others for that); a wrong label is drawn
    for each sample, where it permutes those of the batch; the readout.
    """

    default_optimizer = OptimizerChoice("adam", 1e-2)
    loss: Loss
    adjoint: Adjoint

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        goodness: Goodness = "rate",
        threshold: float = 0.1,
        gain: float = 10.0,
        negatives: Negatives = "other",
        skip_first: bool = False,
    ) -> None:
        check_instance("loss", loss, Loss, "for example loss=CrossEntropyRate()")
        check_instance("adjoint", adjoint, Adjoint, "for example adjoint=Surrogate(ATan())")
        check_choice("goodness", goodness, get_args(Goodness))
        check_positive("threshold", threshold)
        check_positive("gain", gain)
        check_choice("negatives", negatives, get_args(Negatives))
        check_flag("skip_first", skip_first)
        self.loss, self.adjoint, self.goodness = loss, adjoint, goodness
        self.threshold, self.gain, self.negatives, self.skip_first = threshold, gain, negatives, skip_first

    @property
    def factors(self) -> Factors:
        return LOCAL | {"targets", "record"}

    @property
    def requires(self) -> tuple[Need, ...]:
        return (
            LossFits(self.loss),
            Chain("trains block by block", "train with dfa"),
            NoFeedback("compares two runs of a chain", "train with dfa"),
            PlainRate("has one output neuron a class"),
            Passes("hidden blocks with normalised inputs", _check_normalised, {"input_norm": "mean-square"}),
            SomethingToLearn(among=trainable_names),
        )

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """{``negatives``: how far the wrong label lies behind the true one, in a circle of all classes, int64 [B]}."""
        least = 1 if self.negatives == "other" else 0
        drawn = torch.randint(least, classes_of(network, batch.inputs), (batch.size,), generator=generator)
        return {"negatives": drawn.to(batch.inputs.device)}

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        classes = classes_of(network, batch.inputs)
        check_targets(batch.targets, classes)
        wrong = (batch.targets + self.drawn(network, batch, generator)["negatives"]) % classes
        names = trainable_names(network)
        last = f"blocks.{list(network.blocks)[-1]}."
        hidden = [name for name in names if not name.startswith(last)]
        with network.presentation() as buffers, torch.enable_grad():
            with learning_only(network, hidden):
                right, other = (self.goodnesses(network, batch, label, classes) for label in (batch.targets, wrong))
            with learning_only(network, [name for name in names if name.startswith(last)]):
                record, _ = network.run(batch.inputs, adjoint=self.adjoint, masks=batch.masks, cut=True)
                scores = network.scores(record)
                value = self.loss.of(batch, record.output, scores)
            losses = {name: self.loss_of(right[name], other[name]) for name in right}
            parts = [part for part in (value, *losses.values()) if part.requires_grad]
            parameters = [network.get_parameter(name) for name in names]
            gradients = torch.autograd.grad(torch.stack(parts).sum(), parameters, allow_unused=True)
        yield Update(
            named_gradients(self.loss, names, gradients),
            scores.detach(),
            value.detach(),
            buffers=buffers,
            rates=firing_rates(network, record),
            metrics={f"loss_{name}": float(own.detach()) for name, own in losses.items()},
        )

    def scores(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        """Goodness of all hidden blocks together with each label, [B, classes], by one run for each.

        Raises:
            ValueError: steps that are left out.
        """
        if valid is not None:
            raise ValueError(
                f"{self.name} looks at every step, but lengths or valid leave some out: cut the samples to one length"
            )
        classes = classes_of(network, inputs)
        goodness = []
        for number in range(classes):
            label = torch.full((inputs.shape[1],), number, device=inputs.device)
            own = self.goodnesses(network, Batch(inputs, label), label, classes)
            counted = islice(own.values(), int(self.skip_first and len(own) > 1), None)
            goodness.append(torch.stack(list(counted)).sum(0))
        return torch.stack(goodness, 1)

    def goodnesses(self, network: Network, batch: Batch, labels: Tensor, classes: int) -> dict[str, Tensor]:
        """{hidden block: goodness [B]} of a batch whose samples have ``labels`` [B] in them."""
        inputs = with_labels(batch.inputs, labels, classes)
        record, _ = network.run(inputs, adjoint=self.adjoint, masks=batch.masks, cut=True)
        done = {name: seen.spikes if self.goodness == "rate" else seen.v for name, seen in record.items()}
        hidden = list(done)[:-1]
        return {name: done[name].mean(0).flatten(1).square().mean(1) for name in hidden}

    def loss_of(self, right: Tensor, other: Tensor) -> Tensor:
        """The loss of a block whose goodness is ``right`` and, with wrong labels, ``other``, both [B]."""
        return (
            0.5
            * (
                F.softplus(self.gain * (self.threshold - right)) + F.softplus(self.gain * (other - self.threshold))
            ).mean()
        )


def with_labels(inputs: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Inputs [T, B, ...] whose first entries are ``labels`` [B], one for each class, as large as the largest input."""
    steps = inputs[:1] if inputs.stride(0) == 0 else inputs
    flat = steps.flatten(2).clone()
    flat[:, :, :classes] = F.one_hot(labels, classes).to(flat.dtype) * flat.max()
    return flat.view(steps.shape).expand(inputs.shape)


def classes_of(network: Network, inputs: Tensor) -> int:
    """Neurons of the last block, one for each class.

    Raises:
        ValueError: fewer inputs than that.
    """
    places = math.prod(inputs.shape[2:])
    classes = math.prod(list(network.shapes(inputs[0, :1]).values())[-1])
    if places < classes:
        raise ValueError(
            f"forward-forward writes the label of {classes} classes into the first inputs, but there are {places}: "
            "give it inputs of more entries"
        )
    return classes


def _check_normalised(network: Network, rule: str) -> None:
    names = list(network.blocks)
    if len(names) < 2:
        raise ValueError(
            f"{rule} trains hidden blocks, but the network has its last block alone: put one before it, for example "
            "784-400-10"
        )
    for name in names[1:-1]:
        if not any(isinstance(module, Normalise) for module in network.blocks[name].synapse.modules()):
            raise ValueError(
                f"{rule} hides the goodness of a block from the next, but what meets the weights of block {name!r} is "
                "not normalised: build the network with input_norm='mean-square' (--input-norm mean-square)"
            )

"""PEPITA: present the error to perturb the input to modulate activity."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from spikelearn.checks import (
    check_choice,
    check_count,
    check_flag,
    check_fraction,
    check_not_negative,
    check_positive,
    check_unused,
)
from spikelearn.network import FittedReadout, Network
from spikelearn.plasticity.back_weights import PREFIX
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update
from spikelearn.plasticity.factors import SUPERVISED, Factors
from spikelearn.plasticity.requires import Encoding, Need, Passes, PlainSynapses, SomethingToLearn, weights_of
from spikelearn.plasticity.two_phase.input_error import Modulation, drawn_matrices, flips_for, with_error
from spikelearn.plasticity.two_phase.mirroring import (
    MIRROR_NEEDS,
    drawn_factors,
    mirrored,
    noise_for,
    product_of,
    rescaled,
)
from spikelearn.plasticity.two_phase.windows import Positions, Window, present, products
from spikelearn.synapses import float_type
from spikelearn.tasks import check_targets

Form = Literal["difference", "forward", "mixed", "time-local"]
Sign = Literal["plus", "minus"]
Projected = Literal["error", "sign"]
OutputError = Literal["first", "second"]
Matrix = Literal["fixed", "mirrored"]

#: What stands before a block in the names of the masks of dropout, and of those that a second step draws anew.
DROPOUT, REDRAWN = "dropout.", "redrawn."

#: The counter of batches in a rule's memory.
BATCHES = "batches"

#: Share of hidden neurons that the error must move, below which hidden layers hardly learn.
UNMOVED = 1e-3


@RULES.register("pepita")
class Pepita(Rule):
    r"""A batch is presented twice, the second time with the output's error; layers learn from the difference.

    $$x' = x \pm F e\ \text{or}\ I'_1 = I_1 \pm F e, \qquad \Delta W_l \propto -(r_l - r'_l) \otimes r'_{l-1}, \qquad
      \Delta W_L \propto -e' \otimes r'_{L-1}, \qquad e = \mathrm{softmax}(k\,s) - y$$

    r and r' are the mean rates of the two presentations (of rate neurons their outputs; with T = 1 the numbers of the
    published programs), s the readout's scores, y the one-hot target, F a fixed random matrix from the output to the
    input. Nothing goes backward, no derivative of a neuron is taken: to first order the hidden layers do what they do
    under ``dfa`` with the feedback weights $\mp W_1 F$. Masks, and what random neurons draw, are those of the first
    presentation. Weights that the positions of a map share get the mean over positions. A bias gets what a weight from
    an input of 1 would.

    Metrics: ``moved_<block>``, the share of hidden neurons and samples whose rate the error changes.

    Args:
        form: "difference" as above; "forward": the presynaptic rates are those of the first presentation; "mixed":
            $r_l \otimes r_{l-1} - r'_l \otimes r'_{l-1}$ and $(e + y) \otimes r_{L-1} - y \otimes r'_{L-1}$, what is
            Hebbian and what is not each by its own presentation; "time-local": the two halves of that, each applied
            when its presentation ends, so that weights move in between.
        modulation: what the error changes: "current", the current of every step into the layers that inputs feed (F
            stands for $W_1 F$, binary inputs stay binary); "input", the input of every step, as published; "spikes",
            the rate of a binary input, which stays binary (spikes that are added or left out are drawn, the others are
            as they were).
        scale: F has entries from $U(-k\sqrt{6/m}, k\sqrt{6/m})$, k this number, m the places of an input ("current":
            the neurons of the layer); unit of input or current per unit of error.
        sign: "plus" or "minus" of $x \pm F e$.
        projected: what F projects, the "error" or its "sign".
        output_error: whether the last layer learns from the error of the "first" presentation or of the "second".
        gain: k of the softmax, logits per unit of score.
        dropout: probability that a hidden neuron is silent for a batch, in both presentations alike; "time-local" draws
            anew for the second.
        mask_again: whether the difference is multiplied by the mask of ``dropout`` once more.
        positions: "mean", or "sqrt" (the sum over n positions by $\sqrt n$); "released": maps learn with the other
            sign, and are divided by the number of samples once more.
        feedback: "fixed", or "mirrored": F is a product of matrices, one a layer, that learn by weight mirroring.
        mirror_lr: learning rate of these, unit of weight per unit of the step.
        mirror_decay: part of them that is added to their gradient, unit of gradient per unit of weight.
        mirror_noise: standard deviation of the noise that each layer is sent for it, unit of input.
        mirror_alone: batches at the beginning in which F alone learns.

    Shapes: inputs [T, B, ...], targets [B]; e [B, outputs], F [outputs, C, H, W] or [outputs, n]; gradients shaped like
    their parameters.

    Raises:
        ValueError: a readout with weights, or that is fitted; a hidden block that sends nothing; batch norm; several
            layers of weights in one synapse; a network that begins with a convolution and does not say its
            input_shape; "spikes" for inputs that are none; "mirrored" for other layers than dense ones of rate
            neurons, or together with another modulation than "input"; options of mirroring without it.

    Source: Dellaferrera & Kreiman, ICML 2022, and the authors' programs (sign plus, error of the second presentation;
    with maps the form "released" and the error of the first); Srinivasan et al., "Forward learning with top-down
    feedback", 2023, and the authors' program (sign minus, error of the first, the other forms, weight mirroring), whose
    branch "mixed" computes the difference. deviation: on spikes there is no published rule; with ``projected`` =
    "sign" the program has F a tenth as large; F learns in every batch, there in epochs of its own.
    """

    default_optimizer = OptimizerChoice("sgd", 0.03, {"momentum": 0.9})
    resting_options = ("mirror_alone",)

    def __init__(
        self,
        form: Form = "difference",
        modulation: Modulation = "current",
        *,
        scale: float = 2.0,
        sign: Sign = "plus",
        projected: Projected = "error",
        output_error: OutputError = "second",
        gain: float = 10.0,
        dropout: float = 0.0,
        mask_again: bool = False,
        positions: Positions = "mean",
        feedback: Matrix = "fixed",
        mirror_lr: float = 0.1,
        mirror_decay: float = 0.5,
        mirror_noise: float = 0.1,
        mirror_alone: int = 0,
    ) -> None:
        choices: list[tuple[str, str, Any]] = [
            ("form", form, Form),
            ("modulation", modulation, Modulation),
            ("sign", sign, Sign),
            ("projected", projected, Projected),
            ("output_error", output_error, OutputError),
            ("positions", positions, Positions),
            ("feedback", feedback, Matrix),
        ]
        for name, chosen, kind in choices:
            check_choice(name, chosen, get_args(kind))
        check_positive("scale", scale)
        check_positive("gain", gain)
        check_fraction("dropout", dropout, below_one=True)
        check_flag("mask_again", mask_again)
        check_positive("mirror_lr", mirror_lr)
        check_not_negative("mirror_decay", mirror_decay)
        check_positive("mirror_noise", mirror_noise)
        check_count("mirror_alone", mirror_alone, least=0)
        if feedback == "mirrored" and modulation != "input":
            raise ValueError(
                f"feedback is 'mirrored', whose factors lead to the input, but modulation is {modulation!r}: use "
                "modulation=input, or feedback=fixed"
            )
        if feedback == "fixed":
            mirroring = {"mirror_lr": mirror_lr, "mirror_decay": mirror_decay, "mirror_noise": mirror_noise}
            mirroring["mirror_alone"] = mirror_alone
            check_unused(Pepita, mirroring, "feedback is 'fixed', and nothing is mirrored: use feedback=mirrored")
        self.form, self.modulation, self.scale, self.sign = form, modulation, scale, sign
        self.projected, self.output_error, self.gain = projected, output_error, gain
        self.dropout, self.mask_again, self.positions = dropout, mask_again, positions
        self.feedback, self.mirror_noise, self.mirror_alone = feedback, mirror_noise, mirror_alone
        if feedback == "mirrored":
            self.default_own_optimizer = OptimizerChoice("sgd", mirror_lr, {"weight_decay": mirror_decay})

    @property
    def factors(self) -> Factors:
        # The sign of the error is known from the target alone.
        factors: Factors = SUPERVISED | {"record"}
        return factors - {"error"} if self.projected == "sign" else factors

    @property
    def requires(self) -> tuple[Need, ...]:
        needs: tuple[Need, ...] = (
            SomethingToLearn("weight", weights_of),
            PlainSynapses(),
            Passes("a readout with nothing to learn", _check_readout),
            Passes("hidden neurons that send something", _check_hidden),
            Passes("no batch norm", _check_norms),
        )
        if self.modulation == "spikes":
            needs += (Encoding("rate"),)
        return needs + MIRROR_NEEDS if self.feedback == "mirrored" else needs

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """F, or the factors of which it is the product."""
        self.check(network)
        if self.feedback == "fixed":
            return drawn_matrices(self.name, network, self.modulation, self.scale, generator)
        return drawn_factors(network, self.scale, generator) | {BATCHES: torch.zeros((), dtype=torch.int64)}

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Masks of dropout {``dropout.<block>``: [B, ...]}, spikes to change, and the noise of weight mirroring."""
        drawn = flips_for(batch, generator) if self.modulation == "spikes" else {}
        if self.dropout:
            shapes = network.shapes(batch.inputs[0, :1])
            again = (DROPOUT, REDRAWN) if self.form == "time-local" else (DROPOUT,)
            for name in (prefix + name for prefix in again for name in shapes if name not in network.outputs):
                shape = shapes[name.partition(".")[2]]
                kept = torch.rand(batch.size, *shape, generator=generator, device=generator.device) >= self.dropout
                drawn[name] = kept.to(batch.inputs.device, float_type(network)) / (1.0 - self.dropout)
        if self.feedback == "mirrored":
            drawn |= noise_for(network, batch, self.mirror_noise, self.dropout, generator)
        return drawn

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        drawn = self.drawn(network, batch, generator)
        alone = self.feedback == "mirrored" and int(memory[BATCHES]) < self.mirror_alone
        if alone:
            with network.presentation() as buffers:
                first = present(network, batch.inputs, _masks(batch, drawn, DROPOUT))
                loss, _ = self._errors(first, batch)
            updates = iter([self._update({}, first, loss, buffers)])
        elif self.form == "time-local":
            updates = self._in_two_steps(network, batch, memory, drawn)
        else:
            updates = iter([self._at_once(network, batch, memory, drawn)])
        for update in updates:
            yield update
        if self.feedback == "mirrored":
            # By the weights as they now are, and then the factors as they now are.
            yield Update({}, update.scores, update.loss, own=mirrored(network, drawn, self.gain), rates=update.rates)
            kept = rescaled(network, memory, self.scale) | {BATCHES: memory[BATCHES] + 1}
            yield Update({}, update.scores, update.loss, memory=kept, rates=update.rates, metrics=update.metrics)

    def _at_once(self, network: Network, batch: Batch, memory: Memory, drawn: Mapping[str, Tensor]) -> Update:
        """The update by both presentations with the same weights."""
        with network.presentation() as buffers:
            masks = _masks(batch, drawn, DROPOUT)
            first = present(network, batch.inputs, masks)
            loss, error = self._errors(first, batch)
            second = self._second(network, batch, memory, drawn, masks, error)
            if self.form == "mixed":
                hebbian, opposed = self._half(network, first, batch, error), self._half(network, second, batch)
                terms = [(first, hebbian), (second, opposed)]
            else:
                own = error if self.output_error == "first" else self._errors(second, batch)[1]
                factors = _split(own, network, first)
                for name in first.rates.keys() - factors.keys():
                    factors[name] = first.rates[name] - second.rates[name]
                    if self.mask_again and name in masks:
                        factors[name] = factors[name] * masks[name]
                terms = [(first if self.form == "forward" else second, factors)]
            grads = products(terms, self.positions)
        return self._update(grads, first, loss, buffers, _moved(network, first, second))

    def _in_two_steps(
        self, network: Network, batch: Batch, memory: Memory, drawn: Mapping[str, Tensor]
    ) -> Iterator[Update]:
        """An update after each presentation."""
        with network.presentation() as buffers:
            first = present(network, batch.inputs, _masks(batch, drawn, DROPOUT))
            loss, error = self._errors(first, batch)
            grads = products([(first, self._half(network, first, batch, error))], self.positions)
        yield self._update(grads, first, loss, buffers)
        with network.presentation() as buffers:
            second = self._second(network, batch, memory, drawn, _masks(batch, drawn, REDRAWN), error)
            grads = products([(second, self._half(network, second, batch))], self.positions)
        yield self._update(grads, first, loss, buffers, _moved(network, first, second))

    def _second(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        drawn: Mapping[str, Tensor],
        masks: Mapping[str, Tensor],
        error: Tensor,
    ) -> Window:
        """The presentation with the error of the first."""
        sent = error.sign() if self.projected == "sign" else error
        if self.feedback == "mirrored":
            matrices = {"inputs": product_of(memory)}
        else:
            matrices = {name.removeprefix(PREFIX): matrix for name, matrix in memory.items()}
        given = with_error(network, batch, self.modulation, sent if self.sign == "plus" else -sent, matrices, drawn)
        return present(network, given.inputs, masks, given.inject)

    def _errors(self, window: Window, batch: Batch) -> tuple[Tensor, Tensor]:
        """The cross-entropy, and its derivative e in the logits of each sample, [B, outputs]."""
        check_targets(batch.targets, window.scores.shape[1])
        logits = self.gain * window.scores
        wanted = F.one_hot(batch.targets, logits.shape[1]).to(logits.dtype)
        return F.cross_entropy(logits, batch.targets), logits.softmax(1) - wanted

    def _half(self, network: Network, window: Window, batch: Batch, error: Tensor | None = None) -> dict[str, Tensor]:
        """Post factors of one presentation by itself: that of the first, with its error, or that of the second."""
        wanted = F.one_hot(batch.targets, window.scores.shape[1]).to(window.scores.dtype)
        taught = -wanted if error is None else error + wanted
        rates = {name: -rate if error is None else rate for name, rate in window.rates.items()}
        return rates | _split(taught, network, window)

    def _update(
        self,
        grads: dict[str, Tensor],
        first: Window,
        loss: Tensor,
        buffers: dict[str, Tensor],
        metrics: Mapping[str, float] | None = None,
    ) -> Update:
        return Update(grads, first.scores, loss, buffers=buffers, rates=first.firing, metrics=dict(metrics or {}))

    def warnings(self, metrics: Mapping[str, float]) -> list[str]:
        moved = {name.removeprefix("moved_"): share for name, share in metrics.items() if name.startswith("moved_")}
        names = [name for name, share in moved.items() if share < UNMOVED]
        if not names:
            return []
        return [
            f"the error changes the rates of hardly any neuron in {', '.join(names)}: raise scale (--rule-option "
            "scale=...), or the number of steps"
        ]


def _masks(batch: Batch, drawn: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Masks of the batch, and those drawn for blocks that it leaves unmasked."""
    own = {name.removeprefix(prefix): mask for name, mask in drawn.items() if name.startswith(prefix)}
    return own | dict(batch.masks)


def _split(factor: Tensor, network: Network, window: Window) -> dict[str, Tensor]:
    """{block that is read: its part of [B, outputs], shaped as its neurons}."""
    shapes = {name: window.rates[name].shape for name in network.outputs}
    sizes = [shape[1:].numel() for shape in shapes.values()]
    parts = factor.split(sizes, dim=1)
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def _moved(network: Network, first: Window, second: Window) -> dict[str, float]:
    hidden = [name for name in network.blocks if name not in network.outputs]
    return {f"moved_{name}": float((first.rates[name] != second.rates[name]).float().mean()) for name in hidden}


def _check_readout(network: Network, rule: str) -> None:
    readout = network.readout
    learned = [name for name, parameter in readout.named_parameters() if parameter.requires_grad]
    if isinstance(readout, FittedReadout) or learned:
        raise ValueError(
            f"{rule} teaches the last block by the error of its scores, but the readout is "
            f"{' '.join(repr(readout).split())}, with weights of its own: use one score a neuron (--readout rate, or "
            "membrane)"
        )


def _check_hidden(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        if name not in network.outputs and not block.neuron.sends:
            raise ValueError(
                f"{rule} compares what hidden neurons send, but block {name!r} is a {type(block.neuron).__name__}, "
                "which sends nothing: use LIF or Rate (--neuron lif)"
            )


def _check_norms(network: Network, rule: str) -> None:
    for prefix, synapse in network.synapses().items():
        if any(isinstance(module, _BatchNorm) for module in synapse.modules()):
            raise ValueError(
                f"{rule} compares two presentations, of which batch norm would have each its own statistics, but "
                f"{prefix[:-1]} has one: leave it out (--no-batch-norm)"
            )

"""Difference target propagation: targets go down through maps that learn to undo the blocks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_positive
from spikelearn.network import Block, Network
from spikelearn.neurons import Activation, Adjoint, ATan, Surrogate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity.back_weights import PREFIX
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Update
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.plasticity.targets.difference import DifferenceTargets, Seen, WayBack
from spikelearn.synapses import float_type

Reconstruction = Literal["dtp", "drl", "l-drl"]

#: The memory's count of batches, where the way back learns alone at first.
BATCHES = "batches"


class Noisy(NamedTuple):
    """Effects of noise at one block's sources, in one step of the way back.

    Args:
        noise: at the rates of the block below, [B, n].
        sent: what the block then sends, or the last block ("drl").
        above: noise at the block's own rates ("l-drl").
    """

    noise: Tensor
    sent: Tensor
    above: Tensor | None


@RULES.register("dtp")
class DTP(DifferenceTargets):
    r"""Difference target propagation: every block's rates get a target, sent down by maps that learn to undo the block.

    Targets and changes are those of ``fw-dtp``. But before every step of the blocks, the weights $G_l$ of the way back
    take ``feedback_steps`` steps of plain descent down a loss of their own, with noise $\xi \sim N(0, \sigma)$ at what
    block l takes, $q = h_{l-1} + \xi$, and $f_l$ what the block makes of constant rates in T steps:

    $$\text{dtp}: \| g_l(f_l(q)) - q \|^2, \qquad
      \text{drl}: \| r_l(f_L(\dots f_l(q))) - q \|^2, \qquad
      \text{l-drl}: -\langle \xi, c_l(f_l(q)) - h_{l-1} \rangle + \tfrac12 \| c_l(h_l + \xi') - h_{l-1} \|^2,$$

    sums over the samples, divided by B, $\xi'$ more noise. $c_l(u) = A(g_l(u) + h_{l-1} - g_l(h_l))$ is the corrected
    map, in which $g_l(h_l)$ is held, and $r_l = c_l \circ \dots \circ c_L$ leads from the output down to block l - 1.
    "dtp" and "l-drl" look at one block each; with "drl" one block after the other takes its step, the last one first.
    During the first ``pretraining`` batches the way back takes one step a batch, and blocks rest.

    Metrics: ``reconstruction_<block>``, these losses before the last step, and ``agreement_<block>`` as in ``fw-dtp``.

    Args:
        loss, adjoint, stepsize, feedback, difference: as in ``fw-dtp``.
        bound: largest weight on the way back at the start, dimensionless.
        reconstruction: "dtp", "drl" (difference reconstruction loss) or "l-drl" (its local form).
        noise: $\sigma$, unit of rate.
        feedback_steps: steps of the way back a batch.
        feedback_lr: learning rate of G, unit of weight per unit of the loss's derivative.
        pretraining: batches at the start in which the way back learns alone.

    Shapes: as in ``fw-dtp``; noise [B, feedback_steps, neurons].

    Raises:
        ValueError: as in ``fw-dtp``; a value out of range.

    Source: Lee, Zhang, Fischer & Bengio, ECML 2015; "drl": Meulemans, Carzaniga, Suykens, Sacramento & Grewe, NeurIPS
    2020; "l-drl": Ernoult, Normandin, Moudgil, Spinney, Belilovsky, Rish, Richards & Bengio, ICML 2022; all in the form
    of the program of Shibuya, Inoue, Kawakami & Sato, AAAI 2023. deviation: "drl" compares with q, as its paper does,
    where the program compares with $h_{l-1}$, so that the way back would fade; on spikes as in ``fw-dtp``.
    """

    resting_options = ("pretraining",)

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        stepsize: float = 0.04,
        bound: float = 0.1,
        feedback: Activation | None = None,
        difference: Activation = Linear(),
        reconstruction: Reconstruction = "dtp",
        noise: float = 0.01,
        feedback_steps: int = 5,
        feedback_lr: float = 1e-3,
        pretraining: int = 0,
    ) -> None:
        super().__init__(loss, adjoint, stepsize=stepsize, bound=bound, feedback=feedback, difference=difference)
        check_choice("reconstruction", reconstruction, get_args(Reconstruction))
        check_positive("noise", noise)
        check_count("feedback_steps", feedback_steps)
        check_positive("feedback_lr", feedback_lr)
        check_count("pretraining", pretraining, least=0)
        self.reconstruction, self.noise = reconstruction, noise
        self.feedback_steps, self.pretraining = feedback_steps, pretraining
        self.default_own_optimizer = OptimizerChoice("sgd", feedback_lr)

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, Passes("a way back to learn", _check_way_back)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """G as in ``fw-dtp``; with ``pretraining`` also ``batches``, the number of those seen."""
        counted = {BATCHES: torch.zeros((), dtype=torch.int64)} if self.pretraining else {}
        return super().init(network, generator) | counted

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """{``noise.<block>``: at what the block takes}, and with "l-drl" {``above.<block>``: at its own rates}."""
        shapes = network.shapes(batch.inputs[0, :1])
        drawn_noise = {}
        for below, name in pairwise(shapes):
            places = {"noise": below} | ({"above": name} if self.reconstruction == "l-drl" else {})
            for place, of in places.items():
                size = (batch.size, self.feedback_steps, torch.Size(shapes[of]).numel())
                drawn = torch.randn(*size, generator=generator, dtype=float_type(network), device=generator.device)
                drawn_noise[f"{place}.{name}"] = self.noise * drawn.to(batch.inputs.device)
        return drawn_noise

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        drawn = self.drawn(network, batch, generator)
        seen = self.look(network, batch)
        alone = BATCHES in memory and int(memory[BATCHES]) < self.pretraining
        names = [name for _, name in pairwise(network.blocks)][::-1]
        together = [[name] for name in names] if self.reconstruction == "drl" else [names]
        metrics: dict[str, float] = {}
        for step in range(1 if alone else self.feedback_steps):
            noisy = self._noisy(network, batch, seen, drawn, step)
            for some in together:
                own, losses = self._learn_back(network, seen, memory, noisy, some)
                metrics |= losses
                yield Update({}, seen.scores, own=own, rates=seen.fired)
        counted = {BATCHES: memory[BATCHES] + 1} if BATCHES in memory else {}
        if alone:
            yield Update({}, seen.scores, seen.loss, memory=counted, rates=seen.fired, metrics=metrics)
            return
        update = self.towards_targets(network, seen, memory)
        yield replace(update, memory=counted, metrics=update.metrics | metrics)

    @torch.no_grad()
    def _noisy(
        self, network: Network, batch: Batch, seen: Seen, drawn: Mapping[str, Tensor], step: int
    ) -> dict[str, Noisy]:
        """{block: what noise does there} in one step of the way back; the blocks stay as they are."""
        steps, noisy, names = len(batch.inputs), {}, list(network.blocks)
        shapes = network.shapes(batch.inputs[0, :1])
        with network.presentation():
            for number, (below, name) in enumerate(pairwise(names), start=1):
                noise = drawn[f"noise.{name}"][:, step]
                sent = (seen.values[below] + noise).unflatten(1, shapes[below])
                for above in names[number:] if self.reconstruction == "drl" else [name]:
                    sent = answer(network.blocks[above], sent, steps)
                higher = drawn[f"above.{name}"][:, step] if self.reconstruction == "l-drl" else None
                noisy[name] = Noisy(noise, sent.flatten(1), higher)
        return noisy

    def _learn_back(
        self, network: Network, seen: Seen, memory: Memory, noisy: dict[str, Noisy], names: Sequence[str]
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """({memory tensor: minus the desired change}, metrics) of the way back of the blocks ``names``."""
        back, rates = self.way_back(network, memory), seen.values
        below = {name: rates[lower] for lower, name in pairwise(rates)}
        own, metrics = {}, {}
        for name in names:
            with torch.enable_grad():
                weight = memory[PREFIX + name].detach().requires_grad_()
                learning = WayBack({**back.weights, name: weight}, back.activations, back.difference)
                value = self._loss_back(learning, name, rates, below, noisy[name]) / len(seen.scores)
                (own[PREFIX + name],) = torch.autograd.grad(value, weight)
            metrics[f"reconstruction_{name}"] = float(value.detach())
        return own, metrics

    def _loss_back(
        self, back: WayBack, name: str, rates: dict[str, Tensor], below: dict[str, Tensor], noisy: Noisy
    ) -> Tensor:
        """The loss that the back weights of the block ``name`` descend, sum of the samples."""
        taken = below[name] + noisy.noise
        if self.reconstruction == "dtp":
            return (back(name, noisy.sent) - taken).square().sum()
        if self.reconstruction == "drl":
            arriving = noisy.sent
            for above in list(below)[::-1]:
                arriving = back.corrected(above, arriving, below[above], rates[above])
                if above == name:
                    break
            return (arriving - taken).square().sum()
        assert noisy.above is not None
        first, second = (
            back.corrected(name, given, below[name], rates[name]) - below[name]
            for given in (noisy.sent, rates[name] + noisy.above)
        )
        return -(noisy.noise * first).sum() + 0.5 * second.square().sum()


def answer(block: Block, rates: Tensor, steps: int) -> Tensor:
    """The rate of a block, mean of ``steps`` steps, under constant rates [B, ...]."""
    record, _ = Network({"block": block}).run(rates.expand(steps, *rates.shape))
    return record.output.spikes.mean(0)


def _check_way_back(network: Network, rule: str) -> None:
    if len(network.blocks) < 2:
        raise ValueError(
            f"{rule} learns a way back from block to block, but the network has its last block alone: put one before "
            "it, for example 784-400-10, or train with bptt"
        )

"""Difference target propagation: firing rates get targets from above, corrected for what the way back makes of them."""

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_instance, check_positive
from spikelearn.network import Network, learning_only
from spikelearn.neurons import Activation, Adjoint, Neuron, Rate
from spikelearn.neurons.activations import Tanh
from spikelearn.plasticity.back_weights import PREFIX, neuron_shapes, uniform
from spikelearn.plasticity.base import Batch, Memory, OptimizerChoice, Rule, Update, firing_rates
from spikelearn.plasticity.factors import SUPERVISED, Factors
from spikelearn.plasticity.gradient.base import named_gradients
from spikelearn.plasticity.losses import Loss
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


class Seen(NamedTuple):
    """Records of one run of a batch.

    Args:
        rates: {block: what it sends, mean of the steps, [B, n]}, differentiable in the block's own parameters.
        error: derivative of the sum of all samples' losses in the output's rates, [B, n].
        scores: of the readout.
        loss: mean of the samples.
        buffers: {network buffer: new value}.
        fired: {block: mean firing rate}.
    """

    rates: dict[str, Tensor]
    error: Tensor
    scores: Tensor
    loss: Tensor
    buffers: dict[str, Tensor]
    fired: dict[str, float]

    @property
    def values(self) -> dict[str, Tensor]:
        """The rates without their graph."""
        return {name: rate.detach() for name, rate in self.rates.items()}


class WayBack:
    """The maps g from a block's rates to those of the block below, and the correction of what arrives there.

    Args:
        weights: {block: G, [neurons below, neurons]} of all blocks but the first.
        activations: {block: of what arrives below it}.
        difference: of what is corrected.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], activations: Mapping[str, Activation], difference: Activation
    ) -> None:
        self.weights, self.activations, self.difference = weights, activations, difference

    def __call__(self, name: str, rates: Tensor) -> Tensor:
        """g(u) of the block ``name``, [B, neurons below], for u [B, neurons]."""
        return self.activations[name](rates @ self.weights[name].T)

    def corrected(self, name: str, given: Tensor, below: Tensor, own: Tensor) -> Tensor:
        """A(g(given) + below - g(own)); the rates ``own`` of the block and ``below`` are taken as they are."""
        with torch.no_grad():
            gap = below - self(name, own)
        return self.difference(self(name, given) + gap)


@torch.no_grad()
def targets_of(back: WayBack, rates: Mapping[str, Tensor], top: Tensor, firing: Iterable[str]) -> dict[str, Tensor]:
    """{block: target of its rates [B, n]}, from the output's down to the first block's.

    Args:
        back: the way down.
        rates: {block: rates [B, n]}, in the order of the blocks.
        top: target of the last block, [B, n].
        firing: blocks whose rates lie between 0 and 1 spike per step, to which their targets are clipped.
    """
    names, clipped = list(rates), set(firing)

    def reachable(name: str, target: Tensor) -> Tensor:
        return target.clamp(0.0, 1.0) if name in clipped else target

    targets = {names[-1]: reachable(names[-1], top)}
    for name, below in pairwise(reversed(names)):
        targets[below] = reachable(below, back.corrected(name, targets[name], rates[below], rates[name]))
    return {name: targets[name] for name in names}


class DifferenceTargets(Rule):
    """A rule whose blocks take steps towards targets of their rates; a subclass says how the way back comes to be."""

    default_optimizer = OptimizerChoice("adam", 1e-2)
    loss: Loss
    adjoint: Adjoint

    def __init__(
        self,
        loss: Loss,
        adjoint: Adjoint,
        *,
        stepsize: float,
        bound: float,
        feedback: Activation | None,
        difference: Activation,
    ) -> None:
        check_instance("loss", loss, Loss, "for example loss=CrossEntropyRate()")
        check_instance("adjoint", adjoint, Adjoint, "for example adjoint=Surrogate(ATan())")
        check_positive("stepsize", stepsize)
        check_positive("bound", bound)
        if feedback is not None:
            check_instance("feedback", feedback, Activation, "for example feedback=Tanh()")
        check_instance("difference", difference, Activation, "for example difference=Linear()")
        self.loss, self.adjoint, self.stepsize, self.bound = loss, adjoint, stepsize, bound
        self.feedback, self.difference = feedback, difference

    @property
    def factors(self) -> Factors:
        return SUPERVISED | {"record"}

    @property
    def requires(self) -> tuple[Need, ...]:
        return (
            LossFits(self.loss),
            Chain("sends targets down block by block", "train with fa or dfa"),
            NoFeedback("sends targets down by weights of its own", "train with fa or dfa"),
            PlainRate("gives the output's rates a target"),
            Passes("blocks that send something", _check_sends),
            SomethingToLearn(among=trainable_names),
        )

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``back_weights.<block>``: G, [neurons below, neurons]} of all blocks but the first."""
        self.check(network)
        sizes = {name: math.prod(shape) for name, shape in neuron_shapes(self.name, network).items()}
        like = next(network.parameters())
        return {
            PREFIX + name: uniform((sizes[below], sizes[name]), self.bound * math.sqrt(sizes[name]), generator, like)
            for below, name in pairwise(sizes)
        }

    def way_back(self, network: Network, memory: Memory) -> WayBack:
        """The way back of a network, by the weights in the rule's memory."""
        blocks = network.blocks
        weights = {name: memory[PREFIX + name] for _, name in pairwise(blocks)}
        answers = {name: self.feedback or like(blocks[below].neuron) for below, name in pairwise(blocks)}
        return WayBack(weights, answers, self.difference)

    def look(self, network: Network, batch: Batch) -> Seen:
        """Run a batch; derivatives stay within blocks.

        Raises:
            ValueError: a loss that does not fit the batch.
        """
        names = trainable_names(network)
        with learning_only(network, names), network.presentation() as buffers, torch.enable_grad():
            record, _ = network.run(batch.inputs, adjoint=self.adjoint, masks=batch.masks, cut=True)
            spikes = record.output.spikes.detach().requires_grad_()
            output = record.output._replace(spikes=spikes)
            scores = network.readout(output)
            value = self.loss.of(batch, output, scores)
            (error,) = torch.autograd.grad(value, spikes)
            rates = {name: seen.spikes.mean(0).flatten(1) for name, seen in record.items()}
        error = batch.size * error.sum(0).flatten(1)
        return Seen(rates, error, scores.detach(), value.detach(), buffers, firing_rates(network, record))

    def towards_targets(self, network: Network, seen: Seen, memory: Memory) -> Update:
        """The step of every block's rates towards their targets."""
        rates, back = seen.values, self.way_back(network, memory)
        top = rates[next(reversed(rates))] - self.stepsize * seen.error
        targets = targets_of(back, rates, top, seen.fired)
        names = trainable_names(network)
        with torch.enable_grad():
            gaps = [(rate - targets[name]).square().sum() for name, rate in seen.rates.items() if rate.requires_grad]
            total = torch.stack(gaps).sum() / len(seen.scores)
            gradients = torch.autograd.grad(total, [network.get_parameter(name) for name in names], allow_unused=True)
        grads = named_gradients(self.loss, names, gradients)
        metrics = agreement(network, back.weights)
        return Update(grads, seen.scores, seen.loss, buffers=seen.buffers, rates=seen.fired, metrics=metrics)


def like(neuron: Neuron) -> Activation:
    """A rate neuron's own activation; of another neuron tanh, which is as steep at 0 as rates are small."""
    return neuron.activation if isinstance(neuron, Rate) else Tanh()


def agreement(network: Network, weights: Mapping[str, Tensor]) -> dict[str, float]:
    r"""{``agreement_<block>``: $\mathrm{tr}(W G) / (|W|\,|G|)$}, in [-1, 1], of dense blocks with one weight.

    Targets lead down the loss where the trace is positive (the weak condition of Shibuya et al., slopes left out).
    """
    cosine = {}
    for name, back in weights.items():
        forward = [p for p in network.blocks[name].synapse.parameters() if p.ndim == 2]
        if len(forward) == 1 and forward[0].shape == back.T.shape:
            weight = forward[0].detach()
            cosine[f"agreement_{name}"] = float(
                (weight * back.T).sum() / (weight.norm() * back.norm()).clamp_min(1e-30)
            )
    return cosine


def _check_sends(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        if not block.neuron.sends:
            raise ValueError(
                f"{rule} gives the rates of every block a target, but block {name!r} is a "
                f"{type(block.neuron).__name__}, which sends nothing: use LIF or Rate (--neuron lif, --output lif)"
            )

"""The output's error, sent down through weights that learn to mirror the forward ones from noise."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spikelearn.checks import check_count, check_not_negative, check_positive
from spikelearn.network import Network
from spikelearn.network.drawing import at_rest
from spikelearn.neurons import NO_ADJOINT, Adjoint
from spikelearn.plasticity.back_weights import (
    PREFIX,
    BackWeights,
    crossed_weights,
    named_leaves,
    neuron_shapes,
    refuse_autocast,
    sent_back_through,
)
from spikelearn.plasticity.base import Batch, Memory, OptimizerChoice
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Layered
from spikelearn.plasticity.three_factor.signals.feedback import check_crossed, check_plain
from spikelearn.synapses import float_type

#: What stands before a layer in the names of what is drawn.
NOISE = "noise."


class Mirrored(NamedTuple):
    """A layer whose weights are mirrored.

    Args:
        place: where it stands.
        layer: the module, a plain Linear or Conv.
        block: the block that it drives.
        shape: of one of its inputs.
    """

    place: str
    layer: nn.Module
    block: str
    shape: tuple[int, ...]


@SIGNALS.register("mirrored")
class MirroredFeedback(Layered):
    r"""The output's error, sent down through weights B that learn from noise what the forward weights W are.

    $$m_l[t] = B_{l+1}^\top\, e_{l+1}[t], \qquad
      \Delta B_l \propto \frac{1}{\sigma^2} \big\langle r_l(W_l\,\xi) \otimes \xi \big\rangle - B_l, \qquad
      \xi \sim N(0, \sigma^2)$$

    Beside every batch, each layer is sent noise $\xi$ by itself, which stays for as many steps as the batch has, and
    the neurons behind it answer $r_l$, what they send in the mean of the steps; neurons that send nothing, their
    potential. A synapse on the way back sees both of its neurons, and no weight. By Stein's lemma B becomes W with each
    row times the mean slope of its neuron's answer. Errors cross a synapse as in ``feedback``; in a convolution the
    mean is that of all places that an entry of the kernel meets.

    Args:
        loss: what is descended.
        noise: $\sigma$, in the unit of what the layer gets.
        patterns: patterns of noise for each sample of a batch.
        scale: k, B begins as in ``feedback``, from $U(-k/\sqrt n, k/\sqrt n)$; 0: at 0.
        feedback_lr: learning rate of B by plain descent, the share of B that a batch replaces.

    Shapes: m shaped like a block's spikes, [T, B, ...]; B like W; $\xi$ [B, patterns, in...].

    Raises:
        ValueError: weights in a module that is no plain Linear or Conv, reparametrised ones, or under autocast; a
            network that begins with a convolution and does not say its input_shape; a value out of range.

    Source: Akrout, Wilson, Humphreys, Lillicrap & Tweed, NeurIPS 2019. deviation: B decays to the mean of this batch's
    products, divided by the variance of the noise, where the paper's decays to 0 between products of any size; neurons
    are not biased towards the middle of their range; noise stays during a presentation, so that spiking neurons answer
    it by a rate.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        *,
        noise: float = 1.0,
        patterns: int = 1,
        scale: float = 1.0,
        feedback_lr: float = 0.05,
    ) -> None:
        super().__init__(loss)
        check_positive("noise", noise)
        check_count("patterns", patterns)
        check_not_negative("scale", scale)
        check_positive("feedback_lr", feedback_lr)
        self.noise, self.patterns, self.back = noise, patterns, BackWeights("random", scale)
        self.own_optimizer = OptimizerChoice("sgd", feedback_lr)

    @property
    def requires(self) -> tuple[Need, ...]:
        crossed = Passes("errors that cross plain Linear and Conv layers", check_crossed)
        return *super().requires, crossed, Passes("weights that are no function of others", check_plain)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``back_weights.<layer>``: B}, shaped like the layer's weight."""
        return self.back.init(crossed_weights(self.name, network), generator)

    def crossing(self, network: Network, inputs: Tensor, memory: Memory) -> AbstractContextManager[None]:
        refuse_autocast(self.name, inputs)
        forward = crossed_weights(self.name, network)
        return sent_back_through(zip(forward.values(), self.back.now(forward, memory).values(), strict=True))

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """{``noise.<layer>``: xi, [B, patterns, in...]} of all layers that an error crosses."""
        kind, device = float_type(network), batch.inputs.device
        return {
            NOISE + mirrored.place: self.noise
            * torch.randn(
                batch.size, self.patterns, *mirrored.shape, generator=generator, dtype=kind, device=generator.device
            ).to(device)
            for mirrored in _mirrored(self.name, network)
        }

    @torch.no_grad()
    def own_changes(
        self, network: Network, batch: Batch, memory: Memory, adjoint: Adjoint, grads: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        changes = {}
        seeds = torch.arange(batch.size) if network.seeds is None else network.seeds
        with network.drawing(seeds.repeat_interleave(self.patterns)):
            for mirrored in _mirrored(self.name, network):
                noise, layer = batch.draws[NOISE + mirrored.place].flatten(0, 1), mirrored.layer
                answer = _answer(network, mirrored.block, layer(noise), len(batch.inputs))
                seen = _met(layer, noise, answer) / _met(layer, torch.ones_like(noise), torch.ones_like(answer))
                changes[PREFIX + mirrored.place] = memory[PREFIX + mirrored.place] - seen / self.noise**2
        return changes


def _mirrored(rule: str, network: Network) -> Iterator[Mirrored]:
    """The layers that an error crosses, each with the shape of what it gets."""
    crossed, shapes = crossed_weights(rule, network), {"inputs": (), **neuron_shapes(rule, network)}
    edges = [(name, *edge) for name in network.blocks for edge in network.into(name) if edge[1] != "inputs"]
    edges += [(e.target, f"feedback.{name}", e.source, e.synapse) for name, e in network.feedback.items()]
    like = next(network.parameters())
    for block, path, source, synapse in edges:
        # Two samples, for a norm of one has no variance.
        x = like.new_zeros(2, *shapes[source])
        for place, layer in named_leaves(f"{path}.synapse", synapse):
            if place in crossed:
                yield Mirrored(place, layer, block, tuple(x.shape[1:]))
            with torch.no_grad():
                x = layer(x)


def _answer(network: Network, block: str, current: Tensor, steps: int) -> Tensor:
    """What the neurons of a block send under a constant current [samples, ...], the mean of the steps."""
    neuron = network.blocks[block].neuron
    state, total = at_rest(network, block, current), torch.zeros_like(current)
    for _ in range(steps):
        spikes, v, state = NO_ADJOINT.step(neuron, state, current)
        total += spikes if neuron.sends else v
    return total / steps


def _met(layer: nn.Module, pre: Tensor, post: Tensor) -> Tensor:
    """The sum of products of what meets each weight of a layer, shaped like the weight."""
    assert isinstance(layer.weight, Tensor)
    weight = layer.weight.detach().requires_grad_()
    with torch.enable_grad():
        (met,) = torch.autograd.grad(functional_call(layer, {"weight": weight}, (pre,)), weight, post)
    return met

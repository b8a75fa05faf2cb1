"""The output's error at the first layer of a second presentation: a fixed matrix, and what it changes."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from spikelearn.network import Network
from spikelearn.plasticity.back_weights import PREFIX, input_shape, neuron_shapes, uniform
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.two_phase.windows import mean
from spikelearn.synapses import as_float
from spikelearn.synapses.structure import is_constant_in_time

#: What a second presentation has that the first one had not.
Modulation = Literal["input", "spikes", "current"]

#: Name of the uniform numbers by which spikes of the input are added and taken away.
FLIPS = "flips"


class Presented(NamedTuple):
    """The inputs of a second presentation.

    Args:
        inputs: [T, B, ...].
        inject: {block: current added at every step, [T, B, ...]}.
    """

    inputs: Tensor
    inject: Mapping[str, Tensor]


def drawn_matrices(
    rule: str, network: Network, modulation: Modulation, scale: float, generator: torch.Generator
) -> Memory:
    r"""Matrices from the output's n neurons to where the error goes, from $U(-k\sqrt{6/m}, k\sqrt{6/m})$.

    m is the number of places there: those of an input, or the neurons of a block that inputs feed ("current").

    Args:
        rule: name of the rule.
        network: whose places they are.
        modulation: what they change.
        scale: k, dimensionless.
        generator: draws them.

    Shapes: {``back_weights.inputs``: [n, *image]}, or {``back_weights.<block>``: [n, *block]}.

    Raises:
        ValueError: a network that begins with an image of unknown size.
    """
    shapes = neuron_shapes(rule, network)
    outputs = sum(torch.Size(shapes[name]).numel() for name in network.outputs)
    places = {name: shapes[name] for name in fed_blocks(network)}
    if modulation != "current":
        places = {"inputs": input_shape(rule, network)}
    like, gain = next(network.parameters()), scale * 6.0**0.5
    return {PREFIX + name: uniform((outputs, *shape), gain, generator, like) for name, shape in places.items()}


def fed_blocks(network: Network) -> list[str]:
    """Blocks into which an edge leads from the inputs."""
    return [name for name in network.blocks if any(source == "inputs" for _, source, _ in network.into(name))]


def with_error(
    network: Network,
    batch: Batch,
    modulation: Modulation,
    error: Tensor,
    matrices: Mapping[str, Tensor],
    draws: Mapping[str, Tensor],
) -> Presented:
    """The batch as it is presented with an error.

    Args:
        network: that it is presented to.
        batch: as it was presented at first.
        modulation: "input" adds the projected error to every step's input; "spikes" raises and lowers the rate of
            binary inputs by it; "current" adds it to every step's current into the blocks that inputs feed.
        error: what is projected, [B, n].
        matrices: {``inputs`` or a block: [n, ...]}.
        draws: the rule's, with those of ``flips_for`` where spikes are changed.

    Raises:
        ValueError: inputs that are no spikes, where spikes are to be changed.
    """
    size, steps = batch.size, len(batch.inputs)
    if modulation == "current":
        currents = {
            name: (error @ matrix.flatten(1)).view(size, *matrix.shape[1:]) for name, matrix in matrices.items()
        }
        return Presented(batch.inputs, {name: added.expand(steps, *added.shape) for name, added in currents.items()})
    shift = (error @ matrices["inputs"].flatten(1)).view(batch.inputs.shape[1:])
    if modulation == "spikes":
        return Presented(shifted_spikes(batch.inputs, shift, draws[FLIPS].transpose(0, 1)), {})
    if is_constant_in_time(batch.inputs):
        once = as_float(batch.inputs[0], network) + shift
        return Presented(once.expand(steps, *once.shape), {})
    return Presented(as_float(batch.inputs, network) + shift, {})


def flips_for(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
    """{``flips``: uniform numbers in [0, 1), one for each input and step, [B, T, ...]}."""
    shape = batch.size, len(batch.inputs), *batch.inputs.shape[2:]
    drawn = torch.rand(shape, generator=generator, device=generator.device)
    return {FLIPS: drawn.to(batch.inputs.device)}


def shifted_spikes(spikes: Tensor, shift: Tensor, uniform: Tensor) -> Tensor:
    r"""Spikes of which the rate r is shifted by d, and as few as possible differ from those that were there.

    A silent step becomes a spike with probability $d/(1 - r)$, a spike is left out with probability $-d/r$: the mean
    rate is r + d, cut to [0, 1], and where d = 0 nothing changes. So the encoder's noise is the same in both.

    Args:
        spikes: binary record [T, B, ...], of any type.
        shift: d, spikes per step, [B, ...].
        uniform: numbers in [0, 1), [T, B, ...].

    Shapes: spikes as bytes, [T, B, ...].

    Raises:
        ValueError: a record that is not binary.
    """
    there = spikes != 0
    if spikes.is_floating_point() and not bool((there == spikes).all()):
        raise ValueError(
            "modulation is 'spikes', but the inputs are no spikes (0 or 1): encode them (--encoder rate), or use "
            "modulation=input"
        )
    rate = mean(there, torch.nn.Identity()).to(shift.dtype)
    added, dropped = uniform < shift / (1.0 - rate), uniform < -shift / rate
    return torch.where(there, ~dropped, added).view(torch.uint8)

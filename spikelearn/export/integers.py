"""A dense network in integers: weights of few bits, one scale a layer, and potentials in fixed point."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.checks import check_count, check_flag
from spikelearn.export.nir_fold import Weighted, folded
from spikelearn.export.nir_writer import scaled
from spikelearn.network import Network
from spikelearn.neurons import IF, LIF

#: Binary digits behind the point of potentials, and of decays.
FRACTION, DECAY = 8, 15


class IntegerLayer(NamedTuple):
    """One layer.

    Args:
        name: of its block.
        weight: integers [out, in] of the bits that were asked for.
        bias: integers [out] in steps of the weights' scale over $2^{FRACTION}$.
        decay: $\\lambda\\,2^{DECAY}$, rounded; $2^{DECAY}$ of an IF.
        threshold: in the bias's steps; a potential above it fires.
        scale: one step of the weights, in units of the network's weights.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    decay: int
    threshold: int
    scale: float


class IntegerNetwork(NamedTuple):
    """Layers in order, the bits of their weights, and what is lost, a sentence each."""

    layers: tuple[IntegerLayer, ...]
    bits: int
    notes: tuple[str, ...]

    def run(self, inputs: Tensor) -> Tensor:
        r"""Output spikes [T, B, n] of binary inputs [T, B, ...], in integers alone.

        $v \leftarrow \lfloor \lambda' v / 2^{15} \rfloor + 2^8\,W' s + b'$, z = v > threshold, v := 0 where z = 1:
        what the loop of the C header does, bit for bit.

        Raises:
            ValueError: inputs other than 0 and 1.
        """
        if not bool(((inputs == 0) | (inputs == 1)).all()):
            raise ValueError("inputs of an integer network are spikes, expected 0 and 1 alone: use a spike encoder")
        spikes = inputs.flatten(2).to(torch.int64).numpy()
        for layer in self.layers:
            v, sent = np.zeros((spikes.shape[1], len(layer.weight)), np.int64), []
            for now in spikes:
                drive = ((now @ layer.weight.T.astype(np.int64)) << FRACTION) + layer.bias
                v = ((v * layer.decay) >> DECAY) + drive
                z = v > layer.threshold
                v = np.where(z, 0, v)
                sent.append(z.astype(np.int64))
            spikes = np.stack(sent)
        return torch.from_numpy(spikes).float()


def to_integers(network: Network, bits: int = 8, *, power_of_two: bool = False) -> IntegerNetwork:
    r"""The network with weights of ``bits`` bits, one scale a layer, symmetric: $|w'| \le 2^{bits-1}-1$.

    The scale is max|w| / (2^{bits-1}-1), or the next above by which the threshold is a power of two. Thresholds,
    biases and decays are rounded to fixed point. A threshold that fires at equality is one step lower, so that ties,
    which weights on a grid have, are what the network says they are.

    Args:
        network: a chain of dense blocks of LIF or IF neurons, reset to their rest, one constant for all of a block.
        bits: of a weight, 2 to 16.
        power_of_two: whether thresholds are powers of two, which a shift compares.

    Raises:
        ValueError: another network, by the block's name; bits out of range.
    """
    check_count("bits", bits, least=2)
    check_flag("power_of_two", power_of_two)
    if bits > 16:
        raise ValueError(f"bits is {bits}, expected 2 to 16")
    if not network.wiring.chain or network.feedback:
        raise ValueError("the network is no chain of blocks, expected each to take from the one before alone")
    layers, notes = [], []
    for name, block in network.blocks.items():
        layer = _layer(name, block.synapse, block.neuron, bits, power_of_two)
        if block.delay:
            raise ValueError(f"block {name!r} has a delay of {block.delay} steps, which the integer loop does not have")
        layers.append(layer)
        notes.append(
            f"block {name!r}: weights in steps of {layer.scale:.3g}, threshold {layer.threshold} / {2**FRACTION} of one"
        )
    return IntegerNetwork(tuple(layers), bits, tuple(notes))


def _layer(name: str, synapse: nn.Module, neuron: nn.Module, bits: int, power_of_two: bool) -> IntegerLayer:
    parts = [part for part in folded(name, synapse)[0] if not isinstance(part, nn.Flatten)]
    if len(parts) != 1 or not isinstance(parts[0], Weighted) or not isinstance(parts[0].layer, nn.Linear):
        raise ValueError(f"block {name!r} is no dense layer, expected Linear weights: {synapse!r}")
    if type(neuron) not in (LIF, IF) or not isinstance(neuron, LIF | IF):
        raise ValueError(f"block {name!r} has {type(neuron).__name__} neurons, expected LIF or IF")
    if neuron.per_neuron:
        raise ValueError(f"block {name!r} has {', '.join(neuron.per_neuron)} for each neuron, expected one for all")
    if neuron.reset != "to_value" or float(neuron.v_leak) != float(neuron.v_reset):
        raise ValueError(f"block {name!r} is not reset to its rest, expected reset='to_value' and v_reset = v_leak")
    gain, rest = float(neuron.gain_mem), float(neuron.v_reset)
    threshold = float(neuron.v_threshold) - rest
    weight = scaled(parts[0].weight, gain).astype(np.float64)
    bias = np.zeros(len(weight)) if parts[0].bias is None else scaled(parts[0].bias, gain).astype(np.float64)
    largest = 2 ** (bits - 1) - 1
    scale = float(np.abs(weight).max()) / largest or threshold
    if power_of_two:
        # The next above by which threshold / scale is a power of two.
        scale = threshold / 2.0 ** math.floor(math.log2(threshold / scale))
    step = scale / 2**FRACTION
    level = round(threshold / step)
    return IntegerLayer(
        name,
        np.clip(np.round(weight / scale), -largest, largest).astype(np.int16 if bits > 8 else np.int8),
        np.round(bias / step).astype(np.int64).clip(-(2**31), 2**31 - 1).astype(np.int32),
        round(float(neuron.decay_mem) * 2**DECAY),
        level - 1 if neuron.inclusive else level,
        scale,
    )

"""Online pair STDP of one dense layer: which networks the compiled loop knows, and what it is given."""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.checks import remember_finite
from spikelearn.kernels import events, private_weights, stdp_online
from spikelearn.kernels.calling import array
from spikelearn.kernels.doors import vouch
from spikelearn.network import Block, FittedReadout, Network, RateReadout
from spikelearn.neurons import IF, LIF, AdaptiveLIF, MembraneNeuron, Neuron
from spikelearn.plasticity.base import Batch, Update
from spikelearn.plasticity.running import is_plain_rate
from spikelearn.plasticity.spike_timing.stepwise import weight_name
from spikelearn.synapses import as_linear

#: The neurons that the compiled loop knows.
NEURONS: tuple[type[Neuron], ...] = (LIF, AdaptiveLIF, IF)


class PairNumbers(NamedTuple):
    """The options of online pair STDP, as ``stdp-online`` has them; decays are per step."""

    a_plus: float
    a_minus: float
    decay_pre: float
    decay_post: float
    low: float
    high: float
    coincident: bool


class DenseBlock(NamedTuple):
    """One dense block: its name, its weights, and the weights by which it sends to itself."""

    name: str
    block: Block
    linear: nn.Linear
    lateral: Tensor | None


def known_layer(network: Network, batch: Batch) -> DenseBlock | None:
    """The one dense block without masks of a network that the compiled loop can present; None where it cannot."""
    layer = _parts(network)
    if layer is None:
        return None
    inputs, linear = batch.inputs, layer.linear
    if inputs.device.type != "cpu" or inputs.dtype not in (linear.weight.dtype, torch.uint8, torch.bool):
        return None
    # The loop indexes weights by input: what does not fit is refused step by step, with the words of every network.
    if inputs.flatten(2).shape[2] != linear.in_features or (layer.block.synapse is linear and inputs.ndim > 3):
        return None
    return layer


def present_layer(
    layer: DenseBlock, network: Network, batch: Batch, numbers: PairNumbers, teaching: dict[str, Tensor]
) -> tuple[Update, Tensor]:
    """The update of ``layer``, with the teacher's currents {block: [T, B, n]}; the numbers of spikes, [B, n]."""
    inputs = batch.inputs.detach()
    scores = network.scores(network.run(batch.inputs)[0]) if teaching else None
    teacher = teaching[layer.name][0] if teaching else None
    grad, counts = _present(numbers, layer, inputs.flatten(2), teacher)
    if scores is None:
        assert isinstance(network.readout, RateReadout)
        scores = network.readout.of_rate(torch.from_numpy(counts) / len(inputs))
    rate = float(counts.sum()) / (len(inputs) * counts.size)
    name = weight_name(f"blocks.{layer.name}.synapse.", layer.block.synapse)
    return Update({name: grad}, scores, rates={layer.name: rate}), torch.from_numpy(counts)


def _parts(network: Network) -> DenseBlock | None:
    """The block, its weights and what it sends to itself, where the compiled loop knows them all."""
    name, block = next(iter(network.blocks.items()))
    linear = as_linear(block.synapse)
    if (
        linear is None
        or len(network.blocks) > 1
        or network.feedforward
        or network.signs
        or block.delay
        or block.dynamic
        or type(block.neuron) not in NEURONS
    ):
        return None
    if block.neuron.per_neuron:
        return None
    # Buffers may change as they are read, but for those that were fitted.
    readout = network.readout
    changing = not isinstance(readout, FittedReadout) and any(module._buffers for module in readout.modules())
    if not is_plain_rate(readout) or changing or len(network.feedback) > 1:
        return None
    weight, lateral = linear.weight, None
    for edge in network.feedback.values():
        back = as_linear(edge.synapse)
        if back is None or edge.dynamic or back._parameters["bias"] is not None or back.weight.requires_grad:
            return None
        if back.weight.dtype != weight.dtype or back.weight.device != weight.device:
            return None
        lateral = back.weight
    known = weight.dtype in (torch.float32, torch.float64) and weight.device.type == "cpu" and weight.requires_grad
    return DenseBlock(name, block, linear, lateral) if known and weight.is_contiguous() else None


def _present(numbers: PairNumbers, layer: DenseBlock, inputs: Tensor, teacher: Tensor | None) -> tuple[Tensor, Any]:
    """Minus the change of the weights [out, in], and the numbers of spikes [B, out]."""
    linear, lateral = layer.linear, layer.lateral
    (steps, batch, _), weight = inputs.shape, array(linear.weight)
    like = weight.dtype
    columns, amounts, starts, active = _events(inputs, like)
    private, grad = np.empty((len(active), len(weight)), like), np.empty_like(weight)
    bounds = numbers.low, numbers.high
    largest, finite = private_weights.load(weight, active, np.array(bounds, like), private, grad)
    # Bounds that no weight comes near, infinite ones among them, say nothing of what change is too small for a weight.
    size_of_weights = min(max(map(abs, bounds)), float(largest))
    settings = np.array([numbers.a_plus / batch, numbers.a_minus / batch, *bounds, size_of_weights], like)
    base = np.zeros((batch if teacher is not None else 1, len(weight)), like)
    for current in (linear.bias, teacher):
        if current is not None:
            base += array(current)
    counts = stdp_online.present(
        columns,
        amounts,
        starts,
        private,
        base,
        np.empty((0, 0), like) if lateral is None else array(lateral.contiguous()),
        *_neuron(layer.block.neuron, like),  # type: ignore[arg-type]
        settings,
        numbers.coincident,
        _decays(numbers.decay_pre, numbers.decay_post, steps, like),
    )
    finite &= private_weights.unload(weight, active, private, counts, grad)
    change = torch.from_numpy(grad)
    if finite:
        remember_finite(change)
    return change, counts


@lru_cache(maxsize=8)
def _decays(pre: float, post: float, steps: int, like: Any) -> Any:
    """What is left of both traces after 0, 1, ... steps, [2, steps]."""
    ages = np.arange(steps)
    return np.stack([pre**ages, post**ages]).astype(like)


def _events(inputs: Tensor, like: Any) -> tuple[Any, Any, Any, Any]:
    """Events of [T, B, n]: number among the active inputs and amount of each, row after row, where each row starts.

    The last of four: the inputs that are active at all, ascending.
    """
    steps, batch, size = inputs.shape
    record = inputs.contiguous()
    record = record.view(torch.uint8) if record.dtype == torch.bool else record
    values = array(record).reshape(-1)
    words = values[: values.nbytes // 8 * 8 // values.itemsize].view(np.uint64)
    columns, amounts = np.empty(values.size, np.int32), np.empty(values.size, like)
    starts = np.zeros(steps * batch + 1, np.int64)
    events.find_events(values, words, size, columns, amounts, starts)
    count = int(starts[-1])
    vouch(columns, size)
    active = events.number_active(columns[:count], size)
    vouch(columns, len(active))
    vouch(starts, count)
    return columns[:count], amounts[:count], starts, active


def _neuron(neuron: MembraneNeuron, like: Any) -> tuple[Any, bool]:
    """The numbers that ``present`` takes, and whether the threshold adapts.

    A threshold that fires at equality is one that lies a last digit lower.
    """
    adaptive = isinstance(neuron, AdaptiveLIF)
    beta, decay = (neuron.beta, neuron.decay_adaptation) if isinstance(neuron, AdaptiveLIF) else (0.0, 0.0)
    kept, jump = (1.0, -neuron.v_threshold) if neuron.reset == "subtract" else (0.0, neuron.v_reset)
    start = neuron.v_leak
    numbers = [neuron.decay_mem, neuron.gain_mem, neuron.leak, start, neuron.v_threshold, kept, jump, beta, decay]
    membrane = np.array(numbers, like)
    if neuron.inclusive:
        membrane[4] = np.nextafter(membrane[4], like.type(-math.inf))
    return membrane, adaptive

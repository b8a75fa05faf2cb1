"""Online pair STDP of one dense layer: which networks the compiled loop knows, and what it is given."""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.kernels import events, private_weights, stdp_online
from spikelearn.kernels.calling import array
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
    changing = [] if isinstance(network.readout, FittedReadout) else list(network.readout.buffers())
    if not is_plain_rate(network.readout) or changing or len(network.feedback) > 1:
        return None
    weight, lateral = linear.weight, None
    for edge in network.feedback.values():
        back = as_linear(edge.synapse)
        if back is None or edge.dynamic or len(list(back.parameters())) > 1 or back.weight.requires_grad:
            return None
        if back.weight.dtype != weight.dtype or back.weight.device != weight.device:
            return None
        lateral = back.weight
    known = weight.dtype in (torch.float32, torch.float64) and weight.device.type == "cpu" and weight.requires_grad
    return DenseBlock(name, block, linear, lateral) if known and weight.is_contiguous() else None


def _present(numbers: PairNumbers, layer: DenseBlock, inputs: Tensor, teacher: Tensor | None) -> tuple[Tensor, Any]:
    """Minus the change of the weights [out, in], and the numbers of spikes [B, out]."""
    linear, lateral = layer.linear, layer.lateral
    (steps, batch, size), weight = inputs.shape, array(linear.weight)
    like = weight.dtype
    columns, amounts, starts = _events(inputs, like)
    active = events.number_active(columns, size)
    private, grad = np.empty((len(active), len(weight)), like), np.empty_like(weight)
    # Bounds that no weight comes near, infinite ones among them, say nothing of what change is too small for a weight.
    bound = max(abs(numbers.low), abs(numbers.high))
    size_of_weights = min(bound, float(np.abs(weight).max(initial=0.0)))
    rates = numbers.a_plus / batch, numbers.a_minus / batch
    settings = np.array([*rates, numbers.low, numbers.high, size_of_weights], like)
    private_weights.load(weight, active, settings[2:4], private, grad)
    base = np.zeros((batch, len(weight)), like)
    for current in (linear.bias, teacher):
        if current is not None:
            base += array(current)
    ages = np.arange(steps)
    decays = np.stack([numbers.decay_pre**ages, numbers.decay_post**ages]).astype(like)
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
        decays,
    )
    private_weights.unload(weight, active, private, counts, grad)
    return torch.from_numpy(grad), counts


def _events(inputs: Tensor, like: Any) -> tuple[Any, Any, Any]:
    """Column and amount of everything in [T, B, n] that is not 0, row after row, and where each row starts."""
    steps, batch, size = inputs.shape
    record = inputs.contiguous()
    record = record.view(torch.uint8) if record.dtype == torch.bool else record
    values = array(record).reshape(-1)
    words = values[: values.nbytes // 8 * 8 // values.itemsize].view(np.uint64)
    columns, amounts = np.empty(values.size, np.int32), np.empty(values.size, like)
    starts = np.zeros(steps * batch + 1, np.int64)
    events.find_events(values, words, size, columns, amounts, starts)
    return columns[: starts[-1]], amounts[: starts[-1]], starts


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

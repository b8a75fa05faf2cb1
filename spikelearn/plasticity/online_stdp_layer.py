"""Online pair STDP of one dense layer: which networks the compiled loop knows, and what it is given."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.compiled import array
from spikelearn.network import Block, Network, RateReadout
from spikelearn.neurons import IF, LIF, AdaptiveLIF, MembraneNeuron, Neuron
from spikelearn.plasticity import online_stdp_kernel as kernels
from spikelearn.plasticity.base import Batch, Update
from spikelearn.plasticity.pair_stdp import is_plain_rate, weight_name
from spikelearn.synapses import as_linear

if TYPE_CHECKING:
    from spikelearn.plasticity.online_stdp import OnlineSTDP

#: The neurons that the compiled loop knows.
NEURONS: tuple[type[Neuron], ...] = (LIF, AdaptiveLIF, IF)


def present_layer(rule: OnlineSTDP, network: Network, batch: Batch) -> Update | None:
    """The update of a network of one dense block without masks; None where the network is another."""
    found = _parts(network)
    if found is None:
        return None
    name, block, linear, lateral = found
    inputs = batch.inputs.detach()
    if inputs.device.type != "cpu" or inputs.dtype not in (linear.weight.dtype, torch.uint8, torch.bool):
        return None
    teaching = rule.teaching(network, batch)
    scores = network.scores(network.run(batch.inputs)[0]) if teaching else None
    teacher = teaching[name][0] if teaching else None
    grad, counts = _present(rule, block, linear, lateral, inputs.flatten(2), teacher)
    if scores is None:
        assert isinstance(network.readout, RateReadout)
        scores = network.readout.of_rate(torch.from_numpy(counts) / len(inputs))
    rate = float(counts.sum()) / (len(inputs) * counts.size)
    return Update({weight_name(f"blocks.{name}.synapse.", block.synapse): grad}, scores, rates={name: rate})


def _parts(network: Network) -> tuple[str, Block, nn.Linear, Tensor | None] | None:
    """The block, its weights and what it sends to itself, where the compiled loop knows them all."""
    name, block = next(iter(network.blocks.items()))
    linear = as_linear(block.synapse)
    if linear is None or len(network.blocks) > 1 or block.delay or type(block.neuron) not in NEURONS:
        return None
    if not is_plain_rate(network.readout) or any(True for _ in network.readout.buffers()) or len(network.feedback) > 1:
        return None
    weight, lateral = linear.weight, None
    for edge in network.feedback.values():
        back = as_linear(edge.synapse)
        if back is None or len(list(back.parameters())) > 1 or back.weight.requires_grad:
            return None
        if back.weight.dtype != weight.dtype or back.weight.device != weight.device:
            return None
        lateral = back.weight
    known = weight.dtype in (torch.float32, torch.float64) and weight.device.type == "cpu" and weight.requires_grad
    return (name, block, linear, lateral) if known and weight.is_contiguous() else None


def _present(
    rule: OnlineSTDP, block: Block, linear: nn.Linear, lateral: Tensor | None, inputs: Tensor, teacher: Tensor | None
) -> tuple[Tensor, Any]:
    """Minus the change of the weights [out, in], and the numbers of spikes [B, out]."""
    (steps, batch, size), weight = inputs.shape, array(linear.weight)
    like = weight.dtype
    columns, amounts, starts = _events(inputs, like)
    active = kernels.number_active(columns, size)
    private, grad = np.empty((len(active), len(weight)), like), np.empty_like(weight)
    numbers = np.array([rule.a_plus / batch, rule.a_minus / batch, rule.low, rule.high], like)
    kernels.load(weight, active, numbers[2:], private, grad)
    base = np.zeros((batch, len(weight)), like)
    for current in (linear.bias, teacher):
        if current is not None:
            base += array(current)
    ages = np.arange(steps)
    decays = np.stack([rule.decay_pre**ages, rule.decay_post**ages]).astype(like)
    counts = kernels.present(
        columns,
        amounts,
        starts,
        private,
        base,
        np.empty((0, 0), like) if lateral is None else array(lateral.contiguous()),
        *_neuron(block.neuron, like),  # type: ignore[arg-type]
        numbers,
        rule.coincident,
        decays,
    )
    kernels.unload(weight, active, private, counts, grad)
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
    kernels.find_events(values, words, size, columns, amounts, starts)
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

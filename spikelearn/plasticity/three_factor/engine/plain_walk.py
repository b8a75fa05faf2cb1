"""A run step by step of a chain of dense layers and leaky neurons, whose factors are written out."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.events import SMALLEST
from spikelearn.fast_path import is_plain
from spikelearn.network import Activity, Block, Network, Record, writes_nothing
from spikelearn.neurons import (
    HARD,
    IF,
    LIF,
    Adjoint,
    LeakyIntegrator,
    Membrane,
    MembraneNeuron,
    MembraneState,
    SpikeFunction,
    Surrogate,
)
from spikelearn.neurons.parts.spike_function import Derivative
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.three_factor.engine.walk import Step, Walk
from spikelearn.plasticity.three_factor.signals import Spatial
from spikelearn.plasticity.three_factor.signals.base import Signal
from spikelearn.plasticity.three_factor.traces import PrePostTrace, PreTrace, Trace
from spikelearn.plasticity.three_factor.traces.base import Edge
from spikelearn.synapses import as_linear, drive, float_type


class Layer(NamedTuple):
    """A block of the chain.

    Args:
        name: of the block.
        linear: its weights.
        prefix: the path of their names.
        neuron: its neurons.
        decay: of the trace of what meets the weights, per step.
        learns: the names of ``linear``'s parameters that learn.
    """

    name: str
    linear: nn.Linear
    prefix: str
    neuron: Membrane
    decay: float
    learns: tuple[str, ...]


class PlainWalk(Walk):
    r"""The run of ``Walk`` where errors go down a chain of dense layers, without a graph but that of the loss.

    At each step $\delta_l = g\,\psi_l\,m_l$ with $m_{l-1} = W_l^\top\delta_l$ meets the trace that the step carries on.
    Values are those of ``Walk``, of which it asks nothing but the numbers of its operations: those are what a step of a
    small network waits for.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.network.check_run(self.batch.inputs)
        self._layers = layers_of(self.network, self.trace, self.names)
        self._kind = float_type(self.network)
        self._membranes: dict[str, MembraneState] = {}

    def step(self, t: int) -> Step:
        """Take step t; steps are taken in order."""
        with torch.no_grad():
            met, seen = self._forward(self.batch.inputs[t].flatten(1).to(self._kind))
            record = Record(seen, {}, outputs=self.network.outputs)
            self.seen.add(record)
            share = self.shares[t]
            slopes = self._slopes_of(seen) if share or self.trace.looks_behind else {}
            learned = self._taught(t, record, met, slopes) if share else self.nothing()
            if isinstance(self.trace, PrePostTrace):
                for name, slope in slopes.items():
                    before = self._slopes.get(name)
                    self._slopes[name] = slope if before is None else self.trace.decay_post * before + slope
        return learned

    def _forward(self, x: Tensor) -> tuple[dict[str, Tensor], dict[str, Activity]]:
        """{block: what met its weights} and {block: its activity, [1, B, n]}; traces and membranes move on."""
        met, seen = {}, {}
        for layer in self._layers:
            name, linear = layer.name, layer.linear
            if x.numel() < SMALLEST:
                current = F.linear(x, linear.weight, linear.bias)
            else:
                current = drive(linear, x.unsqueeze(0))[0]
            state = self._membranes.get(name) or layer.neuron.initial_state(current)
            z, v, self._membranes[name] = layer.neuron.step(state, current, HARD)
            before = self._traces.get(name)
            self._traces[name] = x if before is None or not layer.decay else torch.add(x, before, alpha=layer.decay)
            met[name], seen[name] = x, Activity(x.unsqueeze(0), z.unsqueeze(0), v.unsqueeze(0))
            x = z
        return met, seen

    def _slopes_of(self, seen: Mapping[str, Activity]) -> dict[str, Tensor]:
        """{block: derivative of its spikes in its currents, [B, n]}."""
        firing = [layer for layer in self._layers if layer.neuron.fires]
        return {layer.name: slope_of(self.adjoint, layer.neuron, seen[layer.name].v[0]) for layer in firing}

    def _taught(self, t: int, record: Record, met: Mapping[str, Tensor], slopes: Mapping[str, Tensor]) -> Step:
        *below, last = self._layers
        seen = record[last.name]
        leaves = [seen.spikes.detach().requires_grad_(), seen.v.detach().requires_grad_()]
        with torch.enable_grad():
            heard = Record({last.name: Activity(seen.pre, *leaves)}, {}, outputs=record.outputs)
            value = self.value(t, heard)
        arrived: tuple[Tensor | None, ...] = torch.autograd.grad(value, leaves, allow_unused=True)
        at_spikes, at_v = (None if error is None else error[0] for error in arrived)
        if at_spikes is None and at_v is None:
            return self.nothing()
        error = error_of(last.neuron, at_spikes, at_v, slopes.get(last.name), seen.v[0])
        grads = self._changes(last, error, None, met)
        above = last
        for layer in reversed(below):
            signal = error @ above.linear.weight
            error, above = signal * slopes[layer.name], layer
            grads |= self._changes(layer, error, signal, met)
        self.loss += value.detach()
        return Step(grads, {}, value.detach())

    def _changes(
        self, layer: Layer, error: Tensor, signal: Tensor | None, met: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The changes of a layer's parameters; the ``signal`` at what its neurons send, which are not read."""
        changes, name = {}, layer.name
        if "weight" in layer.learns:
            change = error.t() @ self._traces[name]
            if signal is not None and isinstance(self.trace, PrePostTrace):
                change *= self.trace.alpha_pre
                if (before := self._slopes.get(name)) is not None:
                    change.addmm_((signal * before).t(), met[name], alpha=self.trace.alpha_post)
            changes["weight"] = change
        if "bias" in layer.learns:
            changes["bias"] = error.sum(0)
        return {f"{layer.prefix}{key}": change for key, change in changes.items()}


def fits(network: Network, batch: Batch, signal: Signal, trace: Trace, adjoint: Adjoint) -> bool:
    """Tell whether a run is one whose factors are written out here."""
    inputs = batch.inputs
    return (
        type(signal) is Spatial
        and type(trace) in (PreTrace, PrePostTrace)
        and _derivative_of(adjoint) is not None
        and network.wiring.chain
        and not network.feedback
        and not batch.masks
        and is_plain(inputs)
        and not (inputs.requires_grad or torch.is_autocast_enabled(inputs.device.type))
        and writes_nothing(network)
        and all(_is_plain_block(block, inputs, name in network.outputs) for name, block in network.blocks.items())
    )


def slope_of(adjoint: Adjoint, neuron: Membrane, v: Tensor) -> Tensor:
    r"""$g\,\psi$, the derivative of spikes in the current of their step, at the potentials ``v``."""
    derivative = _derivative_of(adjoint)
    assert derivative is not None
    assert isinstance(neuron, MembraneNeuron)
    return neuron.gain_mem * derivative(v - neuron.v_threshold)


def error_of(
    neuron: Membrane, at_spikes: Tensor | None, at_v: Tensor | None, slope: Tensor | None, like: Tensor
) -> Tensor:
    """The error at the currents of neurons, of what arrives at their spikes and potentials."""
    error = torch.zeros_like(like)
    if at_spikes is not None and slope is not None:
        error += at_spikes * slope
    return error if at_v is None else error.add_(neuron.gain_mem * at_v)


def _derivative_of(adjoint: Adjoint) -> Derivative | None:
    """The derivative of plain surrogates; None for all else."""
    function = adjoint.spike_function if type(adjoint) is Surrogate else HARD
    return function.derivative if type(function) is SpikeFunction else None


def _is_plain_block(block: Block, inputs: Tensor, read: bool) -> bool:
    linear = as_linear(block.synapse)
    known = type(block.neuron) in ((LIF, IF, LeakyIntegrator) if read else (LIF, IF))
    plain = linear is not None and all(is_plain(p) and p.device.type == "cpu" for p in linear.parameters())
    flat = inputs.ndim == 3 or linear is not block.synapse
    return known and plain and flat and not block.delay and not block.dynamic and block.release is None


def layers_of(network: Network, trace: Trace, names: list[str]) -> list[Layer]:
    """The layers of a network for which ``fits`` says yes, from the first."""
    assert isinstance(trace, PreTrace)
    layers = []
    for place, (name, block) in enumerate(network.blocks.items()):
        linear = as_linear(block.synapse)
        assert linear is not None
        assert isinstance(block.neuron, Membrane)
        inside = next(path for path, module in block.synapse.named_modules() if module is linear)
        prefix = f"blocks.{name}.synapse.{inside}." if inside else f"blocks.{name}.synapse."
        edge = Edge(block.synapse, linear.weight, block.neuron, place == 0, name in network.outputs)
        learns = tuple(key for key, _ in linear.named_parameters() if prefix + key in names)
        layers.append(Layer(name, linear, prefix, block.neuron, trace.decay_of(edge), learns))
    return layers

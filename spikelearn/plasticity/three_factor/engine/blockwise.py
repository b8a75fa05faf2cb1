"""A run in which every hidden block learns as soon as it has run, so that the graph of one block is kept at a time."""

from collections.abc import Sequence

import torch
from torch import Tensor

from spikelearn.events import share_active
from spikelearn.network import BlockActivity, Network, Record
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.base import Batch, Memory, Update
from spikelearn.plasticity.gradient.base import named_gradients
from spikelearn.plasticity.three_factor.engine.walk import (
    before_mask,
    edges_into,
    every_current,
    heard,
    step_shares,
    zero_currents,
)
from spikelearn.plasticity.three_factor.signals.base import Local, local_loss, told_to
from spikelearn.plasticity.three_factor.traces import Trace
from spikelearn.synapses import trainable


class Blockwise:
    """One batch of a rule whose signal looks at every block by itself.

    Args:
        signal, trace, adjoint: of the rule.
        network: without feedback edges; left as it is.
        batch, memory: as of ``updates``.
        counted: steps whose loss is descended, bool [T]; None: all.
        whole: the sum over a sample's steps of how much each counts.
    """

    def __init__(
        self,
        signal: Local,
        trace: Trace,
        adjoint: Adjoint,
        network: Network,
        batch: Batch,
        memory: Memory,
        counted: Tensor | None,
        whole: float,
    ) -> None:
        self.signal, self.trace, self.adjoint = signal, trace, trace.adjoint(adjoint)
        self.network, self.batch, self.memory = network, batch, memory
        self.counted, self.whole = counted, whole
        places = every_current(network, batch.inputs) if trace.is_factor else {}
        self._currents = zero_currents(network, batch.inputs, places)
        self._grads: dict[str, Tensor | None] = {}

    def update(self, names: list[str], buffers: dict[str, Tensor]) -> Update:
        """The update of the parameters ``names``; ``buffers`` are those of the presentation."""
        network, batch = self.network, self.batch
        shares = step_shares(network, batch, self.counted, self.whole)
        rates, own, metrics = dict[str, float](), dict[str, Tensor](), dict[str, float]()
        read: list[BlockActivity] = []
        for layer in network.layers(batch.inputs, adjoint=self.adjoint, inject=self._currents, masks=batch.masks):
            name, seen = layer.name, layer.activity
            if network.blocks[name].neuron.fires:
                rates[name] = share_active(seen.spikes)
            if name in network.outputs:
                read.append(layer)
            elif edges_into(network, layer):
                spikes, v = self.signal.seen(network, name, seen.spikes, seen.v)
                taught = self.signal.teach(name, spikes.detach(), v.detach(), batch, shares, self.memory)
                self._learn([layer], *told_to(spikes, v, taught))
                del spikes, v
                own |= taught.own
                metrics |= local_loss(name, taught) | _active_errors(layer)
            # Before the next block runs: its graph goes with it.
            del layer, seen
        record = Record({layer.name: layer.activity for layer in read}, {}, rates, outputs=network.outputs)
        scores = network.scores(record, batch.valid_steps)
        value = self.signal.loss.of(heard(batch, self.counted), record.output, scores)
        value = value if self.counted is None else value * self.whole
        self._learn(read, [value], [torch.ones_like(value)], [name for name in names if name.startswith("readout.")])
        for layer in read:
            metrics |= _active_errors(layer)
        grads = named_gradients(self.signal.loss, names, [self._grads.get(name) for name in names])
        return Update(grads, scores.detach(), value.detach(), own=own, buffers=buffers, rates=rates, metrics=metrics)

    def _learn(
        self,
        layers: Sequence[BlockActivity],
        outputs: Sequence[Tensor],
        signals: Sequence[Tensor],
        further: Sequence[str] = (),
    ) -> None:
        """The gradients of the edges into some blocks, and of ``further`` parameters, by signals at ``outputs``."""
        edges = {prefix: edge for layer in layers for prefix, edge in edges_into(self.network, layer).items()}
        if self.trace.is_factor:
            places = list(dict.fromkeys(target for target, _ in edges.values()))
            points = [self._currents[place] for place in places]
        else:
            inside = {
                f"{prefix}{key}": p for prefix, (_, edge) in edges.items() for key, p in trainable(edge.synapse).items()
            }
            places, points = list(inside), list(inside.values())
        points += [self.network.get_parameter(name) for name in further]
        if not points:
            return
        gradients = torch.autograd.grad(outputs, points, signals, allow_unused=True)
        arrived = dict(zip([*places, *further], gradients, strict=True))
        if self.trace.is_factor:
            for prefix, (target, edge) in edges.items():
                if (error := arrived[target]) is not None:
                    grads = self.trace.correlate(edge, before_mask(self.batch, prefix, error))
                    self._grads |= {prefix + key: grad for key, grad in grads.items()}
            arrived = {name: arrived[name] for name in further}
        self._grads |= arrived


def _active_errors(layer: BlockActivity) -> dict[str, float]:
    """The share of non-zero surrogate derivatives, where it was counted in the backward pass."""
    share = None if layer.errors is None else layer.errors.share
    return {} if share is None else {f"active_errors_{layer.name}": share}

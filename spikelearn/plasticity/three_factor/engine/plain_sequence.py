"""A sequence of a chain of dense layers and leaky neurons, whose factors are written out."""

import torch
from torch import Tensor

from spikelearn.network import Activity, Network, Record
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.base import Batch, Update, firing_rates
from spikelearn.plasticity.gradient.base import named_gradients
from spikelearn.plasticity.losses import Loss
from spikelearn.plasticity.three_factor.engine.behind import steps_before
from spikelearn.plasticity.three_factor.engine.plain_walk import error_of, layers_of, slope_of
from spikelearn.plasticity.three_factor.engine.walk import heard
from spikelearn.plasticity.three_factor.traces import PreTrace
from spikelearn.plasticity.three_factor.traces.base import Behind, Edge


class PlainSequence:
    r"""One batch of a rule whose errors go down a chain of dense layers within each step.

    $\delta_l = g\,\psi_l\,m_l$ with $m_{l-1} = W_l^\top\delta_l$, of all steps at once; the trace says what each error
    meets. The run keeps no graph, and so its kernels none of the numbers that one would need.

    Args:
        loss, trace, adjoint: of the rule.
        network: for which ``plain_walk.fits`` says yes; left as it is.
        batch: as of ``updates``.
        counted: steps whose loss is descended, bool [T]; None: all.
        whole: the sum over a sample's steps of how much each counts.
    """

    def __init__(
        self,
        loss: Loss,
        trace: PreTrace,
        adjoint: Adjoint,
        network: Network,
        batch: Batch,
        counted: Tensor | None,
        whole: float,
    ) -> None:
        self.loss, self.trace, self.adjoint = loss, trace, adjoint
        self.network, self.batch, self.counted, self.whole = network, batch, counted, whole

    def update(self, names: list[str]) -> Update:
        """The update of the parameters ``names``."""
        with torch.no_grad():
            record, _ = self.network.run(self.batch.inputs, adjoint=self.adjoint)
            rates = firing_rates(self.network, record)
        top = [name for name in names if name.startswith("readout.")]
        value, scores, (at_spikes, at_v, *at_top) = self._at_the_output(record, top)
        grads = dict(zip(top, at_top, strict=True))
        if at_spikes is not None or at_v is not None:
            with torch.no_grad():
                grads |= self._down(record, at_spikes, at_v, names)
        found = named_gradients(self.loss, names, [grads.get(name) for name in names])
        return Update(found, scores.detach(), value.detach(), rates=rates)

    def _at_the_output(self, record: Record, top: list[str]) -> tuple[Tensor, Tensor, tuple[Tensor | None, ...]]:
        """Loss, scores, and the loss's derivatives in the output's spikes and potentials and in ``top``."""
        (name,) = self.network.outputs
        seen = record[name]
        leaves = [seen.spikes.detach().requires_grad_(), seen.v.detach().requires_grad_()]
        output = Record({name: Activity(seen.pre, *leaves)}, {}, outputs=self.network.outputs)
        scores = self.network.scores(output, self.batch.valid_steps)
        value = self.loss.of(heard(self.batch, self.counted), output.output, scores)
        value = value if self.counted is None else value * self.whole
        points = [*leaves, *(self.network.get_parameter(name) for name in top)]
        return value, scores, torch.autograd.grad(value, points, allow_unused=True)

    def _down(
        self, record: Record, at_spikes: Tensor | None, at_v: Tensor | None, names: list[str]
    ) -> dict[str, Tensor | None]:
        grads: dict[str, Tensor | None] = {}
        signal: Tensor | None = None
        for place, layer in reversed(list(enumerate(layers_of(self.network, self.trace, names)))):
            seen = record[layer.name]
            slope = slope_of(self.adjoint, layer.neuron, seen.v) if layer.neuron.fires else None
            behind = None
            if signal is None:
                error = error_of(layer.neuron, at_spikes, at_v, slope, seen.v)
            else:
                assert slope is not None
                error = signal * slope
                if self.trace.looks_behind:
                    behind = Behind(signal, steps_before(self.trace.follow_slopes(slope)))
            if layer.learns:
                synapse = self.network.blocks[layer.name].synapse
                edge = Edge(synapse, seen.pre, layer.neuron, place == 0, signal is None)
                changes = self.trace.correlate(edge, error, behind)
                path = f"blocks.{layer.name}.synapse."
                grads |= {path + key: change for key, change in changes.items() if path + key in names}
            if place:
                signal = error @ layer.linear.weight
        return grads

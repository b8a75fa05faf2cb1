"""A run that goes step by step and carries the eligibility of every weight, which errors at the neurons meet."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from spikelearn.network import Network, Record
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.three_factor.engine.followed_edge import FollowedEdge, readout_memory
from spikelearn.plasticity.three_factor.engine.rate_regulariser import RateRegulariser
from spikelearn.plasticity.three_factor.engine.slopes import SlopesOf
from spikelearn.plasticity.three_factor.engine.walk import (
    Step,
    Walk,
    as_sequence,
    detached,
    edges_of,
    place_of,
    sent_of,
)
from spikelearn.plasticity.three_factor.signals.base import Signal
from spikelearn.plasticity.three_factor.traces.carrier import Derived
from spikelearn.plasticity.three_factor.traces.closed import ThroughTime
from spikelearn.plasticity.three_factor.traces.fan_in import FanIn
from spikelearn.synapses import trainable
from spikelearn.synapses.structure import as_linear


class EligibilityWalk(Walk):
    r"""A run that goes step by step, in which errors at the spikes meet the eligibility $e_{ji}$ of every weight.

    $$\Delta w_{ji} \propto -\sum_t m_j[t]\,\bar e_{ji}[t], \qquad
      \bar e_{ji}[t] = \kappa\,\bar e_{ji}[t-1] + g\,e_{ji}[t]$$

    The error of the output at a step is that of its potential, $\partial L/\partial y[t]$; the readout's memory of the
    spikes before, with decay $\kappa$ and gain g, stands on the eligibility instead. A signal that does not come from
    the output's error needs no filter. The output's own weights meet the eligibility of its potential. Arguments as of
    ``Walk``; the trace is one through time.

    Args:
        regulariser: of hidden firing rates; None: there is none.
    """

    def __init__(
        self,
        signal: Signal,
        trace: ThroughTime,
        adjoint: Adjoint,
        network: Network,
        batch: Batch,
        memory: Memory,
        names: list[str],
        shares: Sequence[float],
        regulariser: RateRegulariser | None = None,
    ) -> None:
        super().__init__(signal, trace, adjoint, network, batch, memory, names, shares)
        self.regulariser = regulariser
        self._memory = readout_memory(network) if "error" in signal.factors and signal.cut else None
        driven = network.currents()
        #: {parameter prefix: block} of every edge on which something learns.
        self._blocks = {
            prefix: driven[prefix].partition(".")[0]
            for prefix, synapse in network.synapses().items()
            if trainable(synapse)
        }
        self.edges = {prefix: self._followed(trace, prefix) for prefix in self._blocks}
        self._heard: dict[str, Tensor] = {}
        self._fired: dict[str, Tensor] = {}

    def step(self, t: int) -> Step:
        x, share = self.batch.inputs[t], self.shares[t]
        slopes = SlopesOf(self.adjoint, self.network, linked=not self.signal.cut)
        with self.signal.crossing(self.network, x, self.memory):
            record, after = self.network.step(
                x, self._state, adjoint=slopes, masks=self.batch.masks, cut=self.signal.cut
            )
        self._went_on(after)
        record = as_sequence(record)
        plain = detached(record)
        self.seen.add(plain)
        self._hear(plain)
        errors, step = self._errors(t, record, slopes) if share else ({}, self.nothing())
        for prefix, (_, edge) in edges_of(self.network, plain).items():
            block = self._blocks[prefix]
            sent, arrived = self.batch.masks.get(block), errors.get(block, {})
            changes = self.edges[prefix].step(slopes.slopes[block], edge.pre[0], arrived, sent)
            step.grads.update({prefix + name: grad for name, grad in changes.items()})
        return step

    def rest(self) -> dict[str, Tensor]:
        if self.regulariser is None:
            return {}
        count = len(self.batch.inputs) * self.batch.size
        rates = {name: fired / count for name, fired in self._fired.items()}
        self.loss += self.regulariser.loss(self.network, rates)
        errors = self.regulariser.errors(self.network, rates, count)
        rest: dict[str, Tensor] = {}
        for prefix, edge in self.edges.items():
            if (block := self._blocks[prefix]) in errors:
                grads = edge.met_by_sum(errors[block])
                rest |= {prefix + name: grad for name, grad in grads.items()}
        return rest

    def _errors(self, t: int, record: Record, slopes: SlopesOf) -> tuple[dict[str, dict[str, Tensor]], Step]:
        """{block: {"spikes" or "v": error there, [B, ...]}}, and a step without gradients yet."""
        value = self.value(t, record)
        sent = sent_of(self.signal, self.network, self.batch, record, slopes.potentials, self.share_of(t), t)
        sent = sent._replace(heard=self._heard) if self._memory else sent
        leaves = {(name, "spikes"): leaf for name, leaf in slopes.spikes.items()}
        leaves |= {(name, "v"): leaf for name, leaf in slopes.potentials.items()}
        pulled = self.signal.pull(value, list(leaves.values()), sent, self.memory)
        errors: dict[str, dict[str, Tensor]] = {}
        for (name, result), error in zip(leaves, pulled.at, strict=True):
            if error is not None:
                errors.setdefault(name, {})[result] = error[0]
        self.loss += value.detach()
        return errors, Step({}, pulled.own, value.detach(), pulled.metrics)

    def _hear(self, record: Record) -> None:
        """Update the output's memory of hidden spikes, and the counts of these spikes."""
        for name in self.hidden:
            spikes = record[name].spikes
            if self._memory:
                self._heard[name] = self._memory.follow(self._heard.get(name), spikes)
            if self.regulariser:
                fired = spikes[0].sum(0)
                self._fired[name] = self._fired[name] + fired if name in self._fired else fired

    def _followed(self, trace: ThroughTime, prefix: str) -> FollowedEdge:
        """The edge of a prefix, before its first step."""
        name = self._blocks[prefix]
        block, hidden = self.network.blocks[name], name in self.hidden
        _, kind = trace.carried_by(self.adjoint, block.neuron)
        current = self.network.currents()[prefix].partition(".")[2] or block.current
        loops = list(self._loops_of(name)) if trace.own_loop else []
        kind = Derived if loops else kind
        carrier = kind(FanIn(self.network.synapses()[prefix]), block.neuron, current)
        if (mask := self.batch.masks.get(place_of(prefix))) is not None:
            carrier.mask = carrier.fan_in.neurons(mask)
        carrier.loops = [(where, carrier.fan_in.neurons(weight)) for where, weight in loops]
        return FollowedEdge(carrier, self._memory if hidden else None, summed=hidden and self.regulariser is not None)

    def _loops_of(self, name: str) -> Iterator[tuple[str, Tensor]]:
        """(current, weight [1 or B, n]) of every dense way from a block's neurons to themselves."""
        for edge, back in self.network.feedback.items():
            linear = as_linear(back.synapse)
            if back.source == back.target == name and linear is not None:
                weight = linear.weight.detach().diagonal().unsqueeze(0)
                for place in (name, f"feedback.{edge}"):
                    weight = weight * self.batch.masks.get(place, 1.0)
                yield back.current or self.network.blocks[name].current, weight

    @property
    def hidden(self) -> list[str]:
        """Blocks that send something and are not read."""
        blocks = self.network.blocks
        return [name for name in blocks if name not in self.network.outputs and blocks[name].neuron.sends]

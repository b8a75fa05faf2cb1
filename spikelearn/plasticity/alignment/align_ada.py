"""Align-ada: errors go down through the network as it began, and meet the activity of the network as it is."""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from spikelearn.checks import check_choice
from spikelearn.network import Network, Record, learning_only
from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.alignment.base import (
    InitialWeightsRule,
    as_it_began,
    carried,
    from_memory,
    output_zeros,
    places_of,
)
from spikelearn.plasticity.alignment.leaves import (
    errors_at_leaves,
    gradients_at_leaves,
    gradients_through,
    learning_leaves,
)
from spikelearn.plasticity.base import RULES, Batch, Memory, Update, firing_rates
from spikelearn.plasticity.gradient.base import named_gradients
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.requires import Need, NoFeedback, PlainSynapses
from spikelearn.plasticity.three_factor.engine.walk import before_mask, every_current, zero_currents
from spikelearn.synapses import as_float, trainable
from spikelearn.synapses.structure import rows_of

Slopes = Literal["initial", "program"]


class Arrived(NamedTuple):
    """What errors at the output have become in the network as it began.

    Args:
        currents: {current of a hidden block: error there, [T, B, ...]}.
        spikes: {hidden block in front of the output: error at what it sends, [T, B, ...]}.
        leaves: {prefix of an edge: {path of a layer: error at its output, [T B, ...]}}.
    """

    currents: dict[str, Tensor]
    spikes: dict[str, Tensor]
    leaves: dict[str, dict[str, Tensor]]


@RULES.register("align-ada")
class AlignAda(InitialWeightsRule):
    r"""Align-ada: the output's error goes down through the network as it began, and meets activity as it is.

    $$\Delta W_l \propto -\sum_t \delta_l[t] \otimes s_{l-1}[t; W], \qquad
      \delta_l[t] = \sum_{t'} \frac{\partial I_{out}[t'; W^0]}{\partial a_l[t; W^0]}^{\!\top} e[t'], \qquad
      e[t] = \frac{\partial L}{\partial I_{out}[t; W]}$$

    $W^0$ are the parameters at the start, $a_l = W_l s_{l-1}$ what leaves the weights, $I_{out}$ the currents of the
    blocks that are read. Weights on the way down, derivatives of neurons and of norms are those of a second run with
    $W^0$; the presynaptic activity s is that of the network as it is, and the last block and the readout learn by the
    derivative of the loss itself. At the start it is ``bptt``; the wider the network, the longer it stays near it.
    Feedback edges are ways like others: both networks are unrolled, and the error that has come back through $W^0$ and
    time meets what the edge carries now.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        slopes: "initial": as above; "program": as the authors' program, where a norm behind $W_l$ is differentiated
            as it is now, and so are the neurons of the hidden blocks in front of the output.

    Shapes: inputs [T, B, ...], targets [B]; $\delta$ and e like currents, [T, B, ...]; gradients shaped like their
    parameters.

    Raises:
        ValueError: feedback from a block that is read, or any for ``slopes`` "program"; several layers of weights in
            one synapse; as ``bptt``.

    Source: Boopathy & Fiete, ICML 2022, and the authors' program, of rate networks whose weights are standard normal
    and divided by the root of the fan-in (``init`` "ntk"). deviation: of spiking networks, for which there is none, the
    second run is one in time; ``align-prop`` needs none.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        slopes: Slopes = "initial",
    ) -> None:
        super().__init__(loss, adjoint)
        check_choice("slopes", slopes, get_args(Slopes))
        self.slopes = slopes

    @property
    def requires(self) -> tuple[Need, ...]:
        needs = *super().requires, PlainSynapses()
        if self.slopes == "initial":
            return needs
        return *needs, NoFeedback("with slopes=program takes neurons as they are, which in a loop send to themselves")

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        names, hidden = self.learned(network), _edges_below(network)
        driven = network.currents()
        inner = tuple(prefix for prefix in hidden if driven[prefix].partition(".")[0] not in network.outputs)
        above = [name for name in names if not name.startswith(inner)]
        here = {} if self.slopes == "initial" else _in_front(network, batch.inputs)
        with learning_only(network, above), network.presentation() as buffers, torch.enable_grad():
            inject = output_zeros(network, batch.inputs) | zero_currents(network, batch.inputs, here)
            top = self.top(network, batch, above, inject)
            rates = firing_rates(network, top.record)
        leaves = {prefix: learning_leaves(prefix, synapse) for prefix, synapse in hidden.items()}

        def look(began: Network) -> Arrived:
            return self._down(began, batch, top.errors, leaves, here)

        arrived = as_it_began(network, dict(from_memory(memory)), look)
        for place, error in arrived.spikes.items():
            sent = top.record[place.partition(".")[0]].spikes
            (arrived.currents[place],) = torch.autograd.grad(sent, inject[place], error, retain_graph=True)
        with network.presentation():
            met = self._met(network, batch, top.record, arrived)
        parts = {name: [part for part in (top.grads.get(name), met.get(name)) if part is not None] for name in names}
        grads = named_gradients(self.loss, names, [sum(part[1:], part[0]) if part else None for part in parts.values()])
        yield Update(grads, top.scores, top.loss, buffers=buffers, rates=rates)

    def _down(
        self,
        began: Network,
        batch: Batch,
        errors: Mapping[str, Tensor],
        leaves: Mapping[str, list[str]],
        here: Mapping[str, tuple[int, ...]],
    ) -> Arrived:
        """The errors at the output, sent down through ``began``; at the spikes of the blocks ``here``."""
        zeros = zero_currents(began, batch.inputs, every_current(began, batch.inputs))
        record, _ = began.run(batch.inputs, adjoint=self.adjoint, inject=zeros, masks=batch.masks)
        points = [*zeros.values(), *(record[place.partition(".")[0]].spikes for place in here)]
        total = carried(began, batch, record, errors)
        found = torch.autograd.grad(total, points, allow_unused=True, materialize_grads=True) if points else ()
        currents = dict(zip(zeros, found, strict=False))
        at: dict[str, dict[str, Tensor]] = {}
        if self.slopes == "initial":
            for prefix, synapse, pre, _ in began.edges(record):
                if prefix in leaves:
                    error = rows_of(before_mask(batch, prefix, currents[began.currents()[prefix]]))
                    at[prefix] = errors_at_leaves(prefix, synapse, _rows(pre, synapse), error, leaves[prefix])
        return Arrived(currents, dict(zip(here, found[len(zeros) :], strict=True)), at)

    def _met(self, network: Network, batch: Batch, record: Record, arrived: Arrived) -> dict[str, Tensor]:
        """{parameter: gradient} of edges into hidden blocks, where errors meet what the network does as it is."""
        grads: dict[str, Tensor] = {}
        for prefix, synapse, pre, _ in network.edges(record):
            if prefix in arrived.leaves:
                grads |= gradients_at_leaves(prefix, synapse, _rows(pre, synapse), arrived.leaves[prefix])
            elif self.slopes == "program" and prefix in _edges_below(network):
                error = rows_of(before_mask(batch, prefix, arrived.currents[network.currents()[prefix]]))
                grads |= gradients_through(prefix, synapse, _rows(pre, synapse), error)
        return grads


def _edges_below(network: Network) -> dict[str, nn.Module]:
    """{prefix: synapse} of the edges into blocks from which others take, in which something learns."""
    driven = network.currents()
    sending = {source for name in network.blocks for _, source, _ in network.into(name)}
    sending |= {edge.source for edge in network.feedback.values()}
    return {
        prefix: synapse
        for prefix, synapse in network.synapses().items()
        if trainable(synapse) and driven[prefix].partition(".")[0] in sending
    }


def _in_front(network: Network, inputs: Tensor) -> dict[str, tuple[int, ...]]:
    """{current of a hidden block from which a block that is read takes: shape of its neurons}."""
    sources = {source for name in network.outputs for _, source, _ in network.into(name)}
    hidden = places_of(network, inputs, read=False)
    return {place: shape for place, shape in hidden.items() if place.partition(".")[0] in sources}


def _rows(pre: Tensor, synapse: nn.Module) -> Tensor:
    return rows_of(as_float(pre.detach(), synapse))

"""A spiking network that can be stepped, and knows nothing of learning."""

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Self

import torch
from torch import Tensor, nn

from spikelearn.checks import check_instance, is_finite, total
from spikelearn.fast_path import is_plain
from spikelearn.network.arguments import as_taken, check_finite, check_inputs, check_places, check_state
from spikelearn.network.block import Block, Feedback, Feedforward
from spikelearn.network.currents import canonical
from spikelearn.network.derivatives import Steps, refusing, refusing_steps
from spikelearn.network.drawing import drawing
from spikelearn.network.graph import Graph
from spikelearn.network.layerwise import BlockActivity, layers
from spikelearn.network.masks_and_delays import added, check_mask, masked
from spikelearn.network.presentation import presentation, running_statistics
from spikelearn.network.readouts import MembraneReadout, RateReadout, Readout
from spikelearn.network.records import Record, State
from spikelearn.network.running import (
    NOTHING_AHEAD,
    advance,
    initial_state,
    run_layer_by_layer,
    run_step_by_step,
    steps,
)
from spikelearn.network.weights import check_weights_finite
from spikelearn.neurons import ADJOINTS, NO_ADJOINT, Adjoint
from spikelearn.synapses import uses_batch_statistics

Tensors = Mapping[str, Tensor]
NOTHING: Tensors = {}


class Network(Graph):
    r"""Blocks one after the other or in a graph, feedback edges between them, and a readout.

    At every step, for the blocks in order: current = synapse(input, ``delay`` steps late) + further forward edges +
    feedback synapses (spikes of the step before) + injected current; the neurons step; their spikes are the next
    block's input in the same step. A block takes the spikes of the block before, or of an earlier one that it names;
    several sources add up, each through weights of its own (which is one synapse on all of them side by side).

    A loss on scores, spikes or potentials can be differentiated once ``with_adjoint`` has said how derivatives cross
    the neurons. Without, runs keep nothing for a backward pass, and one that is asked for raises RuntimeError.

    Args:
        blocks: {name: Block}, in order.
        feedback: {edge name: Feedback}.
        readout: module from the Activity [T, B, ...] of the blocks that are read to scores [B, classes]; None: the
            firing rate, or the mean potential where their neurons do not fire.
        feedforward: {edge name: Feedforward}, forward edges beside those of the blocks: skips, second sources.
        outputs: names of the blocks that are read, several side by side; None: the last.
        input_shape: shape of one image; where it is given, inputs of another shape are refused.

    Shapes: time first everywhere: inputs [T, B, features...], images [T, B, C, H, W].

    Raises:
        ValueError: no block, a name that cannot be used, an edge of an unknown block, a forward edge to an earlier
            block or feedback to a later one, synapses that share a parameter.
    """

    def __init__(
        self,
        blocks: Mapping[str, Block],
        feedback: Mapping[str, Feedback] | None = None,
        readout: nn.Module | None = None,
        *,
        feedforward: Mapping[str, Feedforward] | None = None,
        outputs: str | Sequence[str] | None = None,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(blocks, feedback or {}, feedforward or {}, outputs, input_shape)
        #: How derivatives cross the neurons where a call does not say; None: not at all. See ``with_adjoint``.
        self.adjoint: Adjoint | None = None
        sends = all(blocks[name].neuron.sends for name in self.outputs)
        self.readout = readout or (RateReadout() if sends else MembraneReadout())

    def forward(self, inputs: Tensor) -> Tensor:
        """Class scores [B, classes] of inputs [T, B, ...]; differentiable after ``with_adjoint``, else backward raises.

        A network of leaky integrators alone, which never fire, is differentiable in any case.

        Raises:
            ValueError: as ``run``; a parameter or buffer that is NaN or infinite, which is named.
        """
        record, state = self.run(inputs)
        potentials = [tensor.detach() for tensor in state.tensors().values() if tensor.is_floating_point()]
        potentials += [seen.v.detach() for name, seen in record.items() if not state.neurons[name]]
        # Such weights leave NaN in potentials, and scores as of a silent network. One look at all of them is cheap.
        if all(map(is_plain, potentials)) and not is_finite(torch.stack([*map(total, potentials)])):
            check_weights_finite(self)
        return self.scores(record)

    def with_adjoint(self, adjoint: Adjoint | str | None) -> Self:
        """Say how derivatives cross the neurons in ``forward``, ``run``, ``step`` and ``stream``; returns the network.

        It counts wherever gradients are enabled and the call itself says nothing. Rules bring adjoints of their own.

        Args:
            adjoint: an adjoint, a surrogate's name such as "atan" or "fast-sigmoid:slope=10", or None: no derivatives.

        Raises:
            ValueError: an unknown name, an object that is no adjoint.
        """
        if isinstance(adjoint, str):
            adjoint = ADJOINTS.make(adjoint)
        if adjoint is not None:
            check_instance("adjoint", adjoint, Adjoint, 'for example "atan", or Surrogate(ATan())')
        self.adjoint = adjoint
        return self

    def scores(self, record: Record, valid: Tensor | None = None) -> Tensor:
        """The readout's scores of a run's record: [B, classes], or [T, B, n] of a ``StepReadout``.

        Args:
            record: of ``run``.
            valid: steps that are read, bool [T, B]; None: all.

        Raises:
            ValueError: steps that are left out, for a readout of one's own that does not derive from ``Readout``.
        """
        if valid is not None and not isinstance(self.readout, Readout):
            raise ValueError(
                f"the readout is a {type(self.readout).__name__}, which reads every step, but lengths or valid leave "
                "some out: derive it from Readout"
            )
        scores: Tensor = self.readout(record.output) if valid is None else self.readout(record.output, valid)
        return scores

    def step(
        self,
        x: Tensor,
        state: State | None = None,
        *,
        adjoint: Adjoint | None = None,
        inject: Tensors = NOTHING,
        masks: Tensors = NOTHING,
        cut: bool = False,
    ) -> tuple[Record, State]:
        """Advance every block by one step.

        Without an adjoint the state has no history, so a stream of any length runs in the same memory; with one, the
        graph goes back to the first step, or to the last ``state.detach()``. Batch norm uses its running statistics.

        Args:
            x: input of this step, [B, ...]; types as in ``run``.
            state: from the step before; None: start anew.
            adjoint: how derivatives cross the neurons; None: as ``with_adjoint`` said.
            inject: {block: current added to that of its synapse, [B, ...]}, or {block.current: ...} for another one.
            masks: {place: factor [B, ...]} at ``inputs``, ``<block>``, ``<block>.synapse``, ``feedforward.<edge>``,
                ``feedback.<edge>``.
            cut: detach everything that is sent, feedback included.

        Shapes: the record's tensors are [B, ...].
        """
        check_inputs(self, x, "[B, {}]")
        check_places(self, inject, masks)
        inject = canonical(self.blocks, inject)
        check_state(self, state)
        x = as_taken(self, x, masks)
        adjoint, learns = self._chosen(adjoint)
        edges = (*self.blocks.values(), *self.feedforward.values(), *self.feedback.values())
        synapses = [edge.synapse for edge in edges]
        if any(map(uses_batch_statistics, synapses)):
            warnings.warn(
                "step uses the running statistics of batch norm, run those of the batch, since the network is in "
                "training mode: their spikes differ; call network.eval() for the same ones",
                stacklevel=2,
            )
        with running_statistics(synapses), torch.set_grad_enabled(learns):
            record, after = advance(
                self,
                masked(x, masks, "inputs", steps=False),
                NOTHING_AHEAD,
                state or initial_state(self, x),
                adjoint,
                inject,
                masks,
                cut,
            )
        if torch.is_grad_enabled() and not learns:
            record = refusing(record, self._sources([x, *inject.values(), *masks.values()], state), self.wiring.fed)
        return record, after

    def run(
        self,
        inputs: Tensor,
        state: State | None = None,
        *,
        adjoint: Adjoint | None = None,
        inject: Tensors = NOTHING,
        masks: Tensors = NOTHING,
        cut: bool = False,
        output_only: bool = False,
    ) -> tuple[Record, State]:
        """Present a whole sequence; the same spikes as ``step`` in a loop, layer by layer where no edge goes back.

        Batch norm in training mode normalises by the batch wherever all steps are mapped at once, which ``step`` cannot
        do: the same spikes then need ``network.eval()``.

        Args:
            inputs: [T, B, ...], floating point, which is taken in the type of the parameters, or spikes as bytes (bool
                or uint8, 0 or 1), which stay bytes in the record; a constant one is best passed as
                ``x.expand(T, *x.shape)``, it is mapped once.
            state: where to go on from; None: start anew.
            adjoint: how derivatives cross the neurons; None: as ``with_adjoint`` said.
            inject: {block: current added to that of its synapse, [T, B, ...]}, or {block.current: ...} for another.
            masks: {place: factor [B, ...]}, constant in time; places as in ``step``.
            cut: detach everything that is sent, feedback included.
            output_only: record the activity of the blocks that are read alone, and the mean rates of the others: hidden
                spikes and potentials are then kept no longer than derivatives need them.

        Shapes: the record's tensors are [T, B, ...].

        Raises:
            ValueError: inputs without time and batch axis or of another type, a place that does not exist, a mask or an
                injected current of another shape, a sequence-only adjoint on a network with feedback, a state of
                another batch or network.
        """
        self.check_run(inputs, state, inject, masks)
        inject = canonical(self.blocks, inject)
        adjoint, learns = self._chosen(adjoint)
        with torch.set_grad_enabled(learns):
            if self.feedback:
                record, after = run_step_by_step(self, inputs, state, adjoint, inject, masks, cut)
                record = record.last() if output_only else record
            else:
                record, after = run_layer_by_layer(self, inputs, state, adjoint, inject, masks, cut, output_only)
        if torch.is_grad_enabled() and not learns:
            sources = self._sources([inputs, *inject.values(), *masks.values()], state)
            record = refusing(record, sources, self.wiring.fed)
        return record, after

    def stream(
        self,
        inputs: Tensor,
        state: State | None = None,
        *,
        adjoint: Adjoint | None = None,
        masks: Tensors = NOTHING,
    ) -> Steps:
        """Present a whole sequence and hand over each step's record as it comes, keeping none.

        The spikes are those of ``run``: the synapses that the inputs feed see all steps at once, so a constant input is
        mapped once, and memory does not grow with T; of an input that changes, their currents are held for all steps.
        Other synapses are called step by step, so batch norm in them uses running statistics. What is sent back
        (``generator.send(state)``) is the state to go on from. The network must not be used otherwise before the last
        step is out.

        Args:
            inputs: [T, B, ...]; types as in ``run``.
            state: where to go on from; None: start anew.
            adjoint: how derivatives cross the neurons; None: as ``with_adjoint`` said.
            masks: {place: factor [B, ...]}, constant in time; places as in ``step``.

        Shapes: every record's tensors are [B, ...]; the states' as well.

        Raises:
            ValueError: as ``run``.
        """
        self.check_run(inputs, state, masks=masks)
        adjoint, learns = self._chosen(adjoint)
        stepping = steps(self, inputs, state, adjoint, NOTHING, masks, False)
        if learns or not torch.is_grad_enabled():
            return stepping
        return refusing_steps(stepping, self._sources([inputs, *masks.values()], state), self.wiring.fed)

    def layers(
        self,
        inputs: Tensor,
        *,
        adjoint: Adjoint,
        inject: Tensors = NOTHING,
        masks: Tensors = NOTHING,
        cut_behind: Collection[str] | None = None,
    ) -> Iterator[BlockActivity]:
        """Present a whole sequence and hand over what each block did before the next is run, keeping none.

        The spikes are those of ``run`` with ``cut``: no derivative goes from one block to another, so what a block
        keeps for its own can be let go as soon as they are known.

        Args:
            inputs, adjoint, inject, masks: as in ``run``.
            cut_behind: blocks behind which no derivative goes on, from what they or any block before them sent; None:
                every block.

        Shapes: activities are [T, B, ...].

        Raises:
            ValueError: as ``run``; a network with feedback edges, which has no block that is done before the others.
        """
        self.check_run(inputs, None, inject, masks)
        if self.feedback:
            raise ValueError(
                f"the network has feedback edges ({', '.join(self.feedback)}), so that no block is done before the "
                "others: use run"
            )
        inject = canonical(self.blocks, inject)
        cut = cut_behind is None
        return layers(self, inputs, None, adjoint, inject, masks, cut=cut, cut_behind=cut_behind or ())

    def rate_map(self, rates: Tensors, input_rate: Tensor, masks: Tensors = NOTHING) -> dict[str, Tensor]:
        """Steady firing rate of every block, given the rates of the feedback sources.

        A rate stands for the whole sequence, so batch norm in training mode uses (and, outside a presentation,
        updates) batch statistics on every edge.

        Args:
            rates: {source of a feedback edge: rate [B, ...]}, spikes per step.
            input_rate: mean input, [B, ...].
            masks: as in ``run``.

        Shapes: {block: rate [B, ...]}; differentiable in ``rates``, the input and the parameters.

        Raises:
            ValueError: a neuron without a rate map, a feedback source without a rate.
        """
        check_places(self, NOTHING, masks)
        if dynamic := [place for place, edge in self.places.items() if edge.dynamic]:
            raise ValueError(
                f"the edges {', '.join(dynamic)} have delays of single connections or short-term plasticity, which no "
                "map of steady rates knows: leave them out"
            )
        x = masked(as_taken(self, input_rate, masks), masks, "inputs", steps=False)
        sent = {"inputs": x}
        for name, block in self.blocks.items():
            current = masked(block.synapse(sent[self.wiring.sources[name]]), masks, f"{name}.synapse", steps=False)
            for place in self.wiring.joining[name]:
                joining = self.feedforward[place]
                arriving = joining.synapse(sent[joining.source])
                current = added(current, arriving, masks, f"feedforward.{place}", steps=False)
            for place in self.wiring.returning[name]:
                back = self.feedback[place]
                if back.source not in rates:
                    raise ValueError(f"rates has {sorted(rates)}, expected the rate of block {back.source!r} too")
                current = added(current, back.synapse(rates[back.source]), masks, f"feedback.{place}", steps=False)
            sent[name] = masked(block.neuron.steady_rate(current), masks, name, steps=False)
        del sent["inputs"]
        return sent

    def presentation(self) -> AbstractContextManager[dict[str, Tensor]]:
        """Context of one batch; yields {buffer: new value}, filled on leaving. Yield updates after leaving it."""
        return presentation(self)

    def drawing(self, seeds: Tensor) -> AbstractContextManager[None]:
        """Context in which random neurons draw from ``seeds``, one for each sample, int64 [B].

        It counts for runs that start anew (state=None); a state carries its random numbers on. Outside, sample b of
        every batch has the seed b: the same input gives the same spikes.

        Raises:
            ValueError: no whole numbers of 64 bits, one for each sample.
        """
        return drawing(self, seeds)

    def check_run(
        self, inputs: Tensor, state: State | None = None, inject: Tensors = NOTHING, masks: Tensors = NOTHING
    ) -> None:
        """Raise ValueError where ``run`` would refuse these arguments before it begins."""
        if inputs.ndim < 3 or inputs.shape[0] == 0:
            raise ValueError(f"inputs have shape {list(inputs.shape)}, expected [T, B, ...] with T >= 1")
        check_inputs(self, inputs, "[T, B, {}] (one step goes to step)")
        check_places(self, inject, masks)
        if "inputs" in masks:
            check_mask("inputs", masks["inputs"], inputs.shape[1:])
        check_state(self, state)
        check_finite(inputs, state, inject)

    def _chosen(self, adjoint: Adjoint | None) -> tuple[Adjoint, bool]:
        """The adjoint of a call, and whether derivatives are wanted and exist."""
        if adjoint is None:
            # Where nobody can differentiate, the values are all there is: those of the plain simulation.
            adjoint = self.adjoint if self.adjoint is not None and torch.is_grad_enabled() else NO_ADJOINT
        exist = adjoint.differentiates or not any(block.neuron.fires for block in self.blocks.values())
        return adjoint, exist and torch.is_grad_enabled()

    def _sources(self, given: Iterable[Tensor], state: State | None) -> list[Tensor]:
        """The tensors in which a loss on a record could be differentiated."""
        carried = [] if state is None else state.tensors().values()
        parameters = (p for edge in self.places.values() for p in edge.parameters())
        return [tensor for tensor in (*given, *carried, *parameters) if tensor.requires_grad]

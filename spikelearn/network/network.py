"""A spiking network that can be stepped, and knows nothing of learning."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from spikelearn.checks import check_record_type, check_spike_bytes, one_of
from spikelearn.events import detached, share_active
from spikelearn.fused import error_count, filled, layer_scan, scan
from spikelearn.network.block import Block, Feedback
from spikelearn.network.plumbing import block_shapes, delayed, drive_block, injected, masked
from spikelearn.network.presentation import presentation, running_statistics
from spikelearn.network.readout import MembraneReadout, RateReadout
from spikelearn.network.records import Activity, Record, State
from spikelearn.network.wiring import check_names, check_sharing
from spikelearn.neurons import NO_ADJOINT, Adjoint
from spikelearn.synapses import float_type

Tensors = Mapping[str, Tensor]
NOTHING: Tensors = {}

#: Yields a step's record and state, and takes the state to go on from.
Steps = Generator[tuple[Record, State], State | None, None]


class Network(nn.Module):
    r"""Blocks one after the other, feedback edges between them, and a readout.

    At every step, for the blocks in order: current = synapse(input, ``delay`` steps late) + feedback synapses
    (spikes of the step before) + injected current; the neurons step; their spikes are the next block's input in
    the same step.

    Args:
        blocks: {name: Block}, in order.
        feedback: {edge name: Feedback}.
        readout: module from the last block's Activity [T, B, ...] to scores [B, classes]; None: the firing rate,
            or the mean potential where the last neurons do not fire.
        input_shape: shape of one image; where it is given, inputs of another shape are refused.

    Shapes: time first everywhere: inputs [T, B, features...], images [T, B, C, H, W].

    Raises:
        ValueError: no block, a name that cannot be used, feedback between unknown blocks or forward, synapses that
            share a parameter.
    """

    def __init__(
        self,
        blocks: Mapping[str, Block],
        feedback: Mapping[str, Feedback] | None = None,
        readout: nn.Module | None = None,
        *,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.input_shape = None if input_shape is None else tuple(input_shape)
        feedback = feedback or {}
        if not blocks:
            raise ValueError("blocks is empty, expected at least one {name: Block(synapse, neuron)}")
        check_names(blocks, feedback)
        self.blocks: Mapping[str, Block] = nn.ModuleDict(blocks)  # type: ignore[assignment]
        self.feedback: Mapping[str, Feedback] = nn.ModuleDict(feedback)  # type: ignore[assignment]
        check_sharing(self)
        last = next(reversed(list(blocks.values())))
        self.readout = readout or (RateReadout() if last.neuron.fires else MembraneReadout())

    def forward(self, inputs: Tensor) -> Tensor:
        """Class scores [B, classes] of inputs [T, B, ...], without derivatives through spikes."""
        record, _ = self.run(inputs)
        return self.scores(record)

    def scores(self, record: Record) -> Tensor:
        """What the readout makes of a run's record: [B, classes]."""
        scores: Tensor = self.readout(record.output)
        return scores

    def step(
        self,
        x: Tensor,
        state: State | None = None,
        *,
        adjoint: Adjoint = NO_ADJOINT,
        inject: Tensors = NOTHING,
        masks: Tensors = NOTHING,
        cut: bool = False,
    ) -> tuple[Record, State]:
        """Advance every block by one step.

        Args:
            x: input of this step, [B, ...]; types as in ``run``.
            state: from the step before; None: start anew.
            adjoint: how derivatives cross the neurons.
            inject: {block: current added to it, [B, ...]}.
            masks: {place: factor [B, ...]} at ``inputs``, ``<block>``, ``<block>.synapse``, ``feedback.<edge>``.
            cut: detach everything that is sent, feedback included.

        Shapes: the record's tensors are [B, ...].
        """
        self._check_inputs(x, "[B, {}]")
        self._check_places(inject, masks)
        self._check_state(state)
        x = self._as_taken(x, masks)
        state = state or self._initial_state(x)
        with running_statistics([b.synapse for b in self.blocks.values()] + self._feedback_synapses()):
            return self._advance(x, None, state, adjoint, inject, masks, cut)

    def run(
        self,
        inputs: Tensor,
        state: State | None = None,
        *,
        adjoint: Adjoint = NO_ADJOINT,
        inject: Tensors = NOTHING,
        masks: Tensors = NOTHING,
        cut: bool = False,
        output_only: bool = False,
    ) -> tuple[Record, State]:
        """Present a whole sequence; the same spikes as ``step`` in a loop, layer by layer where no edge goes back.

        Args:
            inputs: [T, B, ...], floating point, or spikes as bytes (bool or uint8, 0 or 1), which stay bytes in the
                record; a constant one is best passed as ``x.expand(T, *x.shape)``, it is mapped once.
            state: where to go on from; None: start anew.
            adjoint: how derivatives cross the neurons.
            inject: {block: current added to it, [T, B, ...]}.
            masks: {place: factor [B, ...]}, constant in time; places as in ``step``.
            cut: detach everything that is sent, feedback included.
            output_only: record the last block's activity alone, and the mean rates of the others: hidden spikes and
                potentials are then kept no longer than derivatives need them.

        Shapes: the record's tensors are [T, B, ...].

        Raises:
            ValueError: inputs without time and batch axis or of another type, a place that does not exist, a mask or an
                injected current of another shape, a sequence-only adjoint on a network with feedback, a state of
                another batch or network.
        """
        self._check_run(inputs, state, inject, masks)
        if self.feedback:
            record, after = self._run_step_by_step(inputs, state, adjoint, inject, masks, cut)
            return (record.last() if output_only else record), after
        return self._run_layer_by_layer(inputs, state, adjoint, inject, masks, cut, output_only)

    def stream(self, inputs: Tensor, state: State | None = None, *, masks: Tensors = NOTHING) -> Steps:
        """Present a whole sequence and hand over each step's record as it comes, keeping none.

        The spikes are those of ``run``: the first synapse sees all steps at once, so a constant input is mapped once,
        and memory does not grow with T; of an input that changes, the first current is held for all steps. Later
        synapses are called step by step, so batch norm in them uses running statistics. What is sent back
        (``generator.send(state)``) is the state to go on from. The network must not be used otherwise before the last
        step is out.

        Args:
            inputs: [T, B, ...]; types as in ``run``.
            state: where to go on from; None: start anew.
            masks: {place: factor [B, ...]}, constant in time; places as in ``step``.

        Shapes: every record's tensors are [B, ...]; the states' as well.

        Raises:
            ValueError: as ``run``.
        """
        self._check_run(inputs, state, NOTHING, masks)
        return self._steps(inputs, state, NO_ADJOINT, NOTHING, masks, False)

    def edges(self, record: Record) -> Iterator[tuple[str, nn.Module, Tensor, str]]:
        """Every weighted edge, forward and feedback alike: (parameter prefix, synapse, pre, target block)."""
        for name, block in self.blocks.items():
            yield f"blocks.{name}.synapse.", block.synapse, record[name].pre, name
        for name, edge in self.feedback.items():
            yield f"feedback.{name}.synapse.", edge.synapse, record.feedback[name], edge.target

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
        self._check_places(NOTHING, masks)
        x = masked(input_rate, masks, "inputs", steps=False)
        found: dict[str, Tensor] = {}
        for name, block in self.blocks.items():
            current = masked(block.synapse(x), masks, f"{name}.synapse", steps=False)
            for edge_name, edge in self.feedback.items():
                if edge.target == name:
                    if edge.source not in rates:
                        raise ValueError(f"rates has {sorted(rates)}, expected the rate of block {edge.source!r} too")
                    back = edge.synapse(rates[edge.source])
                    current = current + masked(back, masks, f"feedback.{edge_name}", steps=False)
            x = masked(block.neuron.steady_rate(current), masks, name, steps=False)
            found[name] = x
        return found

    def presentation(self) -> AbstractContextManager[dict[str, Tensor]]:
        """Context of one batch; yields {buffer: new value}, filled on leaving. Yield updates after leaving it."""
        return presentation(self)

    def _run_layer_by_layer(
        self,
        inputs: Tensor,
        state: State | None,
        adjoint: Adjoint,
        inject: Tensors,
        masks: Tensors,
        cut: bool,
        output_only: bool,
    ) -> tuple[Record, State]:
        activity: dict[str, Activity] = {}
        neurons, lines, rates, errors = {}, {}, {}, {}
        x = self._masked_once(self._as_taken(inputs, masks), masks, "inputs")
        names = list(self.blocks)
        for name, following in zip(names, [*names[1:], None], strict=True):
            block, pre = self.blocks[name], x
            if block.delay:
                pre, lines[name] = delayed(x, block.delay, state.delay_lines.get(name) if state else None)
            before, found = state.neurons[name] if state else None, None
            if name not in inject and f"{name}.synapse" not in masks:
                unseen = output_only and following is not None and not self.blocks[following].delay
                hollow = unseen and not cut and name not in masks
                found = layer_scan(adjoint, block.synapse, block.neuron, before, pre, hollow=hollow)
            if found is None:
                pre = filled(pre)
                current = masked(drive_block(name, block.synapse, pre), masks, f"{name}.synapse", steps=True)
                current = injected(current, inject, name)
                found = scan(adjoint, block.neuron, before or block.neuron.initial_state(current[0]), current)
            z, v, neurons[name] = found
            errors[name] = error_count(z)
            spikes = masked(z, masks, name, steps=True)
            x = detached(spikes) if cut else spikes
            if output_only and following is not None:
                rates[name] = share_active(spikes)
            else:
                activity[name] = Activity(pre, spikes, v)
            del pre, z, v, spikes, found
        counted = {name: count for name, count in errors.items() if count is not None}
        return Record(activity, {}, rates, counted), State(neurons, lines, {})

    def _run_step_by_step(
        self, inputs: Tensor, state: State | None, adjoint: Adjoint, inject: Tensors, masks: Tensors, cut: bool
    ) -> tuple[Record, State]:
        # States are let go as they pass: a list of all would hold every membrane of every step.
        records, last = [], state
        for record, after in self._steps(inputs, state, adjoint, inject, masks, cut):
            records.append(record)
            last = after
        assert last is not None
        activity = {
            block: Activity(*(torch.stack(part) for part in zip(*(r[block] for r in records), strict=True)))
            for block in self.blocks
        }
        feedback = {edge: torch.stack([r.feedback[edge] for r in records]) for edge in self.feedback}
        return Record(activity, feedback), last

    def _steps(
        self, inputs: Tensor, state: State | None, adjoint: Adjoint, inject: Tensors, masks: Tensors, cut: bool
    ) -> Steps:
        """Step by step, the first synapse mapped for all steps at once."""
        name, first = next(iter(self.blocks.items()))
        inputs = self._as_taken(inputs, masks)
        state = state or self._initial_state(inputs[0])
        pre = self._masked_once(inputs, masks, "inputs")
        on_its_way = pre
        if first.delay:
            pre, rest = delayed(pre, first.delay, state.delay_lines.get(name))
            on_its_way = torch.cat([pre, rest])
        current = self._masked_once(drive_block(name, first.synapse, pre), masks, f"{name}.synapse")
        given = {block: values.unbind(0) for block, values in inject.items()}
        later = [b.synapse for b in list(self.blocks.values())[1:]] + self._feedback_synapses()
        with running_statistics(later):
            for t, (pre_now, current_now) in enumerate(zip(pre.unbind(0), current.unbind(0), strict=True)):
                now = {block: values[t] for block, values in given.items()}
                record, state = self._advance(pre_now, current_now, state, adjoint, now, masks, cut)
                if first.delay:
                    line = {name: on_its_way[t + 1 : t + 1 + first.delay]}
                    state = state._replace(delay_lines=state.delay_lines | line)
                state = (yield record, state) or state

    @staticmethod
    def _masked_once(record: Tensor, masks: Tensors, place: str) -> Tensor:
        """A record [T, B, ...] with the mask of its place; one that is constant in time stays stored once."""
        if place in masks and record.shape[0] > 1 and record.stride(0) == 0:
            return masked(record[:1], masks, place, steps=True).expand_as(record)
        return masked(record, masks, place, steps=True)

    def _advance(
        self,
        x: Tensor,
        first_current: Tensor | None,
        state: State,
        adjoint: Adjoint,
        inject: Tensors,
        masks: Tensors,
        cut: bool,
    ) -> tuple[Record, State]:
        """One step; with ``first_current``, what stands before the first neurons has been done already."""
        activity: dict[str, Activity] = {}
        met: dict[str, Tensor] = {}
        neurons, lines, sent = dict(state.neurons), dict(state.delay_lines), dict(state.sent)
        if first_current is None:
            x = masked(x, masks, "inputs", steps=False)
        for name, block in self.blocks.items():
            current, pre = first_current, x
            if current is None:
                if block.delay:
                    late, lines[name] = delayed(x.unsqueeze(0), block.delay, lines.get(name))
                    pre = late[0]
                current = drive_block(name, block.synapse, pre.unsqueeze(0))[0]
                current = masked(current, masks, f"{name}.synapse", steps=False)
            first_current = None
            for edge_name, edge in self.feedback.items():
                if edge.target == name:
                    met[edge_name] = state.sent[edge.source]
                    back = drive_block(edge_name, edge.synapse, met[edge_name].unsqueeze(0))[0]
                    current = current + masked(back, masks, f"feedback.{edge_name}", steps=False)
            current = injected(current, inject, name)
            before = neurons[name] if name in neurons else block.neuron.initial_state(current)
            z, v, neurons[name] = adjoint.step(block.neuron, before, current)
            spikes = masked(z, masks, name, steps=False)
            activity[name] = Activity(pre, spikes, v)
            x = spikes.detach() if cut else spikes
            if any(edge.source == name for edge in self.feedback.values()):
                sent[name] = x
        return Record(activity, met), State(neurons, lines, sent)

    def _initial_state(self, x: Tensor) -> State:
        """State before the first step: neurons start at rest when first driven, feedback sources are silent."""
        if not self.feedback:
            return State({}, {}, {})
        shapes = self.shapes(x)
        spikes = x.new_empty(0, dtype=x.dtype if x.is_floating_point() else float_type(self))
        sent = {e.source: spikes.new_zeros(x.shape[0], *shapes[e.source]) for e in self.feedback.values()}
        lines = {}
        arriving, like = tuple(x.shape[1:]), x
        for name, block in self.blocks.items():
            if block.delay:
                lines[name] = like.new_zeros(block.delay, x.shape[0], *arriving)
            arriving, like = shapes[name], spikes
        return State({}, lines, sent)

    def shapes(self, x: Tensor) -> dict[str, tuple[int, ...]]:
        """Shape of every block's neurons, without the batch, for inputs shaped like ``x`` [B, ...]."""
        return block_shapes(self.blocks, x)

    def _check_run(self, inputs: Tensor, state: State | None, inject: Tensors, masks: Tensors) -> None:
        if inputs.ndim < 3 or inputs.shape[0] == 0:
            raise ValueError(f"inputs have shape {list(inputs.shape)}, expected [T, B, ...] with T >= 1")
        self._check_inputs(inputs, "[T, B, {}] (one step goes to step)")
        self._check_places(inject, masks)
        self._check_state(state)

    def _as_taken(self, inputs: Tensor, masks: Tensors) -> Tensor:
        """Bytes as they are, unless a mask's factor or a synapse without weights needs them in the network's type."""
        first = next(iter(self.blocks.values())).synapse
        if inputs.is_floating_point() or ("inputs" not in masks and any(True for _ in first.parameters())):
            return inputs
        if inputs.shape[0] > 1 and inputs.stride(0) == 0:
            return inputs[:1].to(float_type(self)).expand_as(inputs)
        return inputs.to(float_type(self))

    def _check_inputs(self, inputs: Tensor, layout: str) -> None:
        check_record_type("inputs", inputs)
        check_spike_bytes("inputs", inputs)
        leading = layout.split("{")[0].count(",")
        if self.input_shape is not None and tuple(inputs.shape[leading:]) != self.input_shape:
            expected = layout.format(", ".join(map(str, self.input_shape)))
            raise ValueError(f"inputs have shape {list(inputs.shape)}, expected {expected}")

    def _check_state(self, state: State | None) -> None:
        if state is not None and set(state.neurons) != set(self.blocks):
            raise ValueError(
                f"state has neurons of the blocks {sorted(state.neurons)}, expected {sorted(self.blocks)}: it is of "
                "another network, start with state=None"
            )

    def _feedback_synapses(self) -> list[nn.Module]:
        return [edge.synapse for edge in self.feedback.values()]

    def _check_places(self, inject: Tensors, masks: Tensors) -> None:
        for name in inject:
            if name not in self.blocks:
                raise ValueError(f"inject names block {name!r}, expected {one_of(name, list(self.blocks))}")
        if not masks:
            return
        places = ["inputs", *self.blocks, *(f"{b}.synapse" for b in self.blocks)]
        places += [f"feedback.{edge}" for edge in self.feedback]
        for place in masks:
            if place not in places:
                raise ValueError(f"masks names the place {place!r}, expected {one_of(place, places)}")

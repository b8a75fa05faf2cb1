"""A network that is simulated for a time, chunk after chunk, with plasticity or without."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_instance
from spikelearn.network import Activity, Network, Record, State, drawn_seeds
from spikelearn.plasticity import Batch, Carried, Payments, Rule, Sent, StepwiseRule
from spikelearn.seeding import generator_for
from spikelearn.simulation.plan import INPUTS, WEIGHT, Recorded, check_plan, joined, read_plan
from spikelearn.simulation.recording_file import RecordingFile
from spikelearn.simulation.sources import SOURCES, Given, Place, Source
from spikelearn.synapses import SparseLinear, as_linear
from spikelearn.training.state_checks import check_keys, check_like

#: Steps that are simulated between two looks at the clock, the signals and the disk.
STEPS = 500


class Moment(NamedTuple):
    """What a chunk or a step has done: number of its first step, inputs and record [T, B, ...], and state behind."""

    first: int
    inputs: Tensor
    record: Record
    state: State


class Simulation:
    """A network on inputs without end; where it stands is a value that can be saved and gone on from.

    With a rule the weights change at every step, as in training, and no presentation ends: what a rule does once a
    presentation (homeostasis, constraints, a teacher) it does not do here. Chunks begin at multiples of ``chunk``, so
    a simulation that is stopped behind any of them and gone on with has the bytes of one that never stopped.

    Args:
        network: what is simulated; with a rule its weights change.
        inputs: a source, the name of one as ``poisson:rate=20``, or a tensor [T, B, ...] with silence behind it.
        rule: one whose weights change at every step; None: no weight changes.
        samples: how many are simulated side by side, B; weights are shared.
        seed: from which all that is random follows.
        chunk: steps that are simulated together.
        input_shape: of one sample at one step; None: that of the network.
        payments: what pays a rule of rewards; None: nobody, so that such a rule is refused.

    Raises:
        ValueError: a rule whose weights do not change at steps, or that cannot train the network; inputs that the
            network cannot take, or of no known shape.
    """

    def __init__(
        self,
        network: Network,
        inputs: Source | Tensor | str,
        rule: Rule | None = None,
        *,
        samples: int | None = None,
        seed: int = 0,
        chunk: int = STEPS,
        input_shape: Iterable[int] | None = None,
        payments: Payments | None = None,
    ) -> None:
        check_instance("network", network, Network, 'for example build("64-100-10")')
        check_count("chunk", chunk)
        self.network, self.rule, self.chunk, self.payments = network, _checked(rule, network, payments), chunk, payments
        self.source = _source(inputs)
        given = self.source.inputs.shape[1] if isinstance(self.source, Given) else 1
        samples = given if samples is None else samples
        check_count("samples", samples)
        self.dt = next(iter(network.blocks.values())).neuron.dt
        self.place = Place(tuple(input_shape or _input_shape(network, self.source)), samples, self.dt, seed)
        self.source.check(self.place)
        self.seeds = drawn_seeds(samples, generator_for(seed, "simulated neurons"))
        #: Steps that have been simulated.
        self.step = 0
        self.carried = Carried()
        self._prepare()

    def _prepare(self) -> None:
        self.network.eval()
        for block in self.network.blocks.values():
            block.neuron.train(self.rule is not None)  # thresholds that learn do so with the weights

    @property
    def seconds(self) -> float:
        """Simulated time, seconds."""
        return self.step * self.dt

    def run(self, seconds: float, recording: RecordingFile | None = None) -> None:
        """Go on for a time, and have it recorded; steps are rounded.

        Args:
            seconds: simulated time.
            recording: of ``record``; None: nothing is kept.
        """
        for _ in self.chunks(round(seconds / self.dt), recording):
            pass

    def chunks(self, steps: int, recording: RecordingFile | None = None) -> Iterator[int]:
        """Go on for some steps; yields the number of steps so far behind each chunk, when it has been recorded.

        Args:
            steps: how many.
            recording: of ``record``; None: nothing is kept.
        """
        check_count("steps", steps, least=0)
        end = self.step + steps
        one_by_one = recording is not None and any(_needs_steps(item) for item in recording.plan)
        while self.step < end:
            count = min(self.chunk - self.step % self.chunk, end - self.step)
            for moment in self.moments(count, one_by_one=one_by_one):
                if recording is not None:
                    recording.take(moment.first, moment.inputs, moment.record, moment.state)
            if recording is not None:
                recording.flush(self.step)
            yield self.step

    @torch.no_grad()
    def moments(self, steps: int, *, one_by_one: bool = True) -> Iterator[Moment]:
        """Go on for some steps and hand over what they do; step by step with a rule, feedback, or ``one_by_one``."""
        inputs = self.source.at(self.step, steps, self.place)
        first = self.step
        with self.network.presentation() as buffers:
            with self.network.drawing(self.seeds) if self.network.random else nullcontext():
                if self.rule is not None:
                    yield from self._learning(inputs, first)
                elif one_by_one or self.network.feedback:
                    yield from self._stepping(inputs, first)
                else:
                    record, self.carried.state = self.network.run(inputs, self.carried.state)
                    self.step += steps
                    yield Moment(first, inputs, record, self.carried.state)
        for name, value in buffers.items():
            self.network.get_buffer(name).copy_(value)

    def _stepping(self, inputs: Tensor, first: int) -> Iterator[Moment]:
        for t, (record, state) in enumerate(self.network.stream(inputs, self.carried.state)):
            self.carried.state = state
            self.step += 1
            yield Moment(first + t, inputs[t : t + 1], _with_time(record), state)

    def _learning(self, inputs: Tensor, first: int) -> Iterator[Moment]:
        assert self.rule is not None
        targets = torch.zeros(inputs.shape[1], dtype=torch.int64)
        weights: Mapping[str, Tensor] = {}
        walk = self.rule.walk(
            self.network, Batch(inputs, targets), carried=self.carried, payments=self.payments, first=first
        )
        for t, moment in enumerate(walk):
            assert self.carried.state is not None
            self.step += 1
            weights = moment.weights
            yield Moment(first + t, inputs[t : t + 1], moment.record, self.carried.state)
        for name, weight in weights.items():
            self.network.get_parameter(name).copy_(weight)

    def record(self, path: str | Path, plan: Iterable[str | Recorded], *, resume: bool = False) -> RecordingFile:
        """A recording of this simulation from now on, or ``resume``d from now on.

        Args:
            path: HDF5 file.
            plan: what is kept, as ``["fc1:spikes", "fc1:v:0-9:every=10", "fc1:weight:every=1000"]``.
            resume: whether the file is there; what it holds of later steps is left out.

        Raises:
            ValueError: something that the network does not have; a file that is there, or not, or of another plan.
        """
        items = self.check_plan(plan)
        weights = {item.name: joined(self.network, item) for item in items if item.variable == WEIGHT}
        return RecordingFile(path, items, self.network, weights, begin_at=self.step if resume else None)

    def check_plan(self, plan: Iterable[str | Recorded]) -> tuple[Recorded, ...]:
        """The plan, read; raises ValueError as ``record`` where it names something that the network does not have."""
        items = read_plan(plan)
        record, state = self._tried()
        sizes = {INPUTS: torch.Size(self.place.shape).numel()}
        sizes |= {name: seen.spikes[0].numel() for name, seen in record.items()}
        check_plan(items, self.network, sizes, state)
        return items

    @torch.no_grad()
    def _tried(self) -> tuple[Record, State]:
        """What a step does and leaves, of which nothing is kept."""
        x = self.source.at(0, 1, self.place)[0]
        with self.network.presentation():
            with self.network.drawing(self.seeds) if self.network.random else nullcontext():
                return self.network.step(x)

    def state_dict(self) -> dict[str, Any]:
        """All by which the simulation goes on: tensors and plain values."""
        state, waiting = self.carried.state, self.carried.waiting
        return {
            "step": self.step,
            "network": {name: value.clone() for name, value in self.network.state_dict().items()},
            "state": None if state is None else {name: value.clone() for name, value in state.tensors().items()},
            "traces": {name: dict(traces) for name, traces in self.carried.traces.items()},
            "waiting": {name: [[sent.post, sent.v, *sent.state] for sent in sents] for name, sents in waiting.items()},
            "heard": {name: list(spikes) for name, spikes in self.carried.heard.items()},
        }

    def load_state_dict(self, kept: Mapping[str, Any]) -> None:
        """Stand where a simulation stood that was made alike.

        Raises:
            ValueError: a state of another network, or none.
        """
        check_keys("state", kept, ["step", "network", "state", "traces", "waiting", "heard"])
        check_like("network", kept["network"], self.network.state_dict())
        _, template = self._tried()
        if kept["state"] is not None:
            check_keys("state", kept["state"], list(template.tensors()))
        self.network.load_state_dict(kept["network"])
        self.step = kept["step"]
        state = None if kept["state"] is None else _filled(template, kept["state"])
        traces = {name: dict(values) for name, values in kept["traces"].items()}
        waiting: dict[str, deque[Sent]] = {}
        for name, sents in kept["waiting"].items():
            kind = self._kind_of(name, template)
            waiting[name] = deque(Sent(post, v, kind(*state)) for post, v, *state in sents)
        heard = {name: deque(spikes, len(spikes)) for name, spikes in kept["heard"].items()}
        self.carried = Carried(state, traces, waiting, heard)

    def _kind_of(self, weight: str, template: State) -> type:
        """The class of the states of the neurons behind an edge, by the name of its weights."""
        kind, name, *_ = weight.split(".")
        edges = {"feedback": self.network.feedback, "feedforward": self.network.feedforward}
        return type(template.neurons[name if kind == "blocks" else str(edges[kind][name].target)])


def _needs_steps(item: Recorded) -> bool:
    """Tell whether the steps of a chunk must be looked at one by one for this."""
    return item.variable not in ("spikes", "v")


def _with_time(record: Record) -> Record:
    seen = {name: Activity(*(part.unsqueeze(0) for part in activity)) for name, activity in record.items()}
    return Record(seen, {}, outputs=record.outputs)


def _filled(template: State, tensors: Mapping[str, Tensor]) -> State:
    """The state of the form of ``template`` with other values."""

    def states(place: str, given: Mapping[str, Any]) -> dict[str, Any]:
        names = {name: [f"{place}.{name}.{n}" for n in range(len(s))] for name, s in given.items()}
        return {name: type(given[name])(*(tensors[part].clone() for part in parts)) for name, parts in names.items()}

    return State(
        states("neurons", template.neurons),
        {name: tensors[f"delay_lines.{name}"].clone() for name in template.delay_lines},
        {name: tensors[f"sent.{name}"].clone() for name in template.sent},
        states("releases", template.releases),
    )


def _checked(rule: Rule | None, network: Network, payments: Payments | None) -> StepwiseRule | None:
    if rule is None:
        return None
    if not isinstance(rule, StepwiseRule) or not rule.walks:
        raise ValueError(
            f"{rule.name} does not change weights at every step, so that they cannot change while a network is "
            "simulated, expected stdp-online, triplet-stdp, vogels, clopath, urbanczik-senn, or a rule of rewards"
        )
    rule.check(network)
    if rule.pays and payments is None:
        raise ValueError(
            f"{rule.name} learns by rewards, but nobody pays: give payments, or simulate with a rule without rewards"
        )
    return rule


def _source(inputs: Source | Tensor | str) -> Source:
    if isinstance(inputs, str):
        return SOURCES.make(inputs)
    if isinstance(inputs, Tensor):
        return Given(inputs)
    check_instance("inputs", inputs, Source, 'for example Poisson(20.0), "poisson:rate=20" or a tensor [T, B, ...]')
    return inputs


def _input_shape(network: Network, source: Source) -> tuple[int, ...]:
    """The shape of one sample at one step."""
    if network.input_shape is not None:
        return tuple(network.input_shape)
    if isinstance(source, Given):
        return tuple(source.inputs.shape[2:])
    first: Any = next(iter(network.blocks.values())).synapse
    layer = first if isinstance(first, SparseLinear) else as_linear(first)
    if layer is None:
        raise ValueError("the network does not say the shape of its inputs: give input_shape, as (1, 28, 28)")
    return (layer.in_features,)

"""Rules of two phases, the second corrected by error neurons: options, phases and the update that they share."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Protocol, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_choice, check_flag, check_positive
from spikelearn.network import Activity, Network, Record, State
from spikelearn.network.presentation import running_statistics
from spikelearn.plasticity.back_weights import PREFIX
from spikelearn.plasticity.base import Batch, Memory, Rule, Update, firing_rates
from spikelearn.plasticity.factors import ALL, Factors
from spikelearn.plasticity.two_phase.network import TWO_PHASE_NEEDS, layer_sizes, layers_of, weight_of
from spikelearn.synapses import correlate
from spikelearn.tasks import check_targets

Feedback = Literal["symmetric", "alignment", "direct"]
ErrorReset = Literal["to_zero", "subtract"]

#: With fewer, no error spike of the corrected phase can change a spike of it.
LEAST_STEPS = 5


class Moment(NamedTuple):
    """One step of the corrected phase.

    Args:
        record: activity of the step.
        errors: {block: error spikes of the step, -1, 0 or 1, [B, n]}.
        charges: {block: what the error neurons have summed, after their reset, [B, n]}.
        state: the network's, after the injection.
    """

    record: Record
    errors: dict[str, Tensor]
    charges: dict[str, Tensor]
    state: State


class PhaseTally(Protocol):
    """A synapse's memory of a presentation."""

    def add(self, number: int, seen: Activity) -> None:
        """Take in step ``number`` of the corrected phase."""

    def factors(self) -> tuple[Tensor, Tensor]:
        """Pre [B, in...] and post [B, n] of the wished change, their outer product."""


class ErrorNeuronRule(Rule):
    """A rule that compares a free phase with one whose membranes error neurons push; the subclass says what is counted.

    Args:
        feedback: "symmetric", "alignment" or "direct".
        epsilon: threshold of the output's error neurons, missing or surplus spikes per error spike.
        scale: injection of an error spike, in units of the neuron's threshold.
        gate: whether hidden error spikes need a partner that fired in the free phase; "direct" has no gate.
        hidden_ratio: ratio of the hidden error neurons' thresholds, dimensionless.
        error_reset: "to_zero", or "subtract" (the threshold) for the error neurons.
    """

    requires = TWO_PHASE_NEEDS

    def __init__(
        self,
        feedback: Feedback,
        epsilon: float,
        scale: float,
        *,
        gate: bool,
        hidden_ratio: float,
        error_reset: ErrorReset = "to_zero",
    ) -> None:
        check_choice("feedback", feedback, get_args(Feedback))
        check_choice("error_reset", error_reset, get_args(ErrorReset))
        check_flag("gate", gate)
        for name, value in (("epsilon", epsilon), ("scale", scale), ("hidden_ratio", hidden_ratio)):
            check_positive(name, value)
        self.feedback, self.epsilon, self.scale, self.hidden_ratio = feedback, epsilon, scale, hidden_ratio
        self.gate = gate and feedback != "direct"
        self.error_reset = error_reset

    @property
    def factors(self) -> Factors:
        return ALL if self.feedback == "symmetric" else ALL - {"weights"}

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """Feedback matrices [n above, n] of the hidden layers, U(+-1/sqrt(n above)); none where it is symmetric."""
        self.check(network)
        if self.feedback == "symmetric":
            return {}
        sizes, memory = layer_sizes(network), {}
        for place, name in enumerate(layers_of(network)[:-1], start=1):
            above = sizes[-1] if self.feedback == "direct" else sizes[place + 1]
            drawn = torch.rand(above, sizes[place], generator=generator, dtype=torch.float64)
            memory[PREFIX + name] = ((2.0 * drawn - 1.0) / math.sqrt(above)).to(weight_of(network, name))
        return memory

    @torch.no_grad()
    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        grads: dict[str, Tensor] = {}
        # The front end must do the same in both phases, so its batch norm may not look at one of them.
        with network.presentation() as buffers, running_statistics([b.synapse for b in network.blocks.values()]):
            free, state = self.free_phase(network, batch)
            names = layers_of(network)
            tallies = {name: self.tally(network, name, free[name]) for name in names}
            touched = {name: torch.zeros_like(free[name].spikes[0], dtype=torch.bool) for name in names}
            for number, moment in enumerate(self.corrected_phase(network, batch, memory, free, state)):
                for name in names:
                    tallies[name].add(number, moment.record[name])
                    touched[name] |= moment.errors[name] != 0
            for name in names:
                pre, post = tallies[name].factors()
                synapse = network.blocks[name].synapse
                change = correlate(synapse, pre.unsqueeze(0), post.unsqueeze(0) / len(batch.targets))
                grads |= {f"blocks.{name}.synapse.{part}": -value for part, value in change.items()}
            # The authors' program predicts from this many steps, and gates by them.
            seen = Activity(*(part[:-1] for part in free.output))
            scores = network.scores(Record({names[-1]: seen}, {}))
        metrics = {f"corrected_{name}": float(touched[name].float().mean()) for name in names}
        metrics |= {f"active_{name}": float((free[name].spikes != 0).any(0).float().mean()) for name in names}
        yield Update(grads, scores, buffers=buffers, rates=firing_rates(network, free), metrics=metrics)

    def free_phase(self, network: Network, batch: Batch) -> tuple[Record, State]:
        """The first phase, which knows nothing of the targets: its record [tau, B, ...] and the state after it.

        Raises:
            ValueError: too few steps, an output that is not one neuron a class.
        """
        given = batch.inputs.shape[0]
        if given < LEAST_STEPS:
            raise ValueError(
                f"{self.name} needs two phases, at least {LEAST_STEPS} steps, but the inputs have {given}: raise "
                "n_steps (64 and more are usual, odd numbers leave no step idle)"
            )
        free, state = network.run(batch.inputs[: (given - 1) // 2], masks=batch.masks)
        if free.output.spikes.ndim != 3:
            raise ValueError(
                f"{self.name} needs one output neuron a class, but the last block has the shape "
                f"{list(free.output.spikes.shape[2:])}: put nn.Flatten in front of its weights"
            )
        check_targets(batch.targets, free.output.spikes.shape[2])
        return free, state

    @torch.no_grad()
    def corrected_phase(
        self, network: Network, batch: Batch, memory: Memory, free: Record, state: State
    ) -> Iterator[Moment]:
        """The second phase, step by step: error neurons step beside the network and push its membranes."""
        names = layers_of(network)
        steps, last = len(free.output.spikes), names[-1]
        thresholds = dict(zip(names, self.error_thresholds(network), strict=True))
        pushes = {name: self.scale * network.blocks[name].neuron.v_threshold for name in names}
        back = self._feedback_of(network, memory)
        gates = {name: (free[name].spikes[:-1] != 0).any(0) for name in back} if self.gate else {}
        sent = free.output.spikes[-1]
        wanted = F.one_hot(batch.targets, sent.shape[1]).to(sent.dtype)
        errors = {name: torch.zeros_like(free[name].spikes[-1]) for name in names}
        charges = dict(errors)
        stream = network.stream(batch.inputs[steps : 2 * steps + 1], state, masks=batch.masks)
        pushed = None
        for _ in range(steps + 1):
            record, state = stream.send(pushed)
            arriving = {name: errors[source] @ matrix for name, (source, matrix) in back.items()}
            arriving[last] = wanted - sent
            neurons, fired = dict(state.neurons), {}
            for name in names:
                fired[name], charges[name] = self._fire(charges[name] + arriving[name], thresholds[name])
                if name in gates:
                    fired[name] = fired[name] * gates[name]
                neurons[name] = neurons[name]._replace(v=neurons[name].v + pushes[name] * errors[name])
            pushed = state._replace(neurons=neurons)
            yield Moment(record, fired, dict(charges), pushed)
            errors, sent = fired, record.output.spikes

    def error_thresholds(self, network: Network) -> list[float]:
        """Threshold of the error neurons of every layer that learns, the output last."""
        return error_thresholds(layer_sizes(network), self.feedback, self.hidden_ratio, self.epsilon)

    @abstractmethod
    def tally(self, network: Network, name: str, free: Activity) -> PhaseTally:
        """Begin the memory of the synapse of block ``name`` with its free phase."""

    def _feedback_of(self, network: Network, memory: Memory) -> dict[str, tuple[str, Tensor]]:
        """{hidden block: (where its errors come from, matrix [n there, n])}."""
        names, feedback = layers_of(network), {}
        for name, above in zip(names, names[1:], strict=False):
            if self.feedback == "symmetric":
                feedback[name] = (above, weight_of(network, above))
            else:
                feedback[name] = (names[-1] if self.feedback == "direct" else above, memory[PREFIX + name])
        return feedback

    def _fire(self, charge: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
        """Error spikes, and the charge after reset."""
        spikes = (charge >= threshold).to(charge.dtype) - (charge <= -threshold).to(charge.dtype)
        if self.error_reset == "subtract":
            return spikes, charge - threshold * spikes
        return spikes, charge.masked_fill(spikes != 0, 0.0)


def error_thresholds(sizes: Sequence[int], feedback: Feedback, hidden_ratio: float, epsilon: float) -> list[float]:
    r"""Thresholds of the error neurons of layers with $n_0, n_1, ..., n_{L+1}$ = ``sizes`` neurons, the output last.

    Hidden layer i = 1..L: $\eta_i = \frac{\mathrm{hidden}}{2(i+1)} n_{i+1}\sqrt{3/n_i}$ ("symmetric"),
    $\frac{\mathrm{hidden}}{2(i+1)}\sqrt{3 n_{i+1}}$ ("alignment"), $\frac{\mathrm{hidden}}{2(i+1)}\sqrt{3 n_{L+1}}$
    ("direct"); the output: ``epsilon``.
    """
    thresholds = []
    for place in range(1, len(sizes) - 1):
        spread = {
            "symmetric": sizes[place + 1] * math.sqrt(3.0 / sizes[place]),
            "alignment": math.sqrt(3.0 * sizes[place + 1]),
            "direct": math.sqrt(3.0 * sizes[-1]),
        }[feedback]
        thresholds.append(hidden_ratio * spread / (2 * (place + 1)))
    return [*thresholds, epsilon]

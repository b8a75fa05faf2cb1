"""Error-modulated spike-timing-dependent plasticity (EMSTDP)."""

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_choice, check_flag, check_positive
from spikelearn.network import Activity, Network, Record, State
from spikelearn.network.presentation import running_statistics
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update
from spikelearn.plasticity.emstdp_network import check_network, layer_sizes, layers_of, weight_of
from spikelearn.plasticity.gradient import check_targets, firing_rates
from spikelearn.synapses import correlate

Feedback = Literal["symmetric", "alignment", "direct"]

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


class Tally(Protocol):
    """What one synapse remembers of a presentation."""

    def add(self, number: int, seen: Activity) -> None:
        """Take in step ``number`` of the corrected phase."""

    def factors(self) -> tuple[Tensor, Tensor]:
        """Pre [B, in...] and post [B, n] of the wished change, their outer product."""


@RULES.register("emstdp")
class EMSTDP(Rule):
    r"""Two phases a sample, free and corrected by error spikes; weights learn from the difference in spike counts.

    $$\Delta W_l = \frac1\tau\,(\hat h_l - h_l) \otimes h_{l-1}$$

    With steps t = 0..2$\tau$ (one more stays idle): $h_l$ counts the spikes of t = 1..$\tau$, $\hat h_l$ those of
    t = $\tau$+1..2$\tau$, and $h_{l-1}$ what met the weights at t = 2..$\tau$+1, one step late. From t = $\tau$ on,
    after the spikes z of the step, with Y the one-hot target and $\vartheta$ the neurons' threshold,

    $$D_{out} \mathrel{+}= Y - z_{out}[t-1], \quad D_l \mathrel{+}= M_l E_{l+1}[t-1], \quad
      E[t] = \mathrm{sign}(D)\,\Theta(|D| - \eta), \quad v \mathrel{+}= \mathrm{scale}\;\vartheta\,E[t-1]$$

    and D is reset where E is not 0. $M_l$ is the transpose of the weights above ("symmetric"), a fixed random matrix
    of that shape ("alignment") or one from the output, $E_{out}$ in place of $E_{l+1}$ ("direct"). $\eta$ is
    ``epsilon`` at the output and as in ``error_thresholds`` below. Leading blocks without anything trainable are a
    front end: they are only run, and errors stop above them. Scores are the rates of the free phase without its last
    step. Metrics: ``active_<block>``, the share of neurons that fire in the free phase, ``corrected_<block>``, that of
    those with an error spike.

    Args:
        feedback: "symmetric", "alignment" or "direct".
        epsilon: threshold of the output's error neurons, missing or surplus spikes per error spike.
        scale: injection of an error spike, in units of the neuron's threshold.
        gate: whether hidden error spikes need a partner that fired before step $\tau$-1; "direct" has no gate.
        hidden_ratio: ratio of the hidden error neurons' thresholds, dimensionless; the authors take that of the
            initialiser, a larger one lets fewer errors through.
        error_reset: "to_zero", or "subtract" (the threshold) for the error neurons.
        presynaptic: "count", or "event": 1 where the count is above a tenth of the steps, else 0.

    Shapes: inputs [T, B, ...] with T >= 5, targets [B]; Linear weights, [n, in].

    Raises:
        ValueError: neurons that are no IF with inclusive=True and reset="to_value"; feedback edges; trainable
            convolutions or biases; delays other than 0 for the first block, 1 for later ones; too few steps.

    Source: Shrestha, Fang, Wu & Qiu, ICONS 2019; Shrestha et al., DAC 2021 (arXiv 2105.03649); order of operations as
    in the authors' program, whose running square is the optimizer "rms" with lr 1e-3. deviation: one population of
    signed error spikes stands for two of rectified ones.
    """

    default_optimizer = OptimizerChoice("sgd", 0.1)
    default_bounds = (-1.0, 1.0)

    def __init__(
        self,
        feedback: Feedback = "symmetric",
        epsilon: float = 3.0,
        scale: float = 1.0,
        *,
        gate: bool = True,
        hidden_ratio: float = 0.5,
        error_reset: Literal["to_zero", "subtract"] = "to_zero",
        presynaptic: Literal["count", "event"] = "count",
    ) -> None:
        check_choice("feedback", feedback, ("symmetric", "alignment", "direct"))
        check_choice("error_reset", error_reset, ("to_zero", "subtract"))
        check_choice("presynaptic", presynaptic, ("count", "event"))
        check_flag("gate", gate)
        for name, value in (("epsilon", epsilon), ("scale", scale), ("hidden_ratio", hidden_ratio)):
            check_positive(name, value)
        self.feedback, self.epsilon, self.scale, self.hidden_ratio = feedback, epsilon, scale, hidden_ratio
        self.gate = gate and feedback != "direct"
        self.error_reset, self.presynaptic = error_reset, presynaptic

    def check(self, network: Network) -> None:
        check_network(RULES.name_of(type(self)), network)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """Feedback matrices [n above, n] of the hidden layers, U(+-1/sqrt(n above)); none where it is symmetric."""
        self.check(network)
        if self.feedback == "symmetric":
            return {}
        sizes, memory = layer_sizes(network), {}
        for place, name in enumerate(layers_of(network)[:-1], start=1):
            above = sizes[-1] if self.feedback == "direct" else sizes[place + 1]
            drawn = torch.rand(above, sizes[place], generator=generator, dtype=torch.float64)
            memory[f"feedback.{name}"] = ((2.0 * drawn - 1.0) / math.sqrt(above)).to(weight_of(network, name))
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
                f"emstdp needs two phases, at least {LEAST_STEPS} steps, but the inputs have {given}: raise n_steps "
                "(64 and more are usual, odd numbers leave no step idle)"
            )
        free, state = network.run(batch.inputs[: (given - 1) // 2], masks=batch.masks)
        if free.output.spikes.ndim != 3:
            raise ValueError(
                f"emstdp needs one output neuron a class, but the last block has the shape "
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

    def tally(self, network: Network, name: str, free: Activity) -> Tally:
        """What the synapse of block ``name`` remembers, begun with its free phase."""
        return Counts(free, event=self.presynaptic == "event")

    def _feedback_of(self, network: Network, memory: Memory) -> dict[str, tuple[str, Tensor]]:
        """{hidden block: (where its errors come from, matrix [n there, n])}."""
        names, found = layers_of(network), {}
        for name, above in zip(names, names[1:], strict=False):
            if self.feedback == "symmetric":
                found[name] = (above, weight_of(network, above))
            else:
                found[name] = (names[-1] if self.feedback == "direct" else above, memory[f"feedback.{name}"])
        return found

    def _fire(self, charge: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
        """Error spikes, and the charge after reset."""
        spikes = (charge >= threshold).to(charge.dtype) - (charge <= -threshold).to(charge.dtype)
        if self.error_reset == "subtract":
            return spikes, charge - threshold * spikes
        return spikes, charge.masked_fill(spikes != 0, 0.0)


class Counts:
    """Spike counts of one synapse in the windows of ``EMSTDP``; ``event`` makes the pre count 0 or 1."""

    def __init__(self, free: Activity, *, event: bool = False) -> None:
        self.steps, self.event = len(free.spikes), event
        self.pre = free.pre[2:].sum(0)
        self.difference = -free.spikes[1:].sum(0)

    def add(self, number: int, seen: Activity) -> None:
        if number < 2:
            self.pre = self.pre + seen.pre
        self.difference = self.difference + (seen.spikes if number else -seen.spikes)

    def factors(self) -> tuple[Tensor, Tensor]:
        # The authors' program counts a silent step before the first.
        often = self.pre > (2 * self.steps + 2) / 10
        return often.to(self.pre.dtype) if self.event else self.pre, self.difference / self.steps


def error_thresholds(sizes: Sequence[int], feedback: Feedback, hidden_ratio: float, epsilon: float) -> list[float]:
    r"""Thresholds of the error neurons of layers with $n_0, n_1, ..., n_{L+1}$ = ``sizes`` neurons, the output last.

    Hidden layer i = 1..L: $\eta_i = \frac{\mathrm{hidden}}{2(i+1)} n_{i+1}\sqrt{3/n_i}$ ("symmetric"),
    $\frac{\mathrm{hidden}}{2(i+1)}\sqrt{3 n_{i+1}}$ ("alignment"), $\frac{\mathrm{hidden}}{2(i+1)}\sqrt{3 n_{L+1}}$
    ("direct"); the output: ``epsilon``.
    """
    found = []
    for place in range(1, len(sizes) - 1):
        spread = {
            "symmetric": sizes[place + 1] * math.sqrt(3.0 / sizes[place]),
            "alignment": math.sqrt(3.0 * sizes[place + 1]),
            "direct": math.sqrt(3.0 * sizes[-1]),
        }[feedback]
        found.append(hidden_ratio * spread / (2 * (place + 1)))
    return [*found, epsilon]

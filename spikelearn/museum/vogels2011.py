"""Vogels' neuron, whose inhibition learns to mirror its excitation."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikelearn.museum.base import MODELS, Model, check_scale
from spikelearn.network import Block, Feedforward, Network
from spikelearn.neurons import ConductanceLIF
from spikelearn.plasticity import Vogels
from spikelearn.seeding import generator_for
from spikelearn.simulation import Place, Simulation, Source
from spikelearn.simulation.sources import drawn
from spikelearn.synapses import SparseLinear

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Seconds: membrane, conductances, refractory time, window of the rule, step.
TAU, TAU_EXCITATORY, TAU_INHIBITORY, REST, TAU_RULE, DT = 20e-3, 5e-3, 10e-3, 5e-3, 20e-3, 1e-3

#: Millivolts: leak and reset, threshold, reversal potentials.
LEAK, THRESHOLD, V_EXCITATORY, V_INHIBITORY = -60.0, -50.0, 0.0, -80.0

#: Synapses of both kinds, in as many signals; what a weight of 1 opens, in units of the leak's 10 nS.
EXCITATORY, INHIBITORY, SIGNALS, UNIT_EXCITATORY, UNIT_INHIBITORY = 800, 200, 8, 0.014, 0.035

#: Inhibitory weights at first; target rate, Hz; learning rate; seconds.
BEGINNING, TARGET, LEARNING_RATE, SECONDS = 0.1, 5.0, 1e-2, 120.0

#: Seconds: of a signal's memory. Hz: every train at least, and its mean rise.
TAU_SIGNAL, BACKGROUND, RISE = 50e-3, 3.0, 10.0

#: Steps at the beginning and at the end that are measured, and steps of a point of the curve.
FIRST, LAST, BIN = 1000, 20_000, 1000


class Signals(Source):
    r"""Poisson trains in groups, each with a rate that goes its own way.

    $$\nu[t] = \nu_0 + \rho\,\sqrt{2\pi}\,[s[t]]_+, \qquad s[t] = \sum_k a\,e^{-k\,dt/\tau}\,\xi[t-k]$$

    with s of unit variance, so that $\rho$ is the mean rise.

    Args:
        excitatory, inhibitory: trains of each signal.
    """

    def __init__(self, excitatory: int, inhibitory: int) -> None:
        self.of_train = torch.arange(SIGNALS).repeat_interleave(excitatory)
        self.of_train = torch.cat([self.of_train, torch.arange(SIGNALS).repeat_interleave(inhibitory)])

    def rates(self, first: int, count: int, place: Place) -> Tensor:
        """The rate of each signal, Hz, [count, B, signals]."""
        memory = round(8 * TAU_SIGNAL / place.dt)  # what is older than that is e^-8 of it
        share = torch.exp(-place.dt / TAU_SIGNAL * torch.arange(memory, dtype=torch.float64)).float()
        own = place._replace(shape=(SIGNALS,), seed=place.seed + 1)  # other numbers than the trains have
        noise = drawn(torch.randn, first, count + memory - 1, own).permute(1, 2, 0)
        signal = torch.nn.functional.conv1d(noise.flatten(0, 1).unsqueeze(1), share.flip(0).view(1, 1, -1))
        signal = signal.view(*noise.shape[:2], count).permute(2, 0, 1) / share.norm()
        return BACKGROUND + RISE * math.sqrt(2 * math.pi) * signal.relu()

    def at(self, first: int, count: int, place: Place) -> Tensor:
        rates = self.rates(first, count, place)[..., self.of_train]
        return (drawn(torch.rand, first, count, place) < -torch.expm1(-place.dt * rates)).view(torch.uint8)


class Course(NamedTuple):
    """What a simulation did: spikes [T, B], and by signal the currents of both kinds before and after, mV."""

    spikes: np.ndarray
    before: tuple[np.ndarray, np.ndarray]
    after: tuple[np.ndarray, np.ndarray]

    def rate(self, steps: slice) -> float:
        """Mean over some steps, Hz."""
        return float(self.spikes[steps].mean() / DT)


@MODELS.register("vogels2011")
class Vogels2011(Model):
    r"""A neuron with conductances, whose trains come in groups, excitatory and inhibitory ones of each signal alike.

    $$\tau\,\dot v = (v_{leak} - v) + g_e\,(v_e - v) + g_i\,(v_i - v)$$

    Excitation is tuned, $w_e(p) = 0.3 + 1.1/(1 + (p-5)^4)$ for the signals p = 1 to 8, and stays; inhibitory weights
    begin alike and learn by the rule ``vogels``.

    Args:
        scale: share of the published synapses; what each opens is divided by it.

    Shapes: spikes [T], currents by signal [8], mV (of the membrane, over the leak's conductance).

    Raises:
        ValueError: a scale outside (0, 1].

    Source: Vogels, Sprekeler, Zenke, Clopath & Gerstner, Science 334, 2011, figures 1 and 2. deviation: steps of 1 ms,
    a higher learning rate, and signals that are rectified noise of 50 ms without the paper's thinning.
    """

    title = "Inhibition that learns mirrors excitation and settles a target rate"
    source = "Vogels, Sprekeler, Zenke, Clopath & Gerstner, Science 334, 2011, figures 1 and 2"
    published = "the rate over time, and currents of both kinds by signal, before and after"
    numbers: ClassVar[Mapping[str, str]] = {
        "synapses": f"{EXCITATORY} excitatory and {INHIBITORY} inhibitory, in {SIGNALS} signals",
        "membrane": "tau 20 ms, rest and reset -60 mV, threshold -50 mV, refractory 5 ms, leak 10 nS",
        "conductances": "0.14 nS for 5 ms, reversal 0 mV; 0.35 nS for 10 ms, reversal -80 mV",
        "excitatory weights": "0.3 + 1.1/(1 + (p - 5)^4), p = 1 to 8",
        "rule": f"vogels, target rate {TARGET:g} Hz, tau 20 ms (alpha 0.2); here learning rate {LEARNING_RATE:g}",
        "time": f"{SECONDS:g} s",
    }

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = check_scale(scale)
        self.excitatory, self.inhibitory = (max(1, round(scale * n / SIGNALS)) for n in (EXCITATORY, INHIBITORY))
        shares = EXCITATORY / SIGNALS / self.excitatory, INHIBITORY / SIGNALS / self.inhibitory
        self.units = UNIT_EXCITATORY * shares[0], UNIT_INHIBITORY * shares[1]

    def network(self, seed: int = 0) -> Network:
        """The neuron, its frozen excitation, and its inhibition, which learns."""
        place = torch.arange(1, SIGNALS + 1, dtype=torch.float32)
        tuned = (0.3 + 1.1 / (1 + (place - 5) ** 4)).repeat_interleave(self.excitatory)
        tuned += 0.1 * torch.rand(tuned.shape, generator=generator_for(seed, "vogels2011"))
        excitatory, inhibitory = SIGNALS * self.excitatory, SIGNALS * self.inhibitory
        size, zeros = excitatory + inhibitory, [torch.zeros(n, dtype=torch.int64) for n in (excitatory, inhibitory)]
        excites = SparseLinear(
            size, 1, torch.arange(excitatory), zeros[0], weight=self.units[0] * tuned, bias=False
        ).requires_grad_(False)
        begins = torch.full((inhibitory,), BEGINNING * self.units[1])
        inhibits = SparseLinear(size, 1, excitatory + torch.arange(inhibitory), zeros[1], weight=begins, bias=False)
        neuron = ConductanceLIF(
            *(TAU, TAU_EXCITATORY, TAU_INHIBITORY),
            v_excitatory=V_EXCITATORY,
            v_inhibitory=V_INHIBITORY,
            v_threshold=THRESHOLD,
            v_reset=LEAK,
            v_leak=LEAK,
            refractory_time=REST,
            within_step="mean",
            dt=DT,
        )
        inhibition = Feedforward("inputs", "neuron", inhibits, current="inhibitory")
        return Network({"neuron": Block(excites, neuron)}, feedforward={"inhibition": inhibition}, input_shape=(size,))

    def simulated(
        self, seconds: float = SECONDS, *, seed: int = 0, learning_rate: float = LEARNING_RATE, samples: int = 1
    ) -> Course:
        """The neuron over some time.

        Args:
            seconds: simulated time.
            seed: from which all that is random follows.
            learning_rate: in units of a weight.
            samples: how many see trains of their own, while their inhibition is the same and learns from all.
        """
        network, unit = self.network(seed), self.units[1]
        rule = Vogels(learning_rate * unit, TARGET, TAU_RULE, low=0.0, high=100.0 * unit, dt=DT, conductance=True)
        signals = Signals(self.excitatory, self.inhibitory)
        simulation = Simulation(network, signals, rule, samples=samples, seed=seed)
        weights, seen = [self._inhibition(network)], []
        for moment in simulation.moments(round(seconds / DT)):
            neuron = moment.record["neuron"]
            seen.append(torch.cat([neuron.spikes[0], neuron.v[0]], 1))
        weights.append(self._inhibition(network))
        spikes, v = torch.stack(seen).unbind(2)
        ends = v[:FIRST], v[-LAST:]
        before, after = (self._currents(network, w, float(end.mean())) for w, end in zip(weights, ends, strict=True))
        return Course(spikes.numpy(), before, after)

    @staticmethod
    def _inhibition(network: Network) -> Tensor:
        """Inhibitory weights as they stand, [K]."""
        return network.get_parameter("feedforward.inhibition.synapse.weight").detach().flatten().clone()

    def _currents(self, network: Network, inhibition: Tensor, v: float) -> tuple[np.ndarray, np.ndarray]:
        """Mean excitatory and inhibitory current by signal at a potential v, where all signals have their mean rate."""
        rate = BACKGROUND + RISE
        excitation = network.get_parameter("blocks.neuron.synapse.weight").detach().flatten()
        drives = (TAU_EXCITATORY * (V_EXCITATORY - v), TAU_INHIBITORY * (v - V_INHIBITORY))
        of_signals = (weight.view(SIGNALS, -1).sum(1).numpy() for weight in (excitation, inhibition))
        excites, inhibits = (rate * drive * sums for drive, sums in zip(drives, of_signals, strict=True))
        return excites, inhibits

    def draw(self) -> "tuple[Figure, list[str]]":
        from matplotlib.figure import Figure  # the numbers are told without it

        from spikelearn.draw.style import COLOURS, clean

        course = self.simulated(SECONDS)
        figure = Figure(figsize=(12, 3.6), layout="constrained")
        rate, *tuning = figure.subplots(1, 3, width_ratios=(1.3, 1, 1))
        bins = course.spikes[: len(course.spikes) // BIN * BIN].reshape(-1, BIN).mean(1) / DT
        rate.plot(DT * BIN * (np.arange(len(bins)) + 0.5), bins, color=COLOURS[0])
        rate.axhline(TARGET, color="black", linewidth=0.8, linestyle="--", label=f"target, {TARGET:g} Hz")
        rate.set(xlabel="time (s)", ylabel="rate (Hz)", xlim=(0, DT * len(course.spikes)), ylim=(0, None))
        rate.legend(frameon=False)
        for axis, currents, title in zip(tuning, (course.before, course.after), ("before", "after"), strict=True):
            for values, colour, label in zip(currents, COLOURS, ("excitatory", "inhibitory"), strict=False):
                axis.plot(range(1, SIGNALS + 1), values, "o-", color=colour, label=label)
            axis.set(xlabel="signal", ylabel="mean current (mV)", title=title, ylim=(0, None))
            axis.legend(frameon=False)
        for axis in (rate, *tuning):
            clean(axis)
        return figure, [
            f"rate: {course.rate(slice(FIRST)):.1f} Hz in the first {FIRST * DT:g} s, "
            f"{course.rate(slice(-LAST, None)):.1f} Hz in the last {LAST * DT:g} s, target {TARGET:g} Hz",
            f"excitation and inhibition by signal: correlated {tuned(course.after):.3f} behind learning, inhibition "
            f"{course.after[1].sum() / course.after[0].sum():.2f} of excitation",
        ]


def tuned(currents: tuple[np.ndarray, np.ndarray]) -> float:
    """The correlation of excitation and inhibition over the signals."""
    return float(np.corrcoef(*currents)[0, 1])

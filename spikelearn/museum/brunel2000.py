"""Brunel's sparsely connected network of excitatory and inhibitory neurons, in its four states."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erfcx

from spikelearn.museum.base import MODELS, Model, check_scale
from spikelearn.network import Block, Feedback, Network
from spikelearn.neurons import RefractoryLIF
from spikelearn.seeding import generator_for
from spikelearn.simulation import PoissonCounts, Simulation
from spikelearn.synapses import Scale, SparseLinear

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Seconds: membrane, refractory time, delay, step. Millivolts: threshold, reset, jump by an excitatory spike.
TAU, REST, DELAY, DT = 20e-3, 2e-3, 1.5e-3, 1e-4
THRESHOLD, RESET, JUMP = 20.0, 10.0, 0.1

#: Neurons of both kinds, and the share of each that a neuron takes from.
EXCITATORY, INHIBITORY, SHARE = 10_000, 2_500, 0.1

#: Seconds that pass before anything is drawn, and that are drawn.
BEFORE, DRAWN = 0.1, 0.1

#: Neurons in the raster.
SHOWN = 50


class Regime(NamedTuple):
    """A panel of the figure: its words, g, and the external rate over that which reaches the threshold."""

    words: str
    g: float
    drive: float


REGIMES = (
    Regime("A: synchronous, regular", 3.0, 2.0),
    Regime("B: fast oscillation, irregular", 6.0, 4.0),
    Regime("C: asynchronous, irregular", 5.0, 2.0),
    Regime("D: slow oscillation, irregular", 4.5, 0.9),
)


@MODELS.register("brunel2000")
class Brunel2000(Model):
    r"""Neurons that jump by J at an excitatory spike and by -g J at an inhibitory one, each 1.5 ms later.

    $$\tau\,\dot v = -v + \tau \sum_{j,k} J_{ij}\,\delta(t - t_j^k - D) + \tau J \sum_k \delta(t - t_{ext}^k)$$

    Every neuron takes from 10 % of the excitatory and of the inhibitory ones, and from as many external Poisson trains
    as excitatory ones, of a rate given by that which reaches the threshold, $\nu_{thr} = \theta/(J\,C_E\,\tau)$.

    Args:
        scale: share of the published neurons; J is divided by it, so that the mean input is as published and its
            fluctuations are larger by $1/\sqrt{\mathrm{scale}}$.

    Shapes: potentials v [B, n], millivolts.

    Raises:
        ValueError: a scale outside (0, 1].

    Source: Brunel, Journal of Computational Neuroscience 8, 2000, model A, figure 8. deviation: steps of 0.1 ms; a
    neuron may take from itself.
    """

    title = "A balanced network in four states"
    source = "Brunel, Journal of Computational Neuroscience 8, 2000, figure 8"
    published = "four states by g and the external rate: rasters of 50 neurons, and the activity of all"
    numbers: ClassVar[Mapping[str, str]] = {
        "neurons": f"{EXCITATORY} excitatory, {INHIBITORY} inhibitory, each takes from {100 * SHARE:g} % of both",
        "membrane": "tau 20 ms, threshold 20 mV, reset 10 mV, refractory 2 ms",
        "synapses": "J 0.1 mV, -g J, delay 1.5 ms",
        "panels": "; ".join(f"{r.words}: g = {r.g:g}, external rate {r.drive:g} of the threshold's" for r in REGIMES),
    }

    def __init__(self, scale: float = 1.0) -> None:
        self.scale, self.jump = check_scale(scale), JUMP / scale
        self.excitatory, self.inhibitory = (round(scale * size) for size in (EXCITATORY, INHIBITORY))
        self.taken = round(SHARE * self.excitatory), round(SHARE * self.inhibitory)

    @property
    def threshold_rate(self) -> float:
        """The external rate whose mean input reaches the threshold, Hz."""
        return THRESHOLD / (self.jump * self.taken[0] * TAU)

    def network(self, g: float, seed: int = 0) -> Network:
        """The network for one g: a block of all neurons, the excitatory ones first."""
        size, generator = self.excitatory + self.inhibitory, generator_for(seed, "brunel2000")
        sources = torch.cat([self._drawn(size, *side, generator) for side in self._sides()], 1)
        targets = torch.arange(size).unsqueeze(1).expand_as(sources).flatten()
        weight = torch.where(sources.flatten() < self.excitatory, self.jump, -g * self.jump)
        late = round(DELAY / DT) - 1  # what is sent back arrives a step later by itself
        synapse = SparseLinear(size, size, sources.flatten(), targets, delays=late, weight=weight, bias=False)
        neuron = RefractoryLIF.per_step(
            math.exp(-DT / TAU), refractory_time=REST, v_threshold=THRESHOLD, v_reset=RESET, dt=DT
        )
        network = Network(
            {"neurons": Block(Scale(self.jump), neuron)},
            {"recurrent": Feedback("neurons", "neurons", synapse)},
            input_shape=(size,),
        )
        network.requires_grad_(False)
        return network

    def _sides(self) -> tuple[tuple[int, int, int], ...]:
        """Of each kind its first neuron, how many there are, and how many a neuron takes from."""
        return (0, self.excitatory, self.taken[0]), (self.excitatory, self.inhibitory, self.taken[1])

    @staticmethod
    def _drawn(size: int, first: int, count: int, taken: int, generator: torch.Generator) -> torch.Tensor:
        """Sources of every neuron, [size, taken]."""
        rows = max(1, (1 << 22) // count)
        parts = [
            torch.rand(min(rows, size - start), count, generator=generator).topk(taken, 1).indices
            for start in range(0, size, rows)
        ]
        return torch.cat(parts) + first

    def simulated(self, regime: Regime, seconds: float, seed: int = 0) -> torch.Tensor:
        """Spikes of all neurons, uint8 [T, n]."""
        external = PoissonCounts(regime.drive * self.threshold_rate * self.taken[0])
        simulation = Simulation(self.network(regime.g, seed), external, seed=seed)
        moments = simulation.moments(round(seconds / DT))
        return torch.stack([moment.record["neurons"].spikes[0, 0].byte() for moment in moments])

    def mean_field_rate(self, regime: Regime) -> float:
        r"""The rate of the asynchronous state, Hz, where the diffusion approximation is consistent with itself.

        $$\frac1\nu = \tau_{rp} + \tau\sqrt\pi \int_{(V_r - \mu)/\sigma}^{(\theta - \mu)/\sigma} e^{u^2}
          (1 + \mathrm{erf}\,u)\,du$$
        """
        external = regime.drive * self.threshold_rate

        def too_low(rate: float) -> float:
            mean = self.taken[0] * self.jump * TAU * external
            mean += self.jump * TAU * rate * (self.taken[0] - regime.g * self.taken[1])
            power = self.taken[0] * (external + rate) + regime.g**2 * self.taken[1] * rate
            spread = self.jump * math.sqrt(TAU * power)
            ends = ((end - mean) / spread for end in (RESET, THRESHOLD))
            integral, _ = quad(lambda u: erfcx(-u), *ends)
            return 1.0 / (REST + TAU * math.sqrt(math.pi) * integral) - rate

        return float(brentq(too_low, 1e-3, 1.0 / REST))

    def draw(self) -> "tuple[Figure, list[str]]":
        from matplotlib.figure import Figure  # the numbers are told without it

        from spikelearn.draw.style import COLOURS, clean

        figure = Figure(figsize=(11, 8), layout="constrained")
        words = []
        for part, regime in zip(np.asarray(figure.subfigures(2, 2)).flat, REGIMES, strict=True):
            spikes = self.simulated(regime, BEFORE + DRAWN)[round(BEFORE / DT) :].numpy()
            rate, spread = spikes.mean() / DT, _spread(spikes)
            words.append(f"{regime.words}: {rate:.1f} Hz, mean-field {self.mean_field_rate(regime):.1f} Hz{spread}")
            raster, activity = part.subplots(2, 1, sharex=True, height_ratios=(2, 1))
            step, neuron = np.nonzero(spikes[:, :SHOWN])
            raster.scatter(1e3 * DT * step, neuron, s=4, marker="|", color="black", linewidths=0.8)
            raster.set_title(f"{regime.words} (g = {regime.g:g}, {regime.drive:g})", loc="left", fontsize=10)
            raster.set(ylabel="neuron", ylim=(-1, SHOWN))
            activity.fill_between(1e3 * DT * np.arange(len(spikes)), spikes.mean(1) / DT, color=COLOURS[0], step="mid")
            activity.set(xlabel="time (ms)", ylabel="rate (Hz)", xlim=(0, 1e3 * DRAWN), ylim=(0, None))
            for axis in (raster, activity):
                clean(axis)
        return figure, words


def _spread(spikes: np.ndarray) -> str:
    """Words on the coefficient of variation of the intervals of neurons with several."""
    found = []
    for neuron in range(spikes.shape[1]):
        intervals = np.diff(np.nonzero(spikes[:, neuron])[0])
        if len(intervals) > 1:
            found.append(intervals.std() / intervals.mean())
    return f", intervals vary by {np.mean(found):.2f} of their mean" if found else ""

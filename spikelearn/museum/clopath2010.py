"""Clopath's synapse: what the potential, and pairs of spikes at a frequency, make of a weight."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from spikelearn.museum.base import MODELS, Model, check_scale
from spikelearn.plasticity.spike_timing.clopath import UNIT, Clopath
from spikelearn.plasticity.spike_timing.protocols import prescribed_changes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

F64 = torch.float64

#: Milliseconds: step, delay of the filtered potentials, before the first spike and behind the last one.
DT, DELAY, BEFORE, BEHIND = 0.2, 4.0, 20.0, 150.0

#: pF, nS, mV: capacitance, leak, rest, slope; threshold at rest and behind a spike; of a spike, and behind it.
CAPACITANCE, LEAK, REST, SLOPE, V_REST, V_MAX, PEAK, RESET = 281.0, 30.0, -70.6, 2.0, -50.4, 30.4, 33.0, -49.6

#: nS, pA: adaptation by the potential and by a spike, current behind a spike. ms: adaptation, that current, threshold.
A, B, I_SPIKE, TAU_W, TAU_Z, TAU_V, WIDTH = 4.0, 0.805, 400.0, 144.0, 40.0, 50.0, 2.0

#: Hz and ms: of the pairs, where the lowest stands for pairs by themselves; mV: by which one is made to spike.
FREQUENCIES, LAGS, KICK = (0.1, 10.0, 20.0, 40.0, 50.0), (10.0, -10.0), 80.0

#: Pairs of a burst, bursts, weight at first.
PAIRS, BURSTS, BEGINNING = 5, 15, 0.5

#: Hz, ms: of presynaptic spikes while the potential is held, and for how long.
HELD_RATE, HELD = 25.0, 1000.0

#: {lag, ms: weights in percent of those before, and their standard errors}, of the experiment at ``FREQUENCIES``.
EXPERIMENT: Mapping[float, tuple[tuple[float, ...], tuple[float, ...]]] = {
    10.0: ((96.0, 114.0, 129.0, 153.0, 156.0), (5.0, 10.0, 14.0, 11.0, 26.0)),
    -10.0: ((71.0, 59.0, 66.0, 156.0, 175.0), (8.0, 11.0, 10.0, 32.0, 19.0)),
}


@MODELS.register("clopath2010")
class Clopath2010(Model):
    r"""A synapse that learns by ``clopath``, at a neuron whose potential is held, or made to spike in pairs.

    $$C\,\dot u = -g_L (u - E_L) + g_L \Delta_T\,e^{(u - V_T)/\Delta_T} - w + z, \qquad
      \tau_w\,\dot w = a (u - E_L) - w, \qquad \tau_z\,\dot z = -z, \qquad \tau_V\,\dot V_T = V_{rest} - V_T$$

    A spike stands at 33 mV for 2 ms; behind it u is -49.6 mV, z is 400 pA, $V_T$ is 30.4 mV and w is higher by b. So
    the potential stays high for a while, by which pairs at high frequencies potentiate whatever their order.

    Args:
        scale: share of the five pairs of a burst.

    Shapes: weights in percent of those before, [frequencies] for each order of the two spikes.

    Raises:
        ValueError: a scale outside (0, 1].

    Source: Clopath, Busing, Vasilaki & Gerstner, Nature Neuroscience 13, 2010, figure 2; experiment: Sjostrom,
    Turrigiano & Nelson, Neuron 32, 2001, as in table 1 of Pfister & Gerstner, Journal of Neuroscience 26, 2006.
    deviation: Euler steps of 0.2 ms; pairs at 0.1 Hz are computed one by one.
    """

    title = "Pairs of spikes and held potentials, by voltage-based STDP"
    source = "Clopath, Busing, Vasilaki & Gerstner, Nature Neuroscience 13, 2010, figure 2"
    published = "the change of a weight by the potential, and by the frequency of pairs in both orders"
    numbers: ClassVar[Mapping[str, str]] = {
        "neuron": "281 pF, leak 30 nS, rest -70.6 mV, slope 2 mV, threshold -50.4 to 30.4 mV (tau 50 ms)",
        "adaptation": "a 4 nS, b 0.805 pA, tau 144 ms; 400 pA behind a spike, tau 40 ms",
        "rule": "clopath with the constants of visual cortex, as by default; filters late by 4 ms",
        "protocol": f"{BURSTS} bursts of {PAIRS} pairs, 10 ms apart, at {', '.join(f'{f:g}' for f in FREQUENCIES)} Hz",
    }

    def __init__(self, scale: float = 1.0) -> None:
        self.pairs = max(1, round(check_scale(scale) * PAIRS))

    def rule(self) -> Clopath:
        """The rule, whose spikes the potential shows."""
        return Clopath(spike=None, filter_delay=round(DELAY / DT), dt=1e-3 * DT, low=-math.inf, high=math.inf)

    def paired(self, lag: float, frequencies: Sequence[float] | None = None) -> list[float]:
        """Weights behind all bursts of pairs ``lag`` apart, ms, at ``frequencies``, Hz; percent of those before."""
        frequencies = frequencies or FREQUENCIES
        single = [1000.0 / frequency > HELD for frequency in frequencies]
        counts = [1 if alone else self.pairs for alone in single]
        periods = [1000.0 / frequency for frequency in frequencies]
        last = max((count - 1) * period for count, period in zip(counts, periods, strict=True))
        steps = round((BEFORE + last + abs(lag) + BEHIND) / DT)
        pre, post = torch.zeros(steps, len(periods), dtype=F64), torch.zeros(steps, len(periods), dtype=F64)
        for column, (count, period) in enumerate(zip(counts, periods, strict=True)):
            for number in range(count):
                first = BEFORE + number * period
                pre[round((first + max(-lag, 0.0)) / DT), column] = 1.0
                post[round((first + max(lag, 0.0)) / DT), column] = 1.0
        potential = (membrane(KICK * post) - REST) / UNIT
        found = prescribed_changes(self.rule(), pre, torch.zeros_like(post), BEGINNING, potential=potential)
        bursts = [BURSTS * (self.pairs if alone else 1) for alone in single]
        return [100.0 * (1.0 + n * float(change) / BEGINNING) for n, change in zip(bursts, found, strict=True)]

    def held(self, potentials: Sequence[float]) -> list[float]:
        """Weights behind a second of presynaptic spikes, percent of those before, at potentials that are held, mV."""
        steps, period = round(HELD / DT), round(1000.0 / HELD_RATE / DT)
        pre = torch.zeros(steps, len(potentials), dtype=F64)
        pre[period // 2 :: period] = 1.0
        heights = (torch.tensor(potentials, dtype=F64) - REST) / UNIT
        settled = -(-round(100.0 / DT) // period) * period  # the filters stand at the potential by then
        whole = torch.cat([torch.zeros(settled, len(potentials), dtype=F64), pre])
        found = prescribed_changes(
            self.rule(), whole, torch.zeros_like(whole), BEGINNING, potential=heights.expand(whole.shape)
        )
        return [100.0 * (1.0 + float(change) / BEGINNING) for change in found]

    def draw(self) -> "tuple[Figure, list[str]]":
        from matplotlib.figure import Figure

        from spikelearn.draw.style import COLOURS, clean

        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        potentials = [float(v) for v in range(-80, -37)]
        weights = self.held(potentials)
        left.plot(potentials, weights, color="black")
        left.set(xlabel="potential that is held (mV)", ylabel="weight (% of that before)")
        left.set_title(f"presynaptic spikes at {HELD_RATE:g} Hz for {1e-3 * HELD:g} s", loc="left", fontsize=9)
        said = [f"least weight at {potentials[weights.index(min(weights))]:g} mV"]
        for lag, words, colour in zip(LAGS, ("post after pre", "pre after post"), COLOURS, strict=False):
            found, (known, errors) = self.paired(lag), EXPERIMENT[lag]
            right.plot(FREQUENCIES, found, "-o", color=colour, markersize=4, label=f"{words}, 10 ms")
            right.errorbar(
                FREQUENCIES, known, errors, fmt="s", color=colour, alpha=0.5, markersize=4, label="experiment"
            )
            listed = ", ".join(f"{value:.0f}" for value in found)
            said.append(f"weights of {words} at {', '.join(f'{f:g}' for f in FREQUENCIES)} Hz: {listed} %")
        right.set(xlabel="frequency of the pairs (Hz)")
        right.set_title(f"{BURSTS} bursts of {self.pairs} pairs", loc="left", fontsize=9)
        right.legend(fontsize=8, frameon=False)
        for axis in (left, right):
            axis.axhline(100.0, color="grey", linewidth=0.6)
            clean(axis)
        return figure, said


def membrane(kicks: Tensor) -> Tensor:
    """The potential of neurons that are moved by ``kicks`` at steps of ``DT``, mV; both [T, n], float64."""
    u = torch.full_like(kicks[0], REST)
    w, z, threshold, left = torch.zeros_like(u), torch.zeros_like(u), torch.full_like(u, V_REST), torch.zeros_like(u)
    found = []
    for kick in kicks:
        spiking, ends = left > 0, (left > 0) & (left <= DT + 1e-9)
        upswing = LEAK * SLOPE * torch.exp(((u - threshold) / SLOPE).clamp(max=20.0))
        free = u + DT * (-LEAK * (u - REST) + upswing - w + z) / CAPACITANCE + kick
        fires = ~spiking & (free > 0.0)
        w = torch.where(spiking, w + B * ends, w + DT * (A * (u - REST) - w) / TAU_W)
        z = torch.where(ends, I_SPIKE, z - DT * z / TAU_Z)
        threshold = torch.where(ends, V_MAX, threshold + DT * (V_REST - threshold) / TAU_V)
        left = torch.where(fires, WIDTH, left - DT)
        u = torch.where(ends, RESET, torch.where(spiking | fires, PEAK, free))
        found.append(u)
    return torch.stack(found)

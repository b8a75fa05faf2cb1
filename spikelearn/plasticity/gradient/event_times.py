"""Exact times at which current-based LIF neurons fire: the equations between events are solved, not stepped."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.neurons import CubaLIF
from spikelearn.neurons.parts.constants import one_number

#: Entries [samples, events, neurons] that are looked at together; bounds the memory.
CHUNK = 2**21
#: Newton's steps to a crossing, at most: far from a maximum some six are needed, and each halves what is left near one.
NEWTON = 100


@dataclass(frozen=True)
class Solution:
    r"""The solution of $\tau_m \dot v = -v + I$, $\tau_s \dot I = -I$ between events, and of its adjoint.

    Args:
        tau_mem, tau_syn: $\tau_m$ and $\tau_s$, seconds.
        threshold: at which v is reset to 0.
        gain: by which I jumps for a spike that meets a weight of 1.
    """

    tau_mem: float
    tau_syn: float
    threshold: float
    gain: float

    @classmethod
    def of(cls, neuron: CubaLIF, who: str) -> "Solution":
        """That of a neuron's equations in continuous time.

        Raises:
            ValueError: constants that differ from neuron to neuron.
        """
        names = ("tau_mem", "tau_syn", "v_threshold", "r", "gain_syn")
        tau_mem, tau_syn, threshold, r, jump = (one_number(neuron, name, who) for name in names)
        one_number(neuron, "decay_mem", who)
        one_number(neuron, "decay_syn", who)
        return cls(tau_mem, tau_syn, threshold, r * jump)

    @property
    def apart(self) -> float:
        """Difference of the two rates, per second."""
        return 1.0 / self.tau_syn - 1.0 / self.tau_mem

    def kernels(self, s: Tensor) -> "Kernels":
        """What s seconds do to potential and current, for s >= 0."""
        apart = abs(self.apart)
        slow = torch.exp(-s / max(self.tau_mem, self.tau_syn))
        lost = torch.expm1(-apart * s)
        fast = slow + slow * lost
        mem, syn = (slow, fast) if self.tau_mem >= self.tau_syn else (fast, slow)
        return Kernels(mem, syn, slow * (-lost / apart if apart else s))

    def v(self, v: Tensor, current: Tensor, after: "Kernels") -> Tensor:
        """The potential some time after it was v, without a spike in between."""
        return v * after.mem + current * after.both / self.tau_mem

    def peak(self, v: Tensor, current: Tensor) -> Tensor:
        """Seconds until v has its maximum, where v < current and current > 0; infinity where it only rises."""
        share = v / current
        if not self.apart:
            return self.tau_mem * (1.0 - share)
        scale = self.apart * self.tau_mem
        inner = scale * share
        until = (torch.log1p(inner.new_tensor(scale)) - torch.log1p(inner.clamp(min=-1.0))) / self.apart
        return until.where(inner > -1.0, torch.inf)

    def crossing(self, v: Tensor, current: Tensor, latest: Tensor) -> Tensor:
        """Seconds until v reaches the threshold, where it does so before ``latest``, its maximum or earlier.

        On the way up v is concave: Newton's steps from the left never go beyond the crossing.
        """
        s = torch.zeros_like(v)
        now, falling = v, current
        for _ in range(NEWTON):
            step = (self.threshold - now) * self.tau_mem / (falling - now)
            further = torch.minimum(s + step.clamp(min=0.0).nan_to_num(0.0), latest)
            done = bool((further - s <= 1e-16 * further).all())
            s = further
            if done:
                break
            after = self.kernels(s)
            now, falling = self.v(v, current, after), current * after.syn
        return s


class Kernels(NamedTuple):
    r"""$e^{-s/\tau_m}$, $e^{-s/\tau_s}$ and $(e^{-s/\tau_m} - e^{-s/\tau_s}) / (1/\tau_s - 1/\tau_m)$ in seconds.

    Of equal time constants the last is $s\,e^{-s/\tau_m}$.
    """

    mem: Tensor
    syn: Tensor
    both: Tensor


class Spikes(NamedTuple):
    """Spikes that arrive at a layer, of every sample in the order of time.

    Args:
        times: seconds, [B, K]; the end of the window where there is none.
        sources: neurons or inputs that they come from, int64 [B, K].
        sizes: factor of the weight that each meets, [B, K]; 0 where there is none.
    """

    times: Tensor
    sources: Tensor
    sizes: Tensor


class Fired(NamedTuple):
    """Spikes of a layer, by neuron and in the order of time.

    Args:
        times: seconds, [B, n, R]; infinity where there is none.
        currents: current I at each spike, unit of the threshold, [B, n, R].
    """

    times: Tensor
    currents: Tensor

    @property
    def counts(self) -> Tensor:
        """Number of spikes, int64 [B, n]."""
        return self.times.isfinite().sum(2)

    @property
    def first(self) -> Tensor:
        """Time of the first spike, seconds, [B, n]; infinity for a silent neuron."""
        if not self.times.shape[2]:
            return self.times.new_full(self.times.shape[:2], torch.inf)
        return self.times[:, :, 0]


def input_times(inputs: Tensor, dt: float) -> Tensor:
    r"""Times [B, n, T] of the spikes of a record: 1 at step t is one at t dt, and x in (0, 1) one at (t + 1 - x) dt.

    So x is the part of its step for which the spike has come; infinity stands for none.

    Args:
        inputs: [T, B, n], spikes as bytes or numbers in [0, 1].
        dt: seconds a step.

    Raises:
        ValueError: a number outside [0, 1].
    """
    lowest, highest = float(inputs.min()), float(inputs.max())
    if not 0.0 <= lowest <= highest <= 1.0:
        raise ValueError(
            f"inputs go from {lowest:g} to {highest:g}, expected spikes: 0, 1, or between them the part of a step for "
            "which a spike has come: encode images as spikes (--encoder latency)"
        )
    shares = inputs.to(torch.float64).permute(1, 2, 0)
    steps = torch.arange(len(inputs), dtype=torch.float64, device=inputs.device)
    return torch.where(shares > 0.0, (steps + 1.0 - shares) * dt, torch.inf)


def in_order(times: Tensor, end: float, mask: Tensor | None = None) -> tuple[Spikes, Tensor]:
    """Spikes in the order of time, and the place of each among [n * R]; where there is none, 0.

    Args:
        times: seconds, [B, n, R]; infinity where there is none.
        end: of the window, seconds; spikes at it or later are left out.
        mask: factor [B, n] of the weights that they meet; None: 1.
    """
    flat = times.flatten(1)
    sample, place = (flat < end).nonzero(as_tuple=True)
    counts = torch.bincount(sample, minlength=len(flat))
    column = torch.arange(len(sample), device=flat.device) - (counts.cumsum(0) - counts)[sample]
    longest = int(counts.max()) if len(counts) else 0
    when = flat.new_full((len(flat), longest), torch.inf)
    places = torch.zeros(when.shape, dtype=torch.int64, device=flat.device)
    when[sample, column], places[sample, column] = flat[sample, place], place
    when, order = when.sort(dim=1, stable=True)
    places = places.gather(1, order)
    there = when.isfinite()
    sources = places // max(times.shape[2], 1)
    sizes = there.to(times.dtype)
    if mask is not None:
        sizes = sizes * mask.to(sizes).gather(1, sources)
    return Spikes(when.where(there, end), sources, sizes), places


def fire(solution: Solution, spikes: Spikes, weight: Tensor, end: float, factor: Tensor | None = None) -> Fired:
    """All spikes of a layer before ``end``.

    Args:
        solution: of its neurons.
        spikes: that arrive.
        weight: [n, sources], float64.
        end: of the window, seconds.
        factor: of the current of each neuron, [B, n]; None: 1.
    """
    parts = [
        _fire(solution, some, weight, end, None if factor is None else factor[rows])
        for rows, some in chunks(spikes, len(weight))
    ]
    most = max(part.times.shape[2] for part in parts)

    def joined(kind: int, fill: float) -> Tensor:
        padded = [torch.nn.functional.pad(p[kind], (0, most - p[kind].shape[2]), value=fill) for p in parts]
        return torch.cat(padded)

    return Fired(joined(0, torch.inf), joined(1, 0.0))


def chunks(spikes: Spikes, neurons: int) -> list[tuple[slice, Spikes]]:
    """Samples that are looked at together."""
    batch, events = spikes.times.shape
    size = max(1, CHUNK // max(events * neurons, 1))
    slices = [slice(start, start + size) for start in range(0, batch, size)]
    return [(rows, Spikes(*(part[rows] for part in spikes))) for rows in slices]


def jumps_of(solution: Solution, spikes: Spikes, weight: Tensor, factor: Tensor | None) -> Tensor:
    """By what each spike makes the current of each neuron jump, [B, K, n]."""
    jumps = weight.t()[spikes.sources] * (solution.gain * spikes.sizes).unsqueeze(2)
    return jumps if factor is None else jumps * factor.to(jumps).unsqueeze(1)


class _Free(NamedTuple):
    """What neurons are at the start of every interval between events, [B, n, K], if they were never reset.

    ``starts`` and ``stops`` are the intervals' ends, [B, K].
    """

    starts: Tensor
    stops: Tensor
    v: Tensor
    current: Tensor


class _Crossing(NamedTuple):
    """A spike of each of some neurons, all [rows].

    Args:
        row: neuron, as a place among [B, n].
        interval: in which it fires.
        time: seconds.
        v: potential as if never reset.
        current: at the spike.
    """

    row: Tensor
    interval: Tensor
    time: Tensor
    v: Tensor
    current: Tensor


def _fire(solution: Solution, spikes: Spikes, weight: Tensor, end: float, factor: Tensor | None) -> Fired:
    batch, neurons = len(spikes.times), len(weight)
    free = _free(solution, spikes, jumps_of(solution, spikes, weight, factor), end)
    # A neuron crosses where its current is above the threshold alone.
    open_to = ((free.current > solution.threshold) & (free.stops > free.starts).unsqueeze(1)).flatten(0, 1)
    found: list[_Crossing] = []
    last: _Crossing | None = None
    while last is None or len(last.row):
        last = _next(solution, free, open_to, last)
        found.append(last)
    times = weight.new_full((batch * neurons, len(found) - 1), torch.inf)
    currents = torch.zeros_like(times)
    for place, seen in enumerate(found[:-1]):
        times[seen.row, place], currents[seen.row, place] = seen.time, seen.current
    return Fired(times.view(batch, neurons, -1), currents.view(batch, neurons, -1))


def _free(solution: Solution, spikes: Spikes, jumps: Tensor, end: float) -> _Free:
    """The linear course, event by event; v is continuous, the current jumps."""
    batch, events, neurons = jumps.shape
    v = current = jumps.new_zeros(batch, neurons)
    waited = torch.diff(spikes.times, dim=1, prepend=spikes.times[:, :1])
    mem, syn, both = (kernel.unsqueeze(2).unbind(1) for kernel in solution.kernels(waited))
    potentials, currents = jumps.new_empty(events, batch, neurons), jumps.new_empty(events, batch, neurons)
    for event, jump in enumerate(jumps.unbind(1)):
        v = torch.addcmul(v * mem[event], current, both[event], value=1.0 / solution.tau_mem)
        current = torch.addcmul(jump, current, syn[event])
        potentials[event], currents[event] = v, current
    stops = torch.cat([spikes.times[:, 1:], spikes.times.new_full((batch, 1), end)], 1)[:, :events]
    # Laid out by neuron, the order in which each neuron's intervals are gone through.
    return _Free(spikes.times, stops, *(kept.permute(1, 2, 0).contiguous() for kept in (potentials, currents)))


def _next(solution: Solution, free: _Free, open_to: Tensor, last: _Crossing | None) -> _Crossing:
    """The first spike of each neuron, or the next of those that fired ``last``; fewer fire each time."""
    intervals, neurons = open_to.shape[1], free.v.shape[1]
    if last is None:
        row, interval = open_to.nonzero(as_tuple=True)
    else:
        columns = torch.arange(intervals, device=open_to.device)
        which, interval = (open_to[last.row] & (columns >= last.interval.unsqueeze(1))).nonzero(as_tuple=True)
        row = last.row[which]
    place, edge = row * intervals + interval, (row // neurons) * intervals + interval
    v, current, start, stop = (
        free.v.take(place),
        free.current.take(place),
        free.starts.take(edge),
        free.stops.take(edge),
    )
    if last is not None:
        same = interval == last.interval[which]
        before = last.time[which]
        v = (v - last.v[which] * torch.exp((before - start).clamp(max=0.0) / solution.tau_mem)).where(~same, 0.0)
        current, start = current.where(~same, last.current[which]), start.where(~same, before)
    latest = torch.minimum(solution.peak(v, current), stop - start)
    crosses = (current > v) & (latest > 0.0) & (solution.v(v, current, solution.kernels(latest)) > solution.threshold)
    # Entries go through the intervals of each neuron in order: the first of a neuron is its next spike.
    chosen = crosses.nonzero().squeeze(1)
    first = torch.ones_like(chosen, dtype=torch.bool)
    first[1:] = row[chosen[1:]] != row[chosen[:-1]]
    chosen = chosen[first]
    v, current = v[chosen], current[chosen]
    waited = solution.crossing(v, current, latest[chosen])
    time = start[chosen] + waited
    unreset = torch.full_like(time, solution.threshold)
    if last is not None:
        unreset += last.v[which[chosen]] * torch.exp((before[chosen] - time) / solution.tau_mem)
    return _Crossing(row[chosen], interval[chosen], time, unreset, current * solution.kernels(waited).syn)

"""Recordings of simulations, read back."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import h5py
import numpy as np
import torch

from spikelearn.checks import check_count, one_of
from spikelearn.extras import from_extra
from spikelearn.network import Activity
from spikelearn.simulation.plan import WEIGHT, Recorded, read_plan
from spikelearn.simulation.recording_file import FORMAT

if TYPE_CHECKING:
    import pandas

#: The most entries of a dense record that is made of events.
MOST = 1 << 28


class Spikes(NamedTuple):
    """Spikes in the order in which they came: number of the step, of the sample and of the neuron, [N] each."""

    step: np.ndarray
    sample: np.ndarray
    neuron: np.ndarray


class Values(NamedTuple):
    """A variable at some steps: their numbers [N], and its values [N, B, n], of weights [N, K].

    Args:
        step: numbers of the steps.
        values: at each.
        neurons: number of each of the n neurons, [n]; of weights empty.
        pre, post: neurons that each of the K weights joins; of other variables empty.
    """

    step: np.ndarray
    values: np.ndarray
    neurons: np.ndarray
    pre: np.ndarray
    post: np.ndarray


class Recording:
    """What a simulation recorded; also while it goes on, or where it was cut short: up to its last whole chunk.

    Args:
        path: the file.

    Raises:
        ValueError: no such file, or one that is no recording of a simulation.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ValueError(f"{self.path} does not exist: name a recording that simulate wrote")
        with self._open() as file:
            if file.attrs.get("format") != FORMAT or "steps" not in file:
                raise ValueError(f"{self.path} is no recording of a simulation (an HDF5 file that simulate writes)")
            self.dt, self.plan = float(file.attrs["dt"]), read_plan(map(str, file.attrs["plan"]))
            self.steps = int(file["steps"][0])

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        # As a reader beside a writer: also what a killed writer left is read so.
        try:
            file = h5py.File(self.path, "r", libver="latest", swmr=True)
        except OSError as error:
            raise ValueError(f"{self.path} is no recording of a simulation, or has not begun: {error}") from error
        with file:
            yield file

    @property
    def seconds(self) -> float:
        """Simulated time, seconds."""
        return self.steps * self.dt

    def refreshed(self) -> Self:
        """The same recording as far as it has come by now."""
        return type(self)(self.path)

    def spikes(self, place: str, first: int = 0, last: int | None = None) -> Spikes:
        """The spikes of a block, or of the ``inputs``, at the steps from ``first`` to before ``last``.

        Raises:
            ValueError: spikes that were not recorded.
        """
        item = self._item(place, "spikes")
        with self._open() as file:
            group = file[item.name]
            rows = self._between(group["step"], first, last)
            return Spikes(*(group[name][rows] for name in Spikes._fields))

    def values(self, place: str, variable: str = "v", first: int = 0, last: int | None = None) -> Values:
        """A variable of a block at the steps from ``first`` to before ``last`` at which it was kept.

        Raises:
            ValueError: a variable that was not recorded.
        """
        item, none = self._item(place, variable), np.zeros(0, np.int64)
        with self._open() as file:
            group = file[item.name]
            rows = self._between(group["step"], first, last)
            step, values = group["step"][rows], group["values"][rows]
            sides = [group[name][:].astype(np.int64) if name in group else none for name in ("pre", "post")]
        if variable == WEIGHT:
            return Values(step, values, none, *sides)
        return Values(step, values, np.array(item.neurons or range(values.shape[2])), *sides)

    def record(self, first: int = 0, last: int | None = None, *, sizes: Mapping[str, int] | None = None) -> Any:
        """{block: activity [T, B, n]} as ``network.run`` gives it, for ``spikelearn.draw``; of what was recorded alone.

        Potentials that were not kept at every step are NaN between; those of blocks without any are NaN.

        Args:
            first, last: steps, as in ``spikes``.
            sizes: {block: neurons}; of others the highest number that spiked says how many there are.

        Raises:
            ValueError: no block with spikes; a record that would be too large to be held.
        """
        last = self.steps if last is None else min(last, self.steps)
        places = [item.place for item in self.plan if item.variable == "spikes"]
        if not places:
            raise ValueError(f"{self.path} holds no spikes: record BLOCK:spikes")
        return {place: self._dense(place, first, last, (sizes or {}).get(place)) for place in places}

    def _dense(self, place: str, first: int, last: int, size: int | None) -> Activity:
        events, steps = self.spikes(place, first, last), last - first
        kept = self._item(place, "spikes").neurons
        potentials = self.values(place, "v", first, last) if self._has(place, "v") else None
        samples = 1 + int(events.sample.max(initial=0))
        samples = samples if potentials is None else max(samples, potentials.values.shape[1])
        least = 1 + max(int(events.neuron.max(initial=0)), *(kept or (0,)))
        size = max(least, size or 0, 0 if potentials is None else int(potentials.neurons.max()) + 1)
        if steps * samples * size > MOST:
            raise ValueError(
                f"{place} has {steps} steps, {samples} samples and {size} neurons, too many to be drawn: name a "
                "shorter time, or take spikes(...), which are events"
            )
        spikes = torch.zeros(steps, samples, size, dtype=torch.uint8)
        spikes[events.step - first, events.sample.astype(np.int64), events.neuron.astype(np.int64)] = 1
        v = torch.full((1, 1, 1), torch.nan).expand(steps, samples, size)
        if potentials is not None:
            v = v.contiguous()
            where = torch.from_numpy(potentials.step - first), torch.from_numpy(potentials.neurons)
            v[where[0][:, None], :, where[1][None]] = torch.from_numpy(potentials.values).float().movedim(1, 2)
        return Activity(spikes, spikes, v)

    def frame(self, place: str, variable: str = "spikes") -> "pandas.DataFrame":
        """A pandas table: of spikes a row each, ``time`` (s), ``sample``, ``neuron``; of values with ``value`` as well.

        Of weights the columns are ``time``, ``pre``, ``post`` and ``value``.
        """
        import pandas

        if variable == "spikes":
            events = self.spikes(place)
            return pandas.DataFrame({"time": events.step * self.dt, "sample": events.sample, "neuron": events.neuron})
        kept = self.values(place, variable)
        times = kept.step * self.dt
        if variable == WEIGHT:
            ends = {"pre": np.tile(kept.pre, len(times)), "post": np.tile(kept.post, len(times))}
            return pandas.DataFrame({"time": times.repeat(len(kept.pre)), **ends, "value": kept.values.ravel()})
        count, samples, size = kept.values.shape
        places = {
            "sample": np.tile(np.arange(samples).repeat(size), count),
            "neuron": np.tile(kept.neurons, count * samples),
        }
        return pandas.DataFrame({"time": times.repeat(samples * size), **places, "value": kept.values.ravel()})

    def spike_trains(self, place: str, sample: int = 0, size: int | None = None) -> list[Any]:
        """The spikes of a sample as Neo's spike trains, one for each neuron, which Elephant takes.

        Times are the beginnings of the steps, in seconds.

        Args:
            place: a block, or ``inputs``.
            sample: which.
            size: neurons of the block; None: as far as they were named or spiked.

        Raises:
            ValueError: spikes that were not recorded; Neo is not installed.
        """
        check_count("sample", sample, least=0)
        SpikeTrain = from_extra("neo", "a list of spike trains").SpikeTrain
        events, kept = self.spikes(place), self._item(place, "spikes").neurons
        chosen = events.sample == sample
        neuron, time = events.neuron[chosen], events.step[chosen] * self.dt
        order = np.argsort(neuron, kind="stable")
        numbers = kept or range(max(size or 0, int(events.neuron.max(initial=-1)) + 1))
        ends = np.searchsorted(neuron[order], np.array([[n, n + 1] for n in numbers]).reshape(-1, 2))
        return [
            SpikeTrain(time[order[first:last]], units="s", t_stop=self.seconds, name=f"{place} {number}", neuron=number)
            for number, (first, last) in zip(numbers, ends, strict=True)
        ]

    def _between(self, step: h5py.Dataset, first: int, last: int | None) -> slice:
        """The rows of steps that are whole, from ``first`` to before ``last``; the column is not read whole."""
        last = self.steps if last is None else min(last, self.steps)
        return slice(bisect_left(step, first), bisect_left(step, max(first, last)))

    def _has(self, place: str, variable: str) -> bool:
        return any((item.place, item.variable) == (place, variable) for item in self.plan)

    def _item(self, place: str, variable: str) -> Recorded:
        for item in self.plan:
            if (item.place, item.variable) == (place, variable):
                return item
        name = f"{place}/{variable}"
        raise ValueError(f"{self.path} holds no {name}, expected {one_of(name, [item.name for item in self.plan])}")

"""Recordings that are written while a network is simulated: HDF5, of which a reader sees whole chunks."""

import os
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from pathlib import Path

import h5py
import numpy as np
from torch import Tensor

from spikelearn.files import check_writable, naming, replacing
from spikelearn.network import Network, Record, State
from spikelearn.simulation.plan import INPUTS, WEIGHT, Joined, Recorded, of_state

FORMAT = "spikelearn-recording-1"

#: Bytes of one chunk of a data set of the file, about.
CHUNK = 1 << 18

#: Rows that are copied at once where a recording is cut.
_ROWS = 1 << 12


class RecordingFile:
    """A recording that grows by chunks; what has been flushed can be read, also while it is written or after a kill.

    The file is written in HDF5's single-writer, multiple-reader mode, in which no reader, and nobody who comes after a
    killed writer, finds it half-written: ``steps`` says up to which step it is whole.

    Args:
        path: the file, which must not exist unless ``begin_at`` is given.
        plan: what is kept.
        network: what is simulated.
        weights: {name of an item: its weights}, of the items that are weights.
        begin_at: go on at this step with a file that is there; what it holds of later steps is left out, at 0 all.

    Raises:
        ValueError: a file that is there already, or not there, or of another plan.
    """

    def __init__(
        self,
        path: str | Path,
        plan: Iterable[Recorded],
        network: Network,
        weights: Mapping[str, Joined],
        *,
        begin_at: int | None = None,
    ) -> None:
        self.path, self.plan, self.weights, self.network = Path(path), tuple(plan), weights, network
        self._waiting: dict[str, list[tuple[np.ndarray, ...]]] = {item.name: [] for item in self.plan}
        check_writable(self.path)
        if begin_at is None and self.path.exists():
            raise ValueError(f"{self.path} is there already: name another file, or remove it")
        self.dt, self._laid_out = next(iter(network.blocks.values())).neuron.dt, bool(begin_at)
        if begin_at:
            cut(self.path, begin_at, self.plan)
        with naming(self.path):
            mode = "x" if begin_at is None else "r+" if begin_at else "w"
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = h5py.File(self.path, mode, libver="latest")
        if self._laid_out:
            self._file.swmr_mode = True

    def _lay_out(self) -> None:
        """Make the data sets, whose form what was taken first says; none can be made later."""
        self._file.attrs.update({"format": FORMAT, "dt": self.dt, "plan": [str(item) for item in self.plan]})
        self._file.create_dataset("steps", data=np.zeros(1, np.int64))
        for item in self.plan:
            group = self._file.create_group(item.name)
            for name, values in zip(names_of(item), self._waiting[item.name][0], strict=True):
                row = max(1, values[:1].nbytes or values.itemsize * int(np.prod(values.shape[1:])))
                chunks = (max(1, CHUNK // row), *values.shape[1:])
                limits = (None, *values.shape[1:])
                group.create_dataset(name, (0, *values.shape[1:]), values.dtype, chunks=chunks, maxshape=limits)
            if item.variable == WEIGHT:
                kept = self.weights[item.name]
                for side, numbers in (("pre", kept.pre), ("post", kept.post)):
                    group.create_dataset(side, data=numbers.numpy().astype(np.int32))
            elif item.neurons is not None:
                group.create_dataset("neurons", data=np.array(item.neurons, np.int32))
        self._file.swmr_mode = True
        self._laid_out = True

    def take(self, first: int, inputs: Tensor, record: Record, state: State) -> None:
        """Keep what the plan says of the steps from ``first`` on.

        Args:
            first: number of the first step.
            inputs: [T, B, ...].
            record: what the blocks did, [T, B, ...].
            state: behind the last of the steps; a state's variables and weights are asked for step by step.
        """
        for item in self.plan:
            waiting = self._waiting[item.name]
            if item.variable == "spikes":
                sent = inputs if item.place == INPUTS else record[item.place].spikes
                waiting.append(_events(sent, first, item.neurons))
                continue
            when = np.arange(first, first + len(inputs))
            due = when % item.every == 0
            if waiting and not due.any():
                continue
            if item.variable == WEIGHT:
                values = self.weights[item.name].values().unsqueeze(0).numpy(force=True)
            elif item.variable == "v":
                values = _rows(record[item.place].v, item.neurons)
            else:
                values = _rows(of_state(item, self.network, state).unsqueeze(0), item.neurons)
            waiting.append((when[due], values[due]))

    def flush(self, steps: int) -> None:
        """Write what was taken, and then that the recording is whole up to step number ``steps``."""
        with naming(self.path):
            if not self._laid_out:
                self._lay_out()
            for item in self.plan:
                if parts := self._waiting[item.name]:
                    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
                    for name, values in zip(names_of(item), columns, strict=True):
                        self._append(f"{item.name}/{name}", values)
                    parts.clear()
            self._file["steps"][0] = steps
            self._file["steps"].flush()

    def sync(self) -> None:
        """Have what was flushed on the disk before returning."""
        with naming(self.path):
            os.fsync(self._file.id.get_vfd_handle())

    def _append(self, name: str, values: np.ndarray) -> None:
        data = self._file[name]
        rows = len(data)
        data.resize(rows + len(values), 0)
        data[rows:] = values
        data.flush()

    def close(self) -> None:
        """Close the file; what was not flushed is lost."""
        self._file.close()

    def __enter__(self) -> "RecordingFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def names_of(item: Recorded) -> tuple[str, ...]:
    """The columns of an item."""
    return ("step", "sample", "neuron") if item.variable == "spikes" else ("step", "values")


def _events(sent: Tensor, first: int, neurons: tuple[int, ...] | None) -> tuple[np.ndarray, ...]:
    """Step, sample and neuron of every spike of [T, B, ...], in this order."""
    flat = sent.flatten(2)
    chosen = flat if neurons is None else flat[:, :, list(neurons)]
    step, sample, neuron = (column.numpy(force=True) for column in chosen.nonzero(as_tuple=True))
    numbers = neuron if neurons is None else np.array(neurons)[neuron]
    return step + first, sample.astype(np.int32), numbers.astype(np.int32)


def _rows(values: Tensor, neurons: tuple[int, ...] | None) -> np.ndarray:
    """[T, B, n] of [T, B, ...]; a copy."""
    flat = values.flatten(2)
    chosen = flat if neurons is None else flat[:, :, list(neurons)]
    rows: np.ndarray = chosen.numpy(force=True).copy()
    return rows


def cut(path: Path, steps: int, plan: tuple[Recorded, ...]) -> None:
    """Leave out of a recording what is of step number ``steps`` or later; the file is replaced in one.

    Raises:
        ValueError: no recording, one of another plan or one that ends before.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist: the recording that the simulation wrote is gone")
    with h5py.File(path, "r", libver="latest", swmr=True) as old:
        if old.attrs.get("format") != FORMAT or list(old.attrs["plan"]) != [str(item) for item in plan]:
            raise ValueError(f"{path} is no recording of this plan: restore it, or begin anew")
        if int(old["steps"][0]) < steps:
            raise ValueError(
                f"{path} ends at step {int(old['steps'][0])}, before the state that was saved at {steps}: restore it"
            )
        with replacing(path) as temporary:
            with h5py.File(temporary, "w", libver="latest") as new:
                new.attrs.update(dict(old.attrs))
                new.create_dataset("steps", data=np.array([steps], np.int64))
                for item in plan:
                    _copy(old[item.name], new.create_group(item.name), steps, names_of(item))


def _copy(old: h5py.Group, new: h5py.Group, steps: int, columns: tuple[str, ...]) -> None:
    rows = bisect_left(old["step"], steps)
    for name, data in old.items():
        if name not in columns:
            new.create_dataset(name, data=data[:])
            continue
        shape = (rows, *data.shape[1:])
        made = new.create_dataset(name, shape, data.dtype, chunks=data.chunks, maxshape=data.maxshape)
        for first in range(0, rows, _ROWS):
            made[first : min(first + _ROWS, rows)] = data[first : min(first + _ROWS, rows)]

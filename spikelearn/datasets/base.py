"""The interface of data sets: targets, and the inputs of any of their samples as [T, B, ...]."""

import copy
import hashlib
import json
import math
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from spikelearn.checks import check_choice
from spikelearn.datasets.binned_cache import (
    BinnedCache,
    Found,
    Kept,
    Stamp,
    is_settled,
    limit,
    plain,
    version_of_readers,
)
from spikelearn.datasets.provenance import Provenance
from spikelearn.datasets.root import data_root
from spikelearn.recordings.binning import Binning
from spikelearn.recordings.doubts import DataWarning, doubt_about
from spikelearn.recordings.events import RecordedEvents, as_events
from spikelearn.registry import Registry
from spikelearn.tasks import CLASSIFY, Task

Split = Literal["train", "test"]

#: Bytes of binned recordings, a bit an entry, that an event data set keeps; what goes beyond is binned anew each time.
KEPT_BYTES = 2 << 30

#: A change of a recording's events before they are binned, told the number of the sample.
Change = Callable[[int, RecordedEvents], RecordedEvents]

#: Attributes of recordings that say where and how far they were read, not how they are binned.
_NO_SETTINGS = {"root", "provenance", "targets", "items", "nearly_empty", "shape", "binning"} | {
    f"_{name}"
    for name in ("kept", "kept_bytes", "caches", "sorted_one", "first", "mended", "said", "endings", "counts")
}


class Dataset(torch.utils.data.Dataset[tuple[Tensor, Any]], ABC):
    """One split of a data set.

    It can be indexed, so torch's ``DataLoader`` takes it: ``dataset[i]`` is one sample and its class number, a still
    one [C, H, W] in 0..1, a sequence [T, ...]. Encoded or binned samples, time first, come from ``Sequences``.

    Args:
        split: "train" or "test".
        root: data root; None: the environment variable's, or the user's data folder. Unused by bundled data.
    """

    #: What is asked of a network.
    task: Task = CLASSIFY
    #: Number of classes, where targets are class numbers.
    classes: int
    #: Shape of one still sample or one time step, such as (channels or polarities, H, W).
    shape: tuple[int, ...]
    #: Whether samples are still and need an encoder; else they have a time axis, and ``frames`` gives them.
    still: bool
    #: Whether samples are recordings of events.
    events: ClassVar[bool] = False
    #: Whether it comes with an installed package, so that nothing is looked for in the data root.
    bundled: ClassVar[bool] = False
    #: Training and test samples that are published; None: not known.
    samples: ClassVar[tuple[int, int] | None] = None
    #: The licence of the data, as their page names it; empty: not known.
    licence: ClassVar[str] = ""
    #: Class number of every sample, int64 [N]; for other tasks as ``Task.of_all`` says, sample first.
    targets: Tensor
    #: Steps of every sample, int64 [N], where shorter ones are padded at the end; None: all have as many.
    lengths: Tensor | None = None
    #: Steps that count, bool [N, T]; None: all.
    valid: Tensor | None = None
    #: A reward for every step, [N, T]; None: there are none.
    rewards: Tensor | None = None
    #: Whether the first samples that were asked for are nearly empty; what is known of the cause has been said.
    nearly_empty: bool = False

    def __init__(self, split: Split, root: str | Path | None = None) -> None:
        check_choice("split", split, ("train", "test"))
        self.split: Split = split
        self.root = root
        #: The files that the samples were read from.
        self.provenance = Provenance()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"sample {index} of {count}")
        place = index % count
        target = self.targets[place]
        return self.sample(place), target if target.ndim or target.is_floating_point() else int(target)

    def sample(self, index: int) -> Tensor:
        """One sample without an encoder: a still one [...], a sequence [T, ...]."""
        raise NotImplementedError

    def pixels(self, indices: Tensor) -> Tensor:
        """Still samples, [B, ...]."""
        raise NotImplementedError

    def frames(self, indices: Sequence[int], n_steps: int) -> Tensor:
        """Samples of ``n_steps`` steps, [T, B, ...], currents of floating point or spikes as bytes."""
        raise NotImplementedError

    def check_steps(self, n_steps: int) -> None:
        """Raise ValueError where the samples cannot have ``n_steps`` steps."""

    @property
    def folder(self) -> Path:
        """This data set's folder below the data root."""
        return data_root(self.root) / DATASETS.name_of(type(self))


DATASETS = Registry("data set", Dataset)


class ImageDataset(Dataset):
    """Still images, all in memory: ``images`` [N, C, H, W], intensity in [0, 1] or uint8 in 0..255."""

    still = True
    images: Tensor

    def pixels(self, indices: Tensor) -> Tensor:
        """Images of the samples, intensity in [0, 1], [B, C, H, W]."""
        chosen = self.images[indices]
        return chosen.float() / 255.0 if chosen.dtype == torch.uint8 else chosen

    def sample(self, index: int) -> Tensor:
        return self.pixels(torch.tensor([index]))[0]


class BinnedEvents(NamedTuple):
    """Recordings that were binned; their events, those outside the bins, and those that met another of their place."""

    recordings: int
    events: int
    outside: int
    merged: int


class EventDataset(Dataset):
    """Recordings of events, binned when they are first asked for and kept as bits, in memory and on the disk.

    On the disk are kept recordings whose files are known (``stamp``). What is kept is found again only by the same code
    of the readers and versions of their libraries, by files with the same stamps, and with the same binning and value
    of every attribute of the data set; where one of them is no plain value, nothing is kept.

    Every recording is checked (``as_events`` says what it may be); the array itself is never changed.
    """

    still = False
    events = True
    #: Sensor width, height and polarities, as tonic orders them.
    sensor_size: tuple[int, int, int]
    #: Width of a bin, seconds, counted from the recording's start; None: bins divide its duration.
    bin_width: float | None = None
    #: How recordings become steps; ``binned_by`` sets it.
    binning: Binning | None = None
    #: Time at which recordings start, microseconds; None: that of a recording's first event.
    start: ClassVar[float | None] = None
    #: Whether a recording whose times decrease is damaged; else its events are sorted, and it is said once.
    in_order: ClassVar[bool] = False
    #: Version of the code of a class of one's own, to be changed with it; empty: the disk keeps none of its recordings.
    reader_version: ClassVar[str] = ""

    def __init__(self, split: Split, root: str | Path | None = None) -> None:
        super().__init__(split, root)
        self.forget()

    def forget(self) -> None:
        """Keep nothing of what was binned, in memory, and take the next recordings for the first."""
        self._kept: dict[tuple[int, int], np.ndarray] = {}
        self._caches: dict[str, BinnedCache] = {}
        self._kept_bytes = 0
        self._sorted_one = False
        self._counts: dict[int, tuple[int, int, int]] = {}
        #: Events, events outside the bins and duration (s) of the first recordings; None: they have been looked at.
        self._first: list[tuple[int, int, float]] | None = []

    def binned_by(self, binning: Binning) -> Self:
        """The same recordings, binned in another way; a width that the data set has holds where none is said.

        Raises:
            ValueError: a width beside that of the data set, or bins of events; a sensor too small for what is seen.
        """
        if self.bin_width is not None:
            if binning.by_events or binning.width not in (0.0, self.bin_width):
                raise ValueError(
                    f"the data set has bin_width {self.bin_width:g} s, and the binning says {binning}: leave one out"
                )
            binning = replace(binning, width=self.bin_width)
        other = copy.copy(self)
        other.shape, other.binning = binning.shape_of(self.sensor_size), binning
        other.forget()
        return other

    def binned_events(self) -> BinnedEvents:
        """What became of the events of all recordings that were binned or read so far."""
        counts = np.array([*self._counts.values()], np.int64).reshape(-1, 3).sum(0).tolist()
        return BinnedEvents(len(self._counts), *counts)

    @abstractmethod
    def recording(self, index: int) -> Any:
        """Events of one sample, with x, y (pixels), t (microseconds) and p (0 OFF, 1 ON), for example as ``EVENT``."""

    def sample(self, index: int) -> Tensor:
        raise ValueError(
            "recordings of events have no number of steps of their own: index Sequences(dataset, n_steps=25) instead"
        )

    def place(self, index: int) -> str:
        """The source of a sample, for messages."""
        return f"{DATASETS.name_of(type(self))}, {self.split} sample {index}"

    def frames(self, indices: Sequence[int], n_steps: int, change: Change | None = None) -> Tensor:
        """Recordings as ``n_steps`` steps, [T, B, P, H, W]: bytes of 0 or 1, or numbers where the binning counts.

        Args:
            indices: which samples.
            n_steps: number of bins T.
            change: what is done to the events first; then every recording is binned anew.

        Raises:
            ValueError: a recording that is damaged, too short, or not of this sensor; data set, sample and the first
                such event are named.
        """
        binning = self.bins()
        shape = binning.shape_of(self.sensor_size)
        chosen = [int(index) for index in indices]
        kept = self._binned(chosen, n_steps) if change is None else self._changed(chosen, n_steps, change)
        binned = _together(kept, n_steps, math.prod(shape), None if binning.binary else binning.stored)
        frames = torch.from_numpy(binned).view(n_steps, len(indices), *shape)
        if self._first:
            doubt = doubt_about(frames, self._first, binning.width or None)
            self._first = None
            if doubt is not None:
                self.nearly_empty = doubt.nearly_empty
                warnings.warn(f"{DATASETS.name_of(type(self))}, {self.split}: {doubt.words}", DataWarning, stacklevel=2)
        return frames

    def _changed(self, indices: Sequence[int], n_steps: int, change: Change) -> list[np.ndarray]:
        binned = [self._bin(index, n_steps, change) for index in indices]
        for index, one in zip(indices, binned, strict=True):
            self._note(index, one)
        return [one.bits for one in binned]

    def bins(self) -> Binning:
        """How recordings become steps, as the data set or ``binned_by`` says."""
        return self.binning or _of_width(self.bin_width or 0.0)

    def stamp(self, index: int) -> Stamp | None:
        """What changes when the file of a recording is written anew; None: it comes from no file that is known."""
        return None

    def mended(self, index: int) -> str:
        """What was mended in a recording that was read, in words."""
        return ""

    def say_mended(self, index: int, words: str) -> None:
        """Warn of what was mended in a recording."""

    @cached_property
    def _endings(self) -> frozenset[str]:
        return frozenset({os.path.splitext(path)[1].lower() for path in self.provenance.files})

    def _cache(self, n_steps: int) -> BinnedCache | None:
        """What the disk keeps of recordings with these settings; None: nothing."""
        kind, binning = type(self), self.bins()
        kinds = [one for one in kind.__mro__ if EventDataset in one.__mro__]
        own = all(one.__module__.startswith("spikelearn.") for one in kinds)
        if not (own or self.reader_version) or not len(self) or self.stamp(0) is None or limit() == 0:
            return None
        version = version_of_readers(self._endings)
        if version is None:
            return None
        settings = {name: value for name, value in vars(self).items() if name not in _NO_SETTINGS}
        for name in ("sensor_size", "bin_width", "start", "in_order", "reading", "reader_version"):
            settings[name] = getattr(self, name, None)
        try:
            key = json.dumps([kind.__module__, kind.__qualname__, version, n_steps, str(binning), plain(settings)])
        except ValueError:
            return None
        if key not in self._caches:
            name = f"{DATASETS.name_of(kind)}-{self.split}-{n_steps}-{hashlib.sha256(key.encode()).hexdigest()[:24]}"
            entries = n_steps * math.prod(binning.shape_of(self.sensor_size))
            n_bytes = -(-entries // 8) if binning.binary else entries * binning.stored.itemsize
            self._caches[key] = BinnedCache(name, n_bytes, len(self))
        return self._caches[key]

    def _binned(self, indices: Sequence[int], n_steps: int) -> Sequence[np.ndarray] | np.ndarray:
        """The bits of recordings, from memory, the disk, or their events; those of the disk are read together."""
        wanted = [index for index in dict.fromkeys(indices) if (index, n_steps) not in self._kept]
        cache = self._cache(n_steps) if wanted else None
        there: dict[int, np.ndarray] = {}
        stamps: list[Stamp | None] = [None] * len(wanted)
        if cache is not None:
            stamps = [*map(self.stamp, wanted)]
            found = cache.get(stamps)
            there = dict(zip([wanted[place] for place in found.places], found.bits, strict=True))
            self._note_all(list(there), found)
            if len(there) == len(indices):
                self._keep(there, n_steps)
                return found.bits
        for index, stamp in zip(wanted, stamps, strict=True):
            if index not in there:
                binned = self._bin(index, n_steps)
                if cache is not None and stamp is not None and is_settled(stamp) and self.stamp(index) == stamp:
                    cache.put(stamp, binned)
                self._note(index, binned)
                there[index] = binned.bits
        self._keep(there, n_steps)
        return [there[index] if index in there else self._kept[index, n_steps] for index in indices]

    def _keep(self, binned: Mapping[int, np.ndarray], n_steps: int) -> None:
        """Keep the bits of as many recordings in memory as fit."""
        whole = self._kept_bytes + sum(bits.nbytes for bits in binned.values()) <= KEPT_BYTES
        for index, bits in binned.items():
            if self._kept_bytes + bits.nbytes > KEPT_BYTES:
                return
            # Of recordings that were read together, one that is kept alone would keep them all.
            self._kept[index, n_steps] = bits if whole else bits.copy()
            self._kept_bytes += bits.nbytes

    def _bin(self, index: int, n_steps: int, change: Change | None = None) -> Kept:
        binning = self.bins()
        try:
            events = as_events(self._recorded(index), self.sensor_size, in_order=self.in_order)
            late = events.late
            events = events if change is None else change(index, events)
            found = binning.of_events(events, self.sensor_size, n_steps, self.start)
        except ValueError as error:
            raise ValueError(f"{self.place(index)}: {error}") from error
        t = events.t
        start = self.start if self.start is not None else t[0] if len(t) else 0
        seconds = float((t[-1] - start) * 1e-6) if len(t) else 0.0
        bits = np.packbits(found.values) if binning.binary else found.values.reshape(-1).view(np.uint8)
        return Kept(bits, found.events, found.outside, found.merged, seconds, late, self.mended(index))

    def _recorded(self, index: int) -> Any:
        try:
            return self.recording(index)
        except IndexError as error:
            raise ValueError(
                f"it has a target, one of {len(self)}, but reading it ends in {error}: give one target a recording"
            ) from error

    def _note(self, index: int, binned: Kept) -> None:
        self._counts[index] = binned.events, binned.outside, binned.merged
        if binned.late is not None:
            self._say_sorted(index, binned.late)
        if self._first is not None:
            self._first.append((binned.events, binned.outside, binned.seconds))

    def _note_all(self, indices: Sequence[int], found: Found) -> None:
        """Note what the disk tells of recordings."""
        about = found.about
        self._counts.update(zip(indices, about[["events", "outside", "merged"]].tolist(), strict=True))
        for place, words in found.mended.items():
            self.say_mended(indices[place], words)
        for place in np.flatnonzero(about["late"] >= 0)[:1].tolist():
            self._say_sorted(indices[place], int(about["late"][place]))
        if self._first is not None:
            self._first += about[["events", "outside", "seconds"]].tolist()

    def _say_sorted(self, index: int, late: int) -> None:
        if not self._sorted_one:
            self._sorted_one = True
            warnings.warn(
                f"{self.place(index)}: event {late} is earlier than the one before it; the events of this and of "
                "every such recording are sorted by time",
                DataWarning,
                stacklevel=5,
            )


@lru_cache(maxsize=64)
def _of_width(width: float) -> Binning:
    """Bins of a width, made once: every batch asks for them."""
    return Binning(width=width)


def _together(
    kept: Sequence[np.ndarray] | np.ndarray, n_steps: int, size: int, stored: np.dtype[Any] | None
) -> np.ndarray:
    """Recordings, as they are kept, time first: [T, B, size], bytes of 0 and 1, or numbers of the type ``stored``.

    A step that fills whole bytes is put in its place while it is packed, and so is written once.
    """
    if stored is not None:
        numbers = np.empty((n_steps, len(kept), size), np.float32)
        for place, values in enumerate(kept):
            numbers[:, place] = values.view(stored).reshape(n_steps, -1)
        return numbers
    if len(kept) and size % 8 == 0:
        packed = (
            (kept if isinstance(kept, np.ndarray) else np.stack(kept))
            .reshape(len(kept), n_steps, -1)
            .transpose(1, 0, 2)
        )
        return np.unpackbits(np.ascontiguousarray(packed), axis=2)
    binned = np.empty((n_steps, len(kept), size), np.uint8)
    for place, bits in enumerate(kept):
        binned[:, place] = np.unpackbits(bits, count=n_steps * size).reshape(n_steps, -1)
    return binned

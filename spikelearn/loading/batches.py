"""Batches that somebody else makes, with the face of a loader."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Self, TypeAlias

from torch import Tensor

from spikelearn.checks import check_instance, check_tensor
from spikelearn.datasets.base import Dataset
from spikelearn.datasets.targets import WHOLE, tensor_of
from spikelearn.loading.loader import Loader, Samples, StepSamples
from spikelearn.loading.look import Look
from spikelearn.tasks import CLASSIFY, Task, check_lengths, task_of

AGAIN = "pass what can be gone through again, such as a list of batches or torch's DataLoader"


class Batches:
    """An iterable of batches in a loader's place, for example torch's ``DataLoader``.

    Every batch is checked as it comes. The order is the iterable's own: only a list or a tuple is sure to give the same
    one again.

    Args:
        given: what gives the batches, (inputs [T, B, ...], targets [B]) each, or with lengths [B] behind them, or
            ``StepSamples``; an array in place of a tensor will do.
        task: what is asked; None: what the form of the first batch's targets says.

    Raises:
        ValueError: what cannot be iterated, a batch that is no such pair, targets of another form than the task's, an
            epoch without batches.
    """

    def __init__(self, given: Iterable[Any], task: Task | None = None) -> None:
        if task is not None:
            check_instance("task", task, Task, "for example task=Regress(), with brackets")
        self.given, self._task = given, task
        self._size = 0
        self._look = Look()

    def __len__(self) -> int:
        """Batches in an epoch; 0 where that is not known."""
        try:
            return len(self.given)  # type: ignore[arg-type]
        except TypeError:
            return 0

    @property
    def task(self) -> Task:
        """The task; known from the first batch on."""
        return self._task or CLASSIFY

    @property
    def repeats(self) -> bool:
        """True if every epoch has the same batches in the same order."""
        return isinstance(self.given, list | tuple)

    @property
    def once(self) -> bool:
        """True if there is one epoch and no other: of a generator, for example."""
        return isinstance(self.given, Iterator)

    @property
    def blank(self) -> bool:
        """True if what was shown so far is empty, which has been said."""
        return self._look.blank

    def size(self, batch: int) -> int:
        """Samples of the batch that was given out last."""
        return self._size

    def shared_out(self, rank: int, processes: int, *, fill: bool = False) -> Self:
        """Itself, for one process alone."""
        assert processes == 1
        return self

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Samples | StepSamples]:
        """The batches of an epoch, from batch ``start`` on."""
        has_samples = False
        for place, item in enumerate(islice(iter(self.given), start, None), start):
            has_samples = True
            samples = _samples(item, place)
            self._check(samples, place)
            self._size = samples.inputs.shape[1]
            if not self._look.done:
                self._look.take(samples.inputs)
            yield samples
        if not has_samples and start == 0:
            raise ValueError(f"there are no batches in epoch {number + 1}: {AGAIN}, and that is not empty")

    def _check(self, samples: Samples | StepSamples, place: int) -> None:
        try:
            check_tensor("inputs", samples.inputs, "make one with torch.as_tensor(inputs)")
            check_tensor("targets", samples.targets, "make one with torch.as_tensor(targets)")
            self._task = self._task or task_of(samples.inputs, samples.targets)
            self._task.check(samples.inputs, samples.targets)
            if isinstance(samples, StepSamples) and samples.lengths is not None:
                check_lengths(samples.lengths, *samples.inputs.shape[:2])
        except ValueError as error:
            cure = " (Batches(..., task=...) says it)" if self._task is None else ""
            raise ValueError(f"batch {place + 1}: {error}{cure}") from error


#: What can be trained and tested on: a loader, or an iterable of (inputs [T, B, ...], targets [B]).
Source: TypeAlias = Loader | Batches | Iterable[Any]


def loader_of(name: str, source: Source, epochs: int = 1) -> Loader | Batches:
    """A loader itself, or an iterable in its place.

    Args:
        name: what it is called in messages.
        source: what was given.
        epochs: how often it is gone through.

    Raises:
        ValueError: no iterable; one that can be gone through once, for several epochs.
    """
    if isinstance(source, Loader | Batches):
        return source
    if isinstance(source, Dataset):
        raise ValueError(
            f"{name} is a data set, expected batches of it: Loader({type(source).__name__}(...), n_steps, batch)"
        )
    if isinstance(source, Tensor | str | bytes | dict) or not isinstance(source, Iterable):
        raise ValueError(
            f"{name} is a {type(source).__name__}, expected a Loader, or batches (inputs [T, B, ...], targets [B]): a "
            "list of them, or torch's DataLoader"
        )
    batches = Batches(source)
    if batches.once and epochs > 1:
        raise ValueError(
            f"{name} is a {type(source).__name__}, which gives its batches once, not {epochs} times: {AGAIN}"
        )
    return batches


def _samples(item: Any, place: int) -> Samples | StepSamples:
    """Convert a batch of another library to tensors."""
    what = f"batch {place + 1}"
    if isinstance(item, StepSamples):
        return item
    if not isinstance(item, tuple | list) or len(item) not in (2, 3):
        given = f"a {type(item).__name__}" + (f" of {len(item)}" if isinstance(item, tuple | list) else "")
        raise ValueError(
            f"{what} is {given}, expected a pair (inputs [T, B, ...], targets [B]), or with lengths [B] as the third"
        )
    inputs, targets, *lengths = (
        value if isinstance(value, Tensor) else tensor_of(f"{part} of {what}", value)
        for part, value in zip(("inputs", "targets", "lengths"), item, strict=False)
    )
    targets = targets.long() if targets.dtype in WHOLE else targets
    return StepSamples(inputs, targets, lengths[0].long()) if lengths else Samples(inputs, targets)

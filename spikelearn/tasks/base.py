"""The value that data set, loss, readout, measure and evaluation share: what is asked of a network."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from torch import Tensor

from spikelearn.registry import Registry


@dataclass(frozen=True)
class Measure:
    """A number by which a network is judged.

    Args:
        name: key in files and tables, for example "accuracy" or "mse".
        words: the name in sentences.
        higher: whether a higher number is better.
        share: whether it is a share of what was counted, in [0, 1], which is shown in percent.
    """

    name: str
    words: str
    higher: bool = True
    share: bool = True

    @property
    def unit(self) -> str:
        """The unit in which it is shown."""
        return "%" if self.share else ""

    @property
    def scale(self) -> float:
        """Factor from the number in files to the number that is shown."""
        return 100.0 if self.share else 1.0

    @property
    def worst(self) -> float:
        """The number of a network that failed."""
        return 0.0 if self.higher else math.inf

    def is_better(self, value: float, than: float) -> bool:
        """Tell whether ``value`` is better than another number."""
        return value > than if self.higher else value < than

    @property
    def label(self) -> str:
        """The label of an axis: words and unit."""
        return self.words + (f" ({self.unit})" if self.unit else "")

    def named(self, value: float) -> str:
        """The number as a target is called: "90 %", or "0.05"."""
        return f"{self.scale * value:g}" + (f" {self.unit}" if self.unit else "")

    def told(self, value: float) -> str:
        """A number in the unit in which it is shown, for example a mean over seeds: "90.12 %", or "0.05123"."""
        return self.shown(value / self.scale)

    def apart(self, value: float) -> str:
        """A difference of two shown numbers without its sign: "1.20 points", or "0.012"."""
        return f"{abs(value):.2f} points" if self.share else f"{abs(value):.4g}"

    def change(self, value: float) -> str:
        """The same with its sign; that of negative numbers is a minus, not a hyphen."""
        return ("−" if value < 0 else "+") + self.apart(value)

    def shown(self, value: float) -> str:
        """The number in words: a share with two decimals in percent, any other with four digits."""
        return f"{100 * value:.2f} %" if self.share else f"{value:.4g}"


ACCURACY = Measure("accuracy", "accuracy")
UNIQUE_ACCURACY = Measure("unique_accuracy", "accuracy with ties counted as errors")
MSE = Measure("mse", "mean squared error", higher=False, share=False)


def measure_in(values: Mapping[str, Any]) -> Measure:
    """The measure that a row of metrics, a result or an epoch of a curve holds, by its keys.

    Args:
        values: with ``validation_<measure>``, or ``<measure>`` itself, alone or behind ``test_`` or ``train_``.

    Raises:
        ValueError: none is there.
    """
    for known in (ACCURACY, MSE):
        if any(prefix + known.name in values for prefix in ("", "test_", "train_", "validation_")):
            return known
    own = [name.removeprefix("validation_") for name in values if name.startswith("validation_")]
    if not own:
        raise ValueError(f"no measure is among {', '.join(values)}, expected accuracy, mse or that of a task")
    return Measure(own[0], own[0].replace("_", " "), share=False)


@dataclass(frozen=True)
class Tally:
    """Sums over samples (or steps), from which measures follow; those of parts add up.

    Args:
        sums: {measure: sum}.
        count: what the sums are divided by.
        confusion: counts [classes, classes]: a row for each class, a column for each class it was taken for; None:
            the task has no classes.
    """

    sums: Mapping[str, float]
    count: int
    confusion: Tensor | None = None

    def __add__(self, other: "Tally") -> "Tally":
        sums = {name: value + other.sums[name] for name, value in self.sums.items()}
        both = self.confusion is not None and other.confusion is not None
        confusion = self.confusion + other.confusion if both else None  # type: ignore[operator]
        return Tally(sums, self.count + other.count, confusion)

    def means(self) -> dict[str, float]:
        """{measure: mean}."""
        return {name: value / self.count for name, value in self.sums.items()}


class Task(ABC):
    """A task of a network: the form of its targets, the loss by default, and the measures.

    A task is a value: two of the same class and options are equal, and its text form is that of the command line.
    """

    #: The name under which the task is registered; ``TASKS.register`` sets it.
    name: ClassVar[str] = "unregistered"
    #: Whether there is a target, and so a row of scores, for every step.
    per_step: ClassVar[bool] = False
    #: Whether the target is the input itself, whatever targets a data set has.
    of_input: ClassVar[bool] = False

    @property
    @abstractmethod
    def loss(self) -> str:
        """Name of the loss that is descended where nobody names another."""

    @property
    @abstractmethod
    def form(self) -> str:
        """The form of targets, in words."""

    @property
    @abstractmethod
    def measures(self) -> tuple[Measure, ...]:
        """The measures; networks are compared and chosen by the first."""

    @property
    def measure(self) -> Measure:
        """The measure by which networks are compared and chosen."""
        return self.measures[0]

    @property
    def classes(self) -> bool:
        """True if targets are class numbers."""
        return self.measure == ACCURACY

    @property
    @abstractmethod
    def of_all(self) -> str:
        """The form of all targets of a data set, in words; sample first."""

    @abstractmethod
    def check_all(self, targets: Tensor) -> None:
        """Raise ValueError unless all targets of a data set, sample first, have this task's form."""

    @abstractmethod
    def check(self, inputs: Tensor, targets: Tensor) -> None:
        """Raise ValueError unless ``inputs`` are [T, B, ...] and ``targets`` of this task's form for them."""

    @abstractmethod
    def check_scores(self, scores: Tensor, targets: Tensor) -> None:
        """Raise ValueError where ``scores`` cannot be compared with ``targets``."""

    @abstractmethod
    def score(self, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> tuple[float, int]:
        """The sum of ``measure`` over what is counted, and how much was counted.

        Args:
            scores: what the network said.
            targets: what it should have said.
            valid: steps that count, [T, B]; None: all.
        """

    @abstractmethod
    def tally(self, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tally:
        """All measures of ``scores``."""

    def outputs(self, classes: int, targets: Tensor, shape: tuple[int, ...]) -> int:
        """Outputs that a network needs for ``classes`` classes, targets [N, ...] and the shape of a sample."""
        return classes

    def __str__(self) -> str:
        """The task as it is written on a command line: ``name`` or ``name:option=value``."""
        given = [(f.name, getattr(self, f.name)) for f in fields(self) if getattr(self, f.name) != f.default]  # type: ignore[arg-type]
        options = ",".join(f"{name}={str(value).lower()}" for name, value in given)
        return self.name + (f":{options}" if options else "")


TASKS = Registry("task", Task)

"""Constants of which each layer may have its own."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from spikelearn.checks import check_positive

T = TypeVar("T")

#: A constant for all blocks, or one a block: a sequence, or text such as "1/0.65/0.25"; the last stands for further
#: ones.
PerLayer = float | Sequence[float] | str


def per_layer(name: str, value: PerLayer, check: Callable[[str, float], object] = check_positive) -> tuple[float, ...]:
    """The constants of the blocks, in order; ``check`` refuses one by its name and value.

    Raises:
        ValueError: no number, or one that is refused: that is not positive, where nothing else is said.
    """
    given = value.split("/") if isinstance(value, str) else value if isinstance(value, Sequence) else [value]
    try:
        numbers = tuple(float(part) for part in given)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or any(isinstance(part, bool) for part in given):
        raise ValueError(f"{name} is {value!r}, expected a number, or one a block, for example 1/0.65/0.25")
    for number in numbers:
        check(name, number)
    return numbers


def check_places(rule: str, name: str, values: Sequence[object], places: int) -> None:
    """Raise ValueError where there are more constants than the ``places`` blocks that learn."""
    if len(values) > max(places, 1):
        raise ValueError(
            f"{rule} has {len(values)} {name}, one a block, but {places} blocks learn: give at most so many, the last "
            "stands for further blocks"
        )


def of_layer(values: Sequence[T], place: int) -> T:
    """The constant of the block at ``place``."""
    return values[min(place, len(values) - 1)]

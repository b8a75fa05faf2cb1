"""One illness: a name, what it is recognised by, its likely cause and its cure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spikelearn.doctor.evidence import Evidence


@dataclass(frozen=True)
class Finding:
    """An illness that was found.

    Args:
        illness: its name.
        seen: what was seen, with numbers.
        cause: the likely cause.
        cure: what helps.
        figures: {name: number} that it is based on.
    """

    illness: str
    seen: str
    cause: str
    cure: str
    figures: Mapping[str, float]

    def __str__(self) -> str:
        return f"{self.illness}: {self.seen}. Likely cause: {self.cause}. Cure: {self.cure}."


@dataclass(frozen=True)
class Illness:
    """An illness, by name, and the function that recognises it: None where it is not there."""

    name: str
    find: Callable[[Evidence], Finding | None]


def per_block(figures: Mapping[str, float]) -> str:
    """Numbers by place, in words: "hidden1 0.003, output 0.0"."""
    return ", ".join(f"{name} {value:.3g}" for name, value in figures.items())

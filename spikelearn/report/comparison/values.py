"""Numbers as a reader wants them: few digits, a unit, and a word where nothing was measured."""

import math
from typing import Any

from spikelearn.report.findings.sentences import signed
from spikelearn.tasks import Measure

#: Where a value is missing.
NOT_MEASURED = "not measured"

_PREFIXES = (
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
    (1e-12, "p"),
)


def number(value: Any) -> float | None:
    """A finite number; None for None, NaN, infinity and what is no number."""
    if value is None or isinstance(value, str | bool):
        return None
    try:
        as_float = float(value)
    except (TypeError, ValueError):
        return None
    return as_float if math.isfinite(as_float) else None


def significant(value: float, digits: int = 3) -> str:
    """``value`` with so many significant digits, never in exponent form between 0.0001 and 10 million."""
    if value == 0:
        return "0"
    size = int(f"{value:.{digits - 1}e}".partition("e")[2])
    if not -5 < size < 7:
        return f"{value:.{digits - 1}e}"
    places = max(0, digits - 1 - size)
    return f"{value:,.{places}f}".replace("-", "−")


def with_prefix(value: float, unit: str, digits: int = 3) -> str:
    """``value`` in ``unit`` with the prefix that leaves one to three digits before the point."""
    size = abs(value)
    scale, prefix = next(
        ((s, p) for s, p in _PREFIXES if size >= s * 0.9995), (1.0, "") if size == 0 else _PREFIXES[-1]
    )
    return f"{significant(value / scale, digits)} {prefix}{unit}".rstrip()


def percent(value: float, places: int = 2) -> str:
    """A share as percent."""
    return f"{100 * value:.{places}f}".replace("-", "−")


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return signed(100 * value)


def interval(low: float | None, high: float | None, signed: bool = False) -> str:
    """The interval between two shares, in percent."""
    if low is None or high is None:
        return ""
    shown = points if signed else percent
    return f"[{shown(low)}, {shown(high)}]"


class Figures:
    """How the numbers of a measure are written: shares in percent without the sign, others with four digits.

    Args:
        measure: by which arms are compared; numbers are as files hold them.
    """

    def __init__(self, measure: Measure) -> None:
        self.measure = measure

    def of(self, value: float) -> str:
        """A number."""
        return percent(value) if self.measure.share else significant(value, 4)

    def change(self, value: float) -> str:
        """A difference with its sign."""
        return points(value) if self.measure.share else f"{'+' if value >= 0 else ''}{significant(value, 4)}"

    def interval(self, low: float | None, high: float | None, signed: bool = False) -> str:
        """The interval between two numbers, or two differences."""
        if low is None or high is None:
            return ""
        shown = self.change if signed else self.of
        return f"[{shown(low)}, {shown(high)}]"

    def spread(self, sd: float) -> str:
        """A standard deviation."""
        return f"{100 * sd:.2f}" if self.measure.share else significant(sd, 2)


def seconds(value: float) -> str:
    """A duration in the unit that suits it."""
    if value >= 7200:
        return f"{significant(value / 3600)} h"
    if value >= 120:
        return f"{significant(value / 60)} min"
    return with_prefix(value, "s") if value < 1 else f"{significant(value)} s"


def size(value: float) -> str:
    """A number of bytes in binary units."""
    for scale, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if value >= scale:
            return f"{significant(value / scale)} {unit}"
    return f"{value:.0f} B"


def count(value: float) -> str:
    """A whole number with separators, or one with a prefix from a million on."""
    return f"{value:,.0f}" if value < 1e6 else with_prefix(value, "")


def plain(value: Any) -> str:
    """A setting as text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{name}={plain(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    return str(value)


def counted(number: int, what: str) -> str:
    """A number of things: "1 arm", "1,200 trials"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def capitalised(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]

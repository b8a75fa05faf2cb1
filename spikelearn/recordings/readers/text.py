"""Events as text, one a line: .csv and .txt."""

import io
import re
from pathlib import Path

import numpy as np

from spikelearn.recordings.readers.arrays import from_columns, named
from spikelearn.recordings.readers.base import Reading, Recording, content_of

#: Order of the columns of files without names: that of the Event Camera Dataset and of faery.
USUAL = "txyp"


def read_text(path: Path, reading: Reading) -> Recording:
    """A recording as text: numbers between commas, semicolons or spaces, lines of # passed over, names in the first.

    Without names, columns are t, x, y and p; a name may have a size behind it (faery's ``x@34``). Times without
    fractions are microseconds; others need their unit said.

    Raises:
        ValueError: a line that is no event; it is named.

    Source: Mueggler et al., International Journal of Robotics Research 36, 2017 (t x y p); faery (t,x,y,on).
    """
    text = content_of(path).decode("latin1")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "%"))]
    if not lines:
        raise ValueError("it holds no events")
    comma = next((mark for mark in (",", ";", "\t") if mark in lines[0]), None)
    first = [word.strip().strip('"') for word in (lines[0].split(comma) if comma else lines[0].split())]
    has_names = any(re.match(r"[A-Za-z_]", word) and word.lower() not in ("nan", "inf") for word in first)
    sensor, names = None, []
    if has_names:
        names = [word.partition("@")[0] for word in first]
        sizes = {word.partition("@")[0].lower(): word.partition("@")[2] for word in first if "@" in word}
        if sizes.get("x", "").isdigit() and sizes.get("y", "").isdigit():
            sensor = int(sizes["x"]), int(sizes["y"])
        lines = lines[1:]
    table = _table(lines, comma, len(first))
    if names and table.shape[1] != len(names):
        raise ValueError(f"it has {len(names)} names in its first line and {table.shape[1]} columns of numbers")
    if names:
        return from_columns({name: table[:, place] for place, name in enumerate(names)}, reading, sensor)
    return from_columns(named(table, reading.columns or USUAL), reading)


def _table(lines: list[str], comma: str | None, width: int) -> np.ndarray:
    """Numbers [N, columns]; times of whole microseconds are exact up to 2^53."""
    try:
        if not lines:
            return np.zeros((0, width))
        return np.loadtxt(io.StringIO("\n".join(lines)), delimiter=comma, ndmin=2, comments=None)
    except ValueError as error:
        place = re.search(r"at row (\d+)", str(error))
        where = f"event {place[1]}, {lines[min(int(place[1]), len(lines) - 1)][:60]!r}, " if place else ""
        raise ValueError(f"{where}is no line of numbers ({str(error)[:120]})") from error

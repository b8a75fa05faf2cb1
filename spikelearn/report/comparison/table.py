"""A table as plain values, before it becomes HTML, Markdown or LaTeX."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from spikelearn.report.comparison.layout import Layout
from spikelearn.report.comparison.values import NOT_MEASURED, number


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        text: what is read.
        value: what the table is sorted by; None: last.
        reason: why nothing was measured.
        copy: the cell is a button that copies this; ``text`` is its name.
        link: where the text leads to, from the page's folder.
    """

    text: str
    value: float | str | None = None
    reason: str = ""
    copy: str = ""
    link: str = ""

    @property
    def sorts_by(self) -> str | None:
        """What the page sorts by, seven digits of a number; "": last, None: the text, which says the same."""
        if self.value is None:
            return ""
        key = f"{self.value:.7g}" if isinstance(self.value, float) else str(self.value)
        return None if key == self.text and not self.reason and not self.copy else key


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        key: its name in the page's address.
        label: its heading.
        style: "number" (to the right), "wide" (may break lines), "wrap" (between words) or "".
        heads: its cells are the headings of their rows.
        swatch: an arm's mark stands before its name.
        fixed: the table cannot be sorted by it.
    """

    key: str
    label: str
    style: str = ""
    heads: bool = False
    swatch: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class Row:
    """One row, with the arms and the data set it belongs to (their numbers), which filters ask for."""

    cells: tuple[Cell, ...]
    arms: tuple[int, ...] = ()
    data: int | None = None


@dataclass(frozen=True)
class Table:
    """A table with its heading and its notes."""

    kind: ClassVar[str] = "table"
    key: str
    title: str
    about: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[str] = ()


#: The columns of names: arms, data sets and networks.
ARM = Column("arm", "Arm", heads=True, swatch=True)
DATA, NET = Column("data", "Data set"), Column("net", "Network")


def number_cell(value: Any, write: Callable[[float], str], reason: str = "", unmeasured: str = NOT_MEASURED) -> Cell:
    """A number as ``write`` writes it, or why there is none."""
    finite = number(value)
    if finite is None:
        return Cell(unmeasured, None, reason or "no value in the records of this arm")
    return Cell(write(finite), finite)


def text_cell(text: Any) -> Cell:
    """Text, sorted by itself."""
    return Cell(str(text), str(text))


def without_empty(
    columns: Iterable[Column], rows: Iterable[Row], keep: Iterable[str] = ()
) -> tuple[list[Column], list[Row]]:
    """Columns in which something was measured, and those in ``keep``."""
    columns, rows, keep = list(columns), list(rows), set(keep)
    full = [
        at
        for at, column in enumerate(columns)
        if column.key in keep or any(not row.cells[at].reason and row.cells[at].text for row in rows)
    ]
    return [columns[at] for at in full], [Row(tuple(r.cells[at] for at in full), r.arms, r.data) for r in rows]


def without_columns(
    columns: Sequence[Column], rows: Iterable[Row], names: Collection[str]
) -> tuple[list[Column], list[Row]]:
    """Columns and rows without those of these names."""
    kept = [at for at, column in enumerate(columns) if column.key not in names]
    return [columns[at] for at in kept], [Row(tuple(r.cells[at] for at in kept), r.arms, r.data) for r in rows]


def without_places(columns: Sequence[Column], rows: Iterable[Row], layout: Layout) -> tuple[list[Column], list[Row]]:
    """Columns and rows without the data sets or networks, where all rows have the same."""
    return without_columns(columns, rows, {"data", "net"} - layout.place_columns)

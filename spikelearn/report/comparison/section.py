"""A section of the report, and the parts that it may have: what they say, not how they are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from spikelearn.report.comparison.chart import Chart, Option
from spikelearn.report.comparison.confusion import Matrix
from spikelearn.report.comparison.finding_groups import FindingGroup
from spikelearn.report.comparison.rasters import Raster
from spikelearn.report.comparison.table import Table


@dataclass(frozen=True)
class Charts:
    """Charts that share a chooser.

    Args:
        key: of the chooser in the page's address.
        charts: one for every data set and network.
        options: entries of the chooser; with fewer than two there is none.
        choice: what is chosen.
        title, about: what stands above them.
    """

    kind: ClassVar[str] = "charts"
    key: str
    charts: Sequence[Chart]
    options: Sequence[Option] = ()
    choice: str = ""
    title: str = ""
    about: str = ""


@dataclass(frozen=True)
class Findings:
    """Sentences that follow from the numbers.

    Args:
        title: in a text, and on the page with ``headed``.
        groups: the sentences, under a heading for every data set and network.
        label: on the page they are folded under this; empty: they stand open.
        headed: whether the title stands on the page too.
    """

    kind: ClassVar[str] = "findings"
    title: str
    groups: Sequence[FindingGroup]
    label: str = ""
    headed: bool = False


@dataclass(frozen=True)
class Sentences:
    """Paragraphs; ``quiet`` ones in small print."""

    kind: ClassVar[str] = "sentences"
    lines: Sequence[str]
    title: str = ""
    quiet: bool = False


@dataclass(frozen=True)
class Facts:
    """Names with their values; ``in_text``: whether they stand in a text too."""

    kind: ClassVar[str] = "facts"
    items: Sequence[tuple[str, str]]
    title: str = ""
    in_text: bool = False


@dataclass(frozen=True)
class Command:
    """What can be typed, and what it does; an empty ``text``: nothing can be."""

    name: str
    text: str
    arms: tuple[int, ...] = ()
    data: int | None = None


@dataclass(frozen=True)
class Commands:
    """Commands, or lines of a plan; ``in_text``: whether they stand in a text too."""

    kind: ClassVar[str] = "commands"
    items: Sequence[Command]
    about: str
    title: str = ""
    in_text: bool = False


@dataclass(frozen=True)
class Matrices:
    """Confusion matrices."""

    kind: ClassVar[str] = "matrices"
    items: Sequence[Matrix]


@dataclass(frozen=True)
class Rasters:
    """Spike rasters."""

    kind: ClassVar[str] = "rasters"
    items: Sequence[Raster]
    title: str
    about: str


@dataclass(frozen=True)
class Diagram:
    """A drawing that is not filtered; ``svg`` is markup."""

    kind: ClassVar[str] = "diagram"
    name: str
    about: str
    svg: str


@dataclass(frozen=True)
class ClaimBox:
    """The claim that the comparison asks, with its verdict, as ``claims.read_claim`` gives it."""

    kind: ClassVar[str] = "claim"
    claim: Mapping[str, Any]


@dataclass(frozen=True)
class Folded:
    """A part that the reader opens on the page; a text has it open."""

    kind: ClassVar[str] = "folded"
    label: str
    part: "Part"
    about: str = ""


Part = (
    Table | Charts | Findings | Sentences | Facts | Commands | Matrices | Rasters | Diagram | ClaimBox | Folded
)  # each is rendered by the template of its kind


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Args:
        key: in the page's address.
        title: in the contents, and above the section unless there is a ``heading``.
        parts: in order; those that are empty are left out.
        style: class of the section on the page.
        tables_after: in a text its tables stand after those of the first of these sections that is there; none: they
            stand where the section does.
    """

    key: str
    title: str
    parts: tuple[Part, ...]
    heading: str = ""
    style: str = ""
    tables_after: tuple[str, ...] = ()

    @property
    def open_parts(self) -> list[Part]:
        """The parts, those that are folded on the page by themselves."""
        return [part.part if isinstance(part, Folded) else part for part in self.parts]

    @property
    def tables(self) -> list[Table]:
        """The tables that have a row."""
        return [part for part in self.open_parts if isinstance(part, Table) and part.rows]

    @property
    def charts(self) -> list[Chart]:
        """All charts."""
        return [chart for part in self.open_parts if isinstance(part, Charts) for chart in part.charts]

"""A chart as plain numbers: series by arm, seen in one of several ways."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spikelearn.bench.analyse.ranges import ANY, RANGES, Range
from spikelearn.report.comparison.values import NOT_MEASURED, number, significant

Points = dict[str, Any]

#: Name in a chart -> column of ``summarised``.
SPAN = {"y": "mean", "low": "low", "high": "high"}


@dataclass(frozen=True)
class Option:
    """One entry of a chooser."""

    key: str
    label: str


@dataclass
class Chart:
    """A chart of the page.

    Args:
        id: unique in the page.
        section: whose chooser it obeys.
        kind: "lines" or "points".
        name, about: caption.
        views: {key: {"x": axis, "y": axis}}, an axis being {"label", "type", ...} as the page's script reads it.
        series: [{"arm": number, "points": {key of a view: {"x", "y", "low", "high", ...}}}].
        data: number of the data set; None: all.
        notes: what stands below.
        level: a line across the chart, as a value of y; None: none.
    """

    id: str
    section: str
    kind: str
    name: str
    about: str
    views: dict[str, dict[str, dict[str, Any]]]
    series: list[dict[str, Any]] = field(default_factory=list)
    data: int | None = None
    notes: list[str] = field(default_factory=list)
    level: float | None = None

    @property
    def first(self) -> dict[str, dict[str, Any]]:
        """The axes of the view that is shown at first."""
        return next(iter(self.views.values()))

    @property
    def still(self) -> list[tuple[int, str, str, str]]:
        """The numbers of that view where no script draws them: arm, x, y and the interval of y."""
        key, rows = next(iter(self.views)), []
        for one in self.series:
            points = one["points"].get(key)
            for x, *ends in zip(*(points[name] for name in ("x", "y", "low", "high")), strict=True) if points else ():
                y, low, high = (value_text(end) for end in ends)
                rows.append((one["arm"], value_text(x), y, f"{low} to {high}" if ends[1] is not None else "none"))
        return rows

    @property
    def spoken(self) -> str:
        """What a screen reader says in place of the picture."""
        view = self.first
        drawn = f"{len(self.series)} {'arm' if len(self.series) == 1 else 'arms'}"
        return (
            f"Chart. {self.name}: {view['y']['label']} by {view['x']['label']}, {drawn}. The numbers follow as a table."
        )

    def as_json(self) -> dict[str, Any]:
        """What the page's script reads."""
        keys = ("id", "section", "kind", "name", "views", "series", "level")
        return {key: getattr(self, key) for key in keys}


def axis(label: str, kind: str = "linear", within: Range = ANY, **more: Any) -> dict[str, Any]:
    """One axis of a view; it goes no further than ``within``."""
    ends = [rounded(end) for end in within]
    return {"label": label, "type": kind, **({"within": ends} if any(end is not None for end in ends) else {}), **more}


def add_series(chart: Chart, arm: int, points: Mapping[str, Points | None]) -> None:
    """Add what was measured of an arm; nothing where nothing was."""
    kept = {key: found for key, found in points.items() if found is not None and len(found["x"])}
    if kept:
        chart.series.append({"arm": arm, "points": kept})


def drawn(charts: Iterable[Chart]) -> list[Chart]:
    """Charts with at least one series, each with the views that some series has."""
    kept = []
    for chart in charts:
        used = {key for one in chart.series for key in one["points"]}
        chart.views = {key: view for key, view in chart.views.items() if key in used}
        if chart.views:
            kept.append(chart)
    return kept


def summarised(
    frame: Any,
    by: Sequence[str],
    column: str,
    scale: float = 1.0,
    *,
    complete: bool = False,
    within: Range | None = None,
) -> Any:
    """Mean and 95 % interval (Student's t) over seeds of ``column`` for every value of ``by``, as a DataFrame.

    Args:
        frame: rows of the results.
        by: "arm", and columns that tell places apart.
        complete: leave out places that not all of an arm's seeds have reached: a curve would jump there.
        within: what a value can be, before it is scaled; None: what is declared for the column. Intervals end there.
    """
    from scipy.special import stdtrit

    grouped = frame.groupby(list(by), sort=False)[column]
    table = grouped.agg(["mean", "std", "count"]).reset_index()
    least = table.groupby("arm", sort=False)["count"].transform("max") if complete else 1
    table = table[(table["count"] >= least) & (table["count"] > 0)]
    half = stdtrit((table["count"] - 1).clip(lower=1), 0.975) * table["std"] / table["count"] ** 0.5
    mean, (least, most) = table["mean"], RANGES[column] if within is None else within
    low, high = (mean - half).clip(lower=mean.clip(upper=least)), (mean + half).clip(upper=mean.clip(lower=most))
    return table.assign(mean=mean * scale, low=low * scale, high=high * scale)


def split_by_arm(table: Any) -> dict[str, Any]:
    """{arm: its rows}, in the order in which arms come."""
    return {str(arm): rows for arm, rows in table.groupby("arm", sort=False)}


def points_of(table: Any, xs: Sequence[Any] | None = None, x: str = "") -> Points | None:
    """What ``summarised`` found, as a chart has it; None where it is empty."""
    if table.empty:
        return None
    across = xs if xs is not None else [rounded(value) if not isinstance(value, str) else value for value in table[x]]
    numbers = {name: [rounded(value) for value in table[column]] for name, column in SPAN.items()}
    return {"x": list(across), **numbers}


def value_text(value: Any) -> str:
    """A value of a chart as text."""
    if value is None or isinstance(value, str):
        return value or NOT_MEASURED
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e7 else significant(value, 4)


def rounded(value: float | None) -> float | None:
    """A finite number with five significant digits, so that the page stays small."""
    finite = number(value)
    return None if finite is None else float(f"{finite:.5g}")

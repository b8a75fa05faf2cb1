"""The table of results as files: CSV and parquet, the measure under its own name."""

from pathlib import Path
from typing import Any

from spikelearn.bench.analyse.results import Results
from spikelearn.files import replacing
from spikelearn.tasks import ACCURACY


def write_csv(results: Results, path: Path) -> None:
    """Write ``results.points`` to ``path``, one line a row, whole or not at all.

    Text that a spreadsheet would take for a formula has an apostrophe in front.
    """
    points = _named(results)
    for name in points.select_dtypes(exclude="number").columns:
        points[name] = points[name].map(_unformulated)
    with replacing(path) as temporary:
        points.to_csv(temporary, index=False)


def _unformulated(cell: Any) -> Any:
    if not isinstance(cell, str) or not cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def write_parquet(results: Results, path: Path) -> None:
    """Write ``results.points`` to ``path``, whole or not at all."""
    with replacing(path) as temporary:
        _named(results).to_parquet(temporary, index=False)


def _named(results: Results) -> Any:
    """A copy of the points with the measure under its own name."""
    names = {name: name.replace("score", results.measure.name) for name in results.points if name.endswith("score")}
    points = results.points if results.measure == ACCURACY else results.points.drop(columns="unique_accuracy")
    return points.rename(columns=names)

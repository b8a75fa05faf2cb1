"""The files of a report: the page, its tables as Markdown and LaTeX, and the results as CSV and parquet."""

from pathlib import Path

from spikelearn.bench.analyse.files import write_csv, write_parquet
from spikelearn.bench.analyse.results import Results, read_results
from spikelearn.bench.analyse.summary import summarise
from spikelearn.files import write_atomically
from spikelearn.report.comparison.page import page_of
from spikelearn.report.comparison.render.html import html
from spikelearn.report.comparison.render.latex import latex
from spikelearn.report.comparison.render.markdown import markdown


def write_report(folder: str | Path, results: Results | None = None) -> dict[str, Path]:
    """Write report.html, report.md and report.tex into the folder of a comparison, from the files in it.

    Args:
        folder: of the comparison.
        results: what was read from it already; None: it is read here.

    Returns:
        {"html": path, "md": path, "tex": path}.

    Raises:
        ValueError: the folder holds no comparison, or one without a single finished trial.
    """
    folder = Path(folder)
    results = read_results(folder) if results is None else results
    if not results.records:
        raise ValueError(f"{folder} has no finished trial, expected at least one: let the comparison go on")
    page = page_of(results, summarise(results))
    written = {}
    for form, text in (("html", html(page)), ("md", markdown(page)), ("tex", latex(page))):
        written[form] = folder / f"report.{form}"
        write_atomically(written[form], text.encode())
    return written


def write_all(folder: str | Path) -> dict[str, Path]:
    """Write the report of the comparison in ``folder``, and its results as CSV and parquet: {kind: file}.

    Raises:
        ValueError: as ``write_report``.
    """
    folder = Path(folder)
    results = read_results(folder)
    written = write_report(folder, results)
    written["csv"], written["parquet"] = folder / "results.csv", folder / "results.parquet"
    write_csv(results, written["csv"])
    write_parquet(results, written["parquet"])
    return written

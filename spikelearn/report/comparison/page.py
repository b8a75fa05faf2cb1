"""The report of a comparison: one page that needs nothing else, and its tables as Markdown and LaTeX."""

import base64
import gzip
import json
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spikelearn.compare.results import Results, read_results
from spikelearn.compare.summary import Summary, summarise
from spikelearn.files import write_atomically
from spikelearn.report.comparison import facts
from spikelearn.report.comparison.axes import after_charts, axis_charts, trained_axes, words_of
from spikelearn.report.comparison.axis_tables import axis_table
from spikelearn.report.comparison.chart import Chart
from spikelearn.report.comparison.charts import cost_charts, curve_charts, options_of
from spikelearn.report.comparison.claims import claim_markdown, read_claim_box
from spikelearn.report.comparison.costs import cost_table
from spikelearn.report.comparison.inside import block_parts, rasters
from spikelearn.report.comparison.latex import HEAD, latex_table
from spikelearn.report.comparison.markdown import escaped, markdown_table
from spikelearn.report.comparison.said import AXES, EFFICIENCY, VERDICTS, WARNINGS, Group, said
from spikelearn.report.comparison.scheme import Scheme, scheme_of
from spikelearn.report.comparison.sheets import Table
from spikelearn.report.comparison.tables import diagrams, methods, ranking_table, reach_table, statistics_tables
from spikelearn.report.comparison.templating import rendered, text_of

SCRIPTS = ("state.js", "tables.js", "plots.js", "main.js")

COST_WORDS = {
    "seconds": "training time",
    "energy": "energy of training",
    "operations": "operations in learning",
    "memory": "peak memory",
    "samples": "training samples presented",
}
CURVE_WORDS = {"epochs": "epochs", "seconds": "training time", "samples": "training samples presented"}


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


def page_of(results: Results, summary: Summary) -> dict[str, Any]:
    """Everything that the report says, as plain values."""
    scheme = scheme_of(results)
    cost, curves = cost_charts(results, scheme), curve_charts(results, scheme)
    drawn_rasters, raster_notes = rasters(results, scheme)
    page = {
        "title": results.index["title"],
        "question": results.index["question"],
        "about": _about(results, scheme),
        "version": version("spikelearn"),
        "arms": scheme.arms,
        "data": scheme.data,
        "findings": said(summary, scheme, VERDICTS),
        "efficiency": said(summary, scheme, EFFICIENCY),
        "robustness": said(summary, scheme, AXES),
        "warnings": said(summary, scheme, WARNINGS),
        "claim": read_claim_box(results.folder),
        "ranking": ranking_table(results, summary, scheme),
        "diagrams": diagrams(summary),
        "costs": [cost_table(results, scheme), reach_table(summary, scheme)],
        "charts": {"cost": cost, "curves": curves},
        "choices": {"cost": options_of(cost, COST_WORDS), "curves": options_of(curves, CURVE_WORDS)},
        "axes": axis_parts(results, scheme),
        "inside": block_parts(results, scheme),
        "inside_notes": raster_notes,
        "rasters": drawn_rasters,
        "raster_note": RASTER_NOTE,
        "methods": methods(summary),
        "statistics": statistics_tables(summary, scheme),
        "conditions": [facts.settings_table(results, scheme), facts.tuning_table(results, scheme)],
        "common": facts.common_settings(results),
        "energy": facts.energy_notes(),
        "machine": facts.machine_facts(results),
        "failed": facts.failed_table(results, scheme),
        "commands": facts.commands(results, scheme),
        "sources": facts.all_sources(results),
        "made": f"Made by spikelearn {version('spikelearn')} from the files of the comparison; it needs no network.",
    }
    page["warning_count"] = _counted(sum(len(group.lines) for group in page["warnings"]), "warning")
    page["contents"] = _contents(page)
    return page


RASTER_NOTE = (
    "The first recorded test sample, shown to the first seed of every arm after training. Every dot is a spike, time "
    "runs to the right, neurons downwards; of large layers evenly chosen neurons are drawn. Blocks that send no spikes "
    "are read by their potential."
)


def axis_parts(results: Results, scheme: Scheme) -> list[dict[str, Any]]:
    """Headings, charts and tables of every axis, those of training before those of testing."""
    parts = []
    for number, name in enumerate(trained_axes(results)):
        section = f"axis-{number}"
        charts = axis_charts(results, scheme, name, section)
        about = "Every arm was trained anew at each value; everything else is as at the base point."
        table = axis_table(results, scheme, name, "during")
        parts.append(_axis_part(section, f"{words_of(name)}, in training".capitalize(), about, charts, table))
    for number, name in enumerate(results.index["after"]):
        section = f"after-{number}"
        charts = after_charts(results, scheme, name, section)
        about = "Networks trained at the base point were changed, or shown changed samples, and tested again."
        table = axis_table(results, scheme, name, "after")
        parts.append(_axis_part(section, f"{words_of(name)}, after training".capitalize(), about, charts, table))
    return [part for part in parts if part["charts"]]


def _axis_part(section: str, title: str, about: str, charts: list[Chart], table: Table) -> dict[str, Any]:
    options = options_of(charts) if not section.startswith("after") else []
    return {
        "section": section, "title": title, "about": about, "charts": charts, "table": table,
        "options": options, "choice": "At",
    }  # fmt: skip


def html(page: dict[str, Any]) -> str:
    """The page with its style, its script and its numbers in it."""
    from markupsafe import Markup

    return rendered(
        "page.html.j2",
        page=page,
        css=Markup(text_of("page.css")),
        script=Markup("\n".join(text_of(name) for name in SCRIPTS)),
        facts=Markup(
            _script_json({"arms": [a.as_json() for a in page["arms"]], "data": page["data"], "charts": _charts(page)})
        ),
        plotly=Markup(_packed_plotly()),
    )


def _charts(page: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [*page["charts"].values(), *(part["charts"] for part in [*page["axes"], *page["inside"]])]
    return [chart.as_json() for charts in parts for chart in charts]


def _script_json(value: Any) -> str:
    """JSON that may stand inside a script element: no "<" can end it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@lru_cache(maxsize=1)
def _packed_plotly() -> str:
    """Plotly's script, compressed: 2 MB instead of 5, unpacked by the browser."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def _about(results: Results, scheme: Scheme) -> str:
    seeds = {place["seed"] for place in results.places}
    parts = [
        _counted(len(scheme.arms), "arm"),
        f"{_counted(len(scheme.data), 'data set')} ({', '.join(scheme.data)})",
        _counted(len(seeds), "seed"),
        f"{_counted(len(results.records), 'finished trial')} of {len(results.records) + len(results.missing)}",
    ]
    started = str(results.index.get("started") or "")[:10]
    return "; ".join(parts) + (f"; begun {started}." if started else ".")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _contents(page: dict[str, Any]) -> list[tuple[str, str]]:
    entries = [("claim", "Claim")] if page["claim"] else []
    entries += [
        ("verdict", "Verdict"),
        ("ranking", "Ranking"),
        ("cost", "Accuracy against cost"),
        ("curves", "Learning curves"),
    ]
    entries += [("axes", "Away from the base point")] if page["axes"] else []
    return [
        *entries, ("inside", "Inside the networks"), ("statistics", "Statistics"), ("conditions", "Conditions"),
        ("failed", "Failed and left out"), ("reproduce", "Reproduce"), ("sources", "Sources to cite"),
    ]  # fmt: skip


def _tables(page: dict[str, Any]) -> list[Table]:
    axes = [part["table"] for part in page["axes"]]
    tables = [page["ranking"], *page["costs"], *axes, *page["statistics"], *page["conditions"], page["failed"]]
    return [table for table in tables if table.rows]


def markdown(page: dict[str, Any]) -> str:
    """Verdict and tables as Markdown."""
    parts = [f"# {escaped(page['title'])}", escaped(page["question"]), escaped(page["about"])]
    parts += [] if page["claim"] is None else ["## Claim", claim_markdown(page["claim"])]
    told = (
        ("Verdict", page["findings"]),
        ("Before relying on it", page["warnings"]),
        ("Cost in words", page["efficiency"]),
        ("The axes in words", page["robustness"]),
    )
    for title, groups in told:
        parts += [f"## {title}", *(_group(group) for group in groups)] if groups else []
    parts.append("## Tables")
    parts += [markdown_table(table) for table in _tables(page)]
    parts += ["## Sources to cite", "\n".join(f"- {escaped(name)}: {escaped(text)}" for name, text in page["sources"])]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _group(group: Group) -> str:
    heading = [f"### {escaped(group.heading)}", ""] if group.heading else []
    return "\n".join([*heading, *(f"- {escaped(line)}" for line in group.lines)])


def latex(page: dict[str, Any]) -> str:
    """The tables as LaTeX, to be read into a document with \\input."""
    return HEAD + "\n" + "\n".join(latex_table(table) for table in _tables(page))

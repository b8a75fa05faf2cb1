"""spikelearn inspect"""

from typing import Annotated, Any

from rich.table import Table
from typer import Option

from spikelearn.cli.common import AsJson, Imports, RunPath, output, print_classes, print_json, progress
from spikelearn.imports import ComponentsMissing
from spikelearn.report import draw_pictures, sources
from spikelearn.runs import open_run, read_settings
from spikelearn.tasks import measure_in
from spikelearn.training import RunFolder

#: Characters of an option's value that are shown.
LONGEST = 200


def inspect_command(
    run: RunPath,
    pictures: Annotated[
        bool, Option("--pictures", help="Draw raster, membranes, curves, first weights and confusion as PNG.")
    ] = False,
    sample: Annotated[int, Option(help="Which of the recorded samples the pictures show.")] = 0,
    cite: Annotated[bool, Option("--cite", help="Print only the sources of everything the run used.")] = False,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Show a run: its settings, curves, firing rates, accuracy of every class, and the sources to cite.

    The data need not be there, nor components of your own. A folder that fit(folder=...) wrote has no settings.

    \b
    Examples:
      spikelearn inspect runs/mlp --pictures
      spikelearn inspect runs/mlp --cite
    """
    folder = RunFolder(run)
    settings, cited = settings_and_sources(folder)
    folder.check_unchanged(folder.metrics)
    metrics, result = folder.read_metrics(), folder.read_result()
    drawn, failures = draw_pictures(folder, sample) if pictures else ([], {})
    for name, reason in failures.items():
        progress.print(f"{name} could not be drawn: {reason}", style="yellow")
    paths = [str(path) for path in drawn]
    if as_json:
        shown = {"run": run, "settings": settings, "metrics": metrics, "result": result, "sources": cited}
        print_json({**shown, "pictures": paths})
        return
    if not cite:
        _print_settings(settings)
        _print_metrics(metrics)
        if settings:
            _print_result(result, run)
    if cited:
        output.print("sources to cite", style="bold")
    for name, source in cited.items():
        output.print(f"  {name}: {source}")
    for path in paths:
        output.print(f"picture {path}")


def settings_and_sources(folder: RunFolder) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings of a run and its sources; as written where a component is missing, none for a run of ``fit``."""
    if not folder.settings.is_file() and (folder.metrics.is_file() or folder.recording.is_file()):
        return {}, {}
    try:
        settings = open_run(folder)
    except ComponentsMissing as error:
        progress.print(f"no sources: {error}", style="yellow")
        return read_settings(folder.settings), {}
    try:
        return settings.model_dump(), sources(settings)
    except ValueError as error:  # a component that nobody has brought in
        progress.print(f"no sources: {error}", style="yellow")
        return settings.model_dump(), {}


def _print_settings(settings: dict[str, Any]) -> None:
    if settings:
        output.print("settings", style="bold")
    for name, value in settings.items():
        if value not in (None, {}, ()):
            words = ", ".join(f"{k}={_short(v)}" for k, v in value.items()) if isinstance(value, dict) else value
            output.print(f"  {name}: {words}")


def _short(value: Any) -> str:
    """A value in one line: of what an outer loop learned, the beginning alone."""
    words = str(value)
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}... ({len(words):,} characters)"


def _print_metrics(metrics: list[dict[str, Any]]) -> None:
    if not metrics:
        output.print("no epoch has ended yet")
        return
    blocks = list(metrics[0]["rates"])
    measure = measure_in(metrics[0])
    unit, digits = (" %", 2) if measure.share else ("", 4)
    named = (f"{measure.words}{unit}", f"validation{unit}")
    table = Table("epoch", "loss", *named, *(f"rate {b}" for b in blocks), "samples/s", box=None)
    for row in metrics:
        table.add_row(
            str(row["epoch"]),
            _number(row.get("loss"), 1, 4),
            _number(row[measure.name], measure.scale, digits),
            _number(row.get(f"validation_{measure.name}"), measure.scale, digits),
            *(_number(row["rates"][b], 1, 3) for b in blocks),
            _number(row["samples_per_second"], 1, 0),
        )
    output.print(table)


def _print_result(result: dict[str, Any] | None, run: str) -> None:
    if result is None:
        output.print(f"the run has not ended: go on with spikelearn train --resume {run}")
        return
    measure = measure_in(result)
    value = measure.shown(result[f"test_{measure.name}"])
    output.print(f"test {measure.words} {value} of {result['test_samples']} samples", style="bold")
    print_classes(result.get("test_confusion"))
    output.print(f"  optimizer {result['optimizer']}, {result['parameters']} parameters")


def _number(value: float | None, factor: float, digits: int) -> str:
    return "-" if value is None else f"{factor * value:.{digits}f}"

"""The page of a single run: what it came to, how it got there, what its network sends, and how to repeat it."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spikelearn.files import write_atomically
from spikelearn.report.comparison.confusion import Matrix
from spikelearn.report.comparison.page import Page
from spikelearn.report.comparison.rasters import draw_raster
from spikelearn.report.comparison.render.html import html
from spikelearn.report.comparison.section import (
    Charts,
    Command,
    Commands,
    Facts,
    Folded,
    Matrices,
    Part,
    Rasters,
    Section,
    Sentences,
)
from spikelearn.report.recording import Recording
from spikelearn.report.run.charts import Lines, curve_chart, membrane_charts, rate_chart
from spikelearn.report.run.pictures import weights_picture
from spikelearn.tasks import measure_in
from spikelearn.training import RunFolder

#: Values of settings that say nothing.
UNSAID: tuple[Any, ...] = (None, {}, (), [])

#: Classes up to which a confusion is drawn.
MOST_CLASSES = 30


def write_run_report(
    folder: RunFolder, settings: Mapping[str, Any], sources: Mapping[str, str], aligned: Mapping[str, Any] | None = None
) -> Path:
    """Write ``report.html`` into the folder of a run, from its files alone.

    Args:
        folder: of the run; it need not have ended, but one epoch has.
        settings: of the run; {} for one that ``fit`` wrote.
        sources: {part: what to cite}.
        aligned: {block: cosine of its changes to those of bptt} where it was measured.

    Raises:
        ValueError: a run without a finished epoch, or a damaged file.
    """
    for path in (folder.metrics, folder.recording, folder.weights):
        folder.check_unchanged(path)
    metrics = folder.read_metrics()
    if not metrics:
        raise ValueError(f"{folder.path} has no finished epoch, expected at least one: let the run go on")
    target = folder.path / "report.html"
    write_atomically(target, html(_page(folder, metrics, settings, sources, aligned or {})).encode())
    return target


def _page(
    folder: RunFolder,
    metrics: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    sources: Mapping[str, str],
    aligned: Mapping[str, Any],
) -> Page:
    result, lines = folder.read_result(), Lines(str(settings.get("rule", "network")), list(metrics[0]["rates"]))
    sections = [
        Section("verdict", "Result", tuple(_result(folder, metrics, result))),
        Section("curves", "Learning curves", (_charts("curves", [curve_chart(metrics, lines)]),)),
        Section("rates", "Firing rates", (_charts("rates", [rate_chart(metrics, lines)]),)),
        *_activity(folder, lines),
        *_weights(folder),
        *_alignment(aligned),
        *_classes(result),
        Section("settings", "Settings", (Facts(_said(settings)),)),
        Section("reproduce", "Reproduce", (Commands(_commands(folder, settings), "From where it began:"),)),
        Section("sources", "Sources to cite", (Facts(list(sources.items())),)),
    ]
    kept = [section for section in sections if not isinstance(section.parts[0], Facts) or section.parts[0].items]
    named = f"{settings['rule']} on {settings['data']}, {settings['net']}" if settings else folder.path.name
    return Page(
        title=f"Run {folder.path.name}",
        question=named,
        about=f"{len(metrics)} epochs; {'ended' if result else 'not ended yet'}.",
        arms=lines.styles,
        families=lines.families,
        data=[str(settings.get("data", "data"))],
        sections=kept,
        version=version("spikelearn"),
    )


def _charts(key: str, charts: Sequence[Any]) -> Charts:
    options = charts[0].options if len(charts) == 1 else ()
    return Charts(key, [one.chart for one in charts], options, "Vertical axis")


def _result(folder: RunFolder, metrics: Sequence[Mapping[str, Any]], result: Mapping[str, Any] | None) -> list[Part]:
    if result is None:
        return [Sentences([f"The run has not ended: go on with spikelearn train --resume {folder.path}."])]
    measure = measure_in(result)
    said = f"Test {measure.words} {measure.shown(result[f'test_{measure.name}'])} of {result['test_samples']} samples."
    facts = [
        ("parameters", f"{result['parameters']:,}"),
        ("optimizer", str(result["optimizer"])),
        ("seconds of training", f"{sum(row.get('seconds', 0.0) for row in metrics):.1f}"),
        *((f"test rate of {block}", f"{rate:.4f} per step and neuron") for block, rate in result["rates"].items()),
    ]
    return [Sentences([said]), Facts(facts)]


def _activity(folder: RunFolder, lines: Lines) -> list[Section]:
    if not folder.recording.is_file():
        return []
    raster = draw_raster(folder.recording, 0, 0)
    seen = Rasters([raster], "Raster", "A recorded test sample, at most some neurons of each block.")
    charts = membrane_charts(Recording(folder.recording), lines)
    about = "Potentials of the three neurons of each block that fire most, before their reset."
    drawn = (Charts("membranes", charts, title="Membranes", about=about),) if charts else ()
    return [Section("activity", "Inside the network", (seen, *drawn))]


def _weights(folder: RunFolder) -> list[Section]:
    drawn = weights_picture(folder)
    return [] if drawn is None else [Section("weights", "Weights", (drawn,))]


def _alignment(aligned: Mapping[str, Any]) -> list[Section]:
    known = [(block, f"{cosine:.3f}") for block, cosine in aligned.items() if cosine is not None]
    told = Sentences(["Cosine of the changes of each block to those of bptt, at the end of the training."])
    return [Section("alignment", "Alignment", (told, Facts(known)))] if known else []


def _classes(result: Mapping[str, Any] | None) -> list[Section]:
    counts = (result or {}).get("test_confusion")
    if not counts or len(counts) > MOST_CLASSES:
        return []
    rows = [
        (f"class {number}", f"{100 * row[number] / sum(row):.1f} % of {sum(row)}")
        for number, row in enumerate(counts)
        if sum(row)
    ]
    matrix = Folded("Confusion", Matrices([Matrix(0, 0, "", 1, counts)]))
    return [Section("classes", "Classes", (Facts(rows), matrix))]


def _commands(folder: RunFolder, settings: Mapping[str, Any]) -> list[Command]:
    commands = [Command("Test it again", f"spikelearn evaluate {folder.path}")]
    if settings:
        again = f"spikelearn train --config {folder.settings} --out {folder.path}-again"
        commands = [Command("Train it again", again), *commands]
        commands.append(Command("Export it, and verify", f"spikelearn export {folder.path} --verify"))
    return commands


def _said(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, _words(value)) for name, value in settings.items() if value not in UNSAID]


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_words(one)}" for name, one in value.items()) or "none"
    words = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return words if len(words) <= 200 else f"{words[:200]}... ({len(words):,} characters)"

"""spikelearn inspect"""

from typing import Annotated, Any

from rich.table import Table
from typer import Option

from spikelearn.cli.common import AsJson, RunPath, output, print_json
from spikelearn.report import draw_pictures, sources
from spikelearn.training import RunFolder, open_run


def inspect(
    run: RunPath,
    pictures: Annotated[
        bool, Option("--pictures", help="Draw raster, membranes, curves and first weights as PNG.")
    ] = False,
    sample: Annotated[int, Option(help="Which of the recorded samples the pictures show.")] = 0,
    cite: Annotated[bool, Option("--cite", help="Print only the sources of everything the run used.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a run: its settings, curves, firing rates and the sources to cite."""
    folder = RunFolder(run)
    settings = open_run(folder)
    metrics, result = folder.read_metrics(), folder.read_result()
    drawn = [str(path) for path in draw_pictures(folder, sample)] if pictures else []
    cited = sources(settings)
    if as_json:
        print_json(
            {
                "run": run,
                "settings": settings.model_dump(),
                "metrics": metrics,
                "result": result,
                "sources": cited,
                "pictures": drawn,
            }
        )
        return
    if not cite:
        _print_settings(settings.model_dump())
        _print_metrics(metrics)
        _print_result(result, run)
    output.print("sources to cite", style="bold")
    for name, source in cited.items():
        output.print(f"  {name}: {source}")
    for path in drawn:
        output.print(f"picture {path}")


def _print_settings(settings: dict[str, Any]) -> None:
    output.print("settings", style="bold")
    for name, value in settings.items():
        if value not in (None, {}):
            words = ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
            output.print(f"  {name}: {words}")


def _print_metrics(metrics: list[dict[str, Any]]) -> None:
    if not metrics:
        output.print("no epoch has ended yet")
        return
    blocks = list(metrics[0]["rates"])
    table = Table("epoch", "loss", "accuracy %", "validation %", *(f"rate {b}" for b in blocks), "samples/s", box=None)
    for row in metrics:
        table.add_row(
            str(row["epoch"]),
            _number(row.get("loss"), 1, 4),
            _number(row["accuracy"], 100, 2),
            _number(row.get("validation_accuracy"), 100, 2),
            *(_number(row["rates"][b], 1, 3) for b in blocks),
            _number(row["samples_per_second"], 1, 0),
        )
    output.print(table)


def _print_result(result: dict[str, Any] | None, run: str) -> None:
    if result is None:
        output.print(f"the run has not ended: go on with spikelearn train --resume {run}")
        return
    accuracy = 100 * result["test_accuracy"]
    output.print(f"test accuracy {accuracy:.2f} % of {result['test_samples']} samples", style="bold")
    output.print(f"  optimizer {result['optimizer']}, {result['parameters']} parameters")


def _number(value: float | None, factor: float, digits: int) -> str:
    return "-" if value is None else f"{factor * value:.{digits}f}"

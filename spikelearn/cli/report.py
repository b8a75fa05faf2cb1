"""spikelearn report"""

from pathlib import Path
from typing import Annotated, Any

import typer

from spikelearn.bench import TrialFolder
from spikelearn.cli.common import Imports, output
from spikelearn.cli.inspect import settings_and_sources
from spikelearn.extras import check_extra
from spikelearn.report import write_all, write_run_report
from spikelearn.training import RunFolder


def report_command(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Folder of a comparison, or of a run.", show_default=False)
    ],
    imports: Imports = None,
) -> None:
    """Write the report of a comparison anew from its files: a page, tables, CSV and parquet; of a run, its page.

    \b
    Examples:
      spikelearn report comparisons/first
      spikelearn report runs/mlp
    """
    run = RunFolder(folder)
    if run.metrics.is_file():
        output.print(str(write_run_report(run, *settings_and_sources(run), _aligned(run.path))))
        return
    check_extra("report", "the page of a comparison")
    for path in write_all(Path(folder)).values():
        output.print(str(path))


def _aligned(folder: Path) -> dict[str, Any]:
    """{block: cosine of its changes to those of bptt} that a comparison measured of its trial; {} elsewhere."""
    record = TrialFolder(folder).read()
    measured = [entry.alignment for entry in record.epochs if entry.alignment] if record is not None else []
    return dict(measured[-1]) if measured else {}

"""spikelearn report"""

from pathlib import Path
from typing import Annotated

import typer

from spikelearn.cli.common import output
from spikelearn.report import write_all


def report_command(
    folder: Annotated[str, typer.Argument(metavar="COMPARISON", help="Folder of a comparison.", show_default=False)],
) -> None:
    """Write the report of a comparison anew from its result files: a page, tables, CSV and parquet.

    \b
    Examples:
      spikelearn report comparisons/first
      spikelearn report runs/mlp
    """
    for path in write_all(Path(folder)).values():
        output.print(str(path))

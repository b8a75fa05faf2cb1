"""spikelearn report"""

from pathlib import Path
from typing import Annotated

import typer

from spikelearn.cli.common import output


def report(
    folder: Annotated[str, typer.Argument(metavar="COMPARISON", help="Folder of a comparison.", show_default=False)],
) -> None:
    """Write the report of a comparison anew from its result files: a page, tables, CSV and parquet."""
    for path in write_all(Path(folder)).values():
        output.print(str(path))


def write_all(folder: Path) -> dict[str, Path]:
    """Everything that is written about a comparison, {kind: file}."""
    from spikelearn.compare import read_results, write_csv, write_parquet
    from spikelearn.report import write_report

    results = read_results(folder)
    written = write_report(folder, results)
    written["csv"], written["parquet"] = folder / "results.csv", folder / "results.parquet"
    write_csv(results, written["csv"])
    write_parquet(results, written["parquet"])
    return written

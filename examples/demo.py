"""Everything at once, on data that need no download: compare rules, read the page, look inside, export, verify."""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from spikelearn.bench import LocalEngine, Summary, TrialFolder, compare, read_results, read_suite, summarise
from spikelearn.datasets import DATASETS
from spikelearn.export import FORMATS, Verification, verify_nir
from spikelearn.report import draw_pictures, write_report
from spikelearn.runs import open_run, test_loader, trained_network

OUT = Path("demo")
PLAN = read_suite("quick")


def main() -> int:
    console = Console(soft_wrap=True, highlight=False)
    started = time.monotonic()
    engine = LocalEngine(jobs=min(4, os.cpu_count() or 1))
    compared = compare(PLAN, OUT, engine=engine, console=console, command="make demo")
    page = write_report(OUT)["html"]
    results = read_results(OUT)
    console.print("\n[bold]test accuracy, mean of the seeds[/bold]")
    console.print(accuracies(summarise(results)))
    console.print("\n[bold]the same spikes elsewhere?[/bold]")
    agree = True
    for data in PLAN.data:
        folder = first_trial(results.places, data)
        draw_pictures(folder)
        found = export_and_verify(folder)
        agree &= all(verdict.agrees for verdict in found.peers.values())
        for peer, verdict in found.peers.items():
            words = verdict.reason or f"{verdict.differing} of {verdict.entries} output entries differ"
            console.print(f"{PLAN.against} on {data} in {peer}: {words}")
    console.print(f"\nthe page: {page.resolve()}")
    console.print(f"pictures of one network: {folder.pictures}")
    console.print(f"done in {time.monotonic() - started:.0f} s")
    return 0 if agree and not compared.failed else 1


def accuracies(summary: Summary) -> Table:
    """Arms by data sets."""
    shown = Table("rule", *(table.data for table in summary.tables), box=None)
    found = {(table.data, row.arm): row.score.mean for table in summary.tables for row in table.rows}
    for arm in PLAN.rules:
        means = [found.get((table.data, arm)) for table in summary.tables]
        shown.add_row(arm, *("-" if mean is None else f"{mean:.1f} %" for mean in means))
    return shown


def first_trial(points: Iterable[Mapping[str, Any]], data: str) -> TrialFolder:
    """The reference's trial with the first seed."""
    first = next(point for point in points if point["arm"] == PLAN.against and point["data"] == data)
    return TrialFolder(OUT / "trials" / first["trial"])


def export_and_verify(folder: TrialFolder) -> Verification:
    settings = open_run(folder)
    network = trained_network(folder, settings)
    path = folder.path / "network.nir"
    FORMATS.get("nir")().write(network, path, DATASETS.get(settings.data).shape, {"rule": settings.rule})
    loader = test_loader(settings)
    inputs, _ = loader.load(loader.indices)
    return verify_nir(network, path, inputs)


if __name__ == "__main__":
    sys.exit(main())

"""Everything at once, on data that need no download: train, compare with the control, look, export, verify."""

import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from spikelearn.datasets import DATASETS
from spikelearn.export import FORMATS, Verification, verify_nir
from spikelearn.report import draw_pictures
from spikelearn.training import ConsoleDisplay, RunFolder, Settings, test_loader, train, trained_network

OUT = Path("demo")
RUNS = {
    "digits": Settings(net="64-100-10", data="digits", steps=25, epochs=15, lr=2e-3, schedule="one-cycle"),
    "digits-events": Settings(
        net="512-100-10", data="digits-events", steps=15, epochs=10, lr=2e-3, schedule="one-cycle"
    ),
}


def main() -> int:
    console = Console(soft_wrap=True, highlight=False)
    started = time.monotonic()
    shutil.rmtree(OUT, ignore_errors=True)
    table = Table("data", "network", "bptt", "readout-only (control)", box=None)
    agree = True
    lines = []
    for name, settings in RUNS.items():
        accuracies = {}
        for rule in ("bptt", "readout-only"):
            console.print(f"[bold]{rule} on {name}[/bold]")
            folder = RunFolder(OUT / f"{name}-{rule}")
            accuracies[rule] = train(
                settings.model_copy(update={"rule": rule}), folder, display=ConsoleDisplay(console)
            )["test_accuracy"]
        table.add_row(name, settings.net, *(f"{100 * accuracy:.1f} %" for accuracy in accuracies.values()))
        folder = RunFolder(OUT / f"{name}-bptt")
        draw_pictures(folder)
        found = export_and_verify(folder, settings)
        agree &= all(verdict.agrees for verdict in found.peers.values())
        for peer, verdict in found.peers.items():
            words = verdict.reason or f"{verdict.differing} of {verdict.entries} output entries differ"
            lines.append(f"{folder.path / 'network.nir'} in {peer}: {words}")
    console.print("\n[bold]test accuracy[/bold]")
    console.print(table)
    console.print("\n[bold]the same spikes elsewhere?[/bold]")
    console.print("\n".join(lines))
    console.print(f"\nruns, pictures and NIR files are in {OUT.resolve()}, for example")
    console.print("\n".join(f"  {OUT / 'digits-bptt' / 'pictures' / name}" for name in ("raster.png", "curves.png")))
    console.print(f"done in {time.monotonic() - started:.0f} s")
    return 0 if agree else 1


def export_and_verify(folder: RunFolder, settings: Settings) -> Verification:
    network = trained_network(folder, settings)
    path = folder.path / "network.nir"
    FORMATS.get("nir")().write(network, path, DATASETS.get(settings.data).shape, {"rule": settings.rule})
    loader = test_loader(settings)
    inputs, _ = loader.load(loader.indices)
    return verify_nir(network, path, inputs)


if __name__ == "__main__":
    sys.exit(main())

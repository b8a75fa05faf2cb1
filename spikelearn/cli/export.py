"""spikelearn export"""

import math
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from spikelearn.cli.common import AsJson, DataRoot, Imports, RunPath, opened, output, print_json
from spikelearn.export import FORMATS, Verification, verify_nir
from spikelearn.network import Network
from spikelearn.runs import Settings, about_weights, test_loader, trained_network
from spikelearn.training import RunFolder

#: Output entries compared at the least, where the test set has as many.
ENTRIES = 60_000


def export_command(
    run: RunPath,
    file: Annotated[str | None, Option("--to", metavar="FILE", help="Where to; default: in the run's folder.")] = None,
    kind: Annotated[str, Option("--format", help="nir or safetensors.")] = "nir",
    form: Annotated[
        str | None, Option("--form", help="What LIF neurons become in NIR: cuba-lif (default, exact) or lif.")
    ] = None,
    verify: Annotated[
        bool, Option("--verify", help="Run snnTorch's and Norse's import on test samples and compare.")
    ] = False,
    data_root: DataRoot = None,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Export the trained network of a run; with --verify, exit code 0 only if every simulator fires the same spikes."""
    folder, settings = opened(run, data_root)
    if form is not None and kind != "nir":
        raise ValueError(f"--form is of NIR files, but --format is {kind!r}: drop one of the two")
    writer = FORMATS.build(kind, {} if form is None else {"form": form})
    if verify and kind != "nir":
        raise ValueError(f"--verify compares spikes of a NIR file, but --format is {kind!r}: drop one of the two")
    path = Path(file) if file else folder.path / f"network{writer.ending}"
    beside = RunFolder(path.parent)
    if path.resolve() in folder.own_files() | (beside.own_files() if beside.settings.is_file() else set()):
        raise ValueError(f"--to is {file!r}, a file that a run itself needs: name another")
    writer.check_target(path)
    network = trained_network(folder, settings)
    exported = writer.write(network, path, settings.sample_shape(), about_weights(settings))
    notes = [*exported.notes, *filter(None, [settings.make_rule().stepped])]
    report: dict[str, Any] = {"run": run, "file": str(exported.path), "notes": notes}
    if not as_json:
        output.print(f"wrote {exported.path}")
        for note in notes:
            output.print(f"  note: {note}")
    failed = False
    if verify:
        failed = _verify(network, settings, exported.path, report, as_json)
    if as_json:
        print_json(report)
    if failed:
        raise typer.Exit(1)


def _verify(network: Network, settings: Settings, path: Path, report: dict[str, Any], as_json: bool) -> bool:
    loader = test_loader(settings)
    samples = min(len(loader.dataset), math.ceil(ENTRIES / (settings.steps * loader.outputs)))
    outcome = verify_nir(network, path, loader.load(loader.indices[:samples]).inputs)
    report.update(spikes=outcome.spikes, margin=outcome.margin, not_tried=list(outcome.not_tried))
    report["peers"] = {name: verdict._asdict() for name, verdict in outcome.peers.items()}
    if not as_json:
        _print(outcome, samples)
    return not all(verdict.agrees for verdict in outcome.peers.values())


def _print(outcome: Verification, samples: int) -> None:
    output.print(
        f"verified on {samples} test samples (enough for {ENTRIES:,} entries, or all), {outcome.spikes} output spikes; "
        f"no potential came closer to its threshold "
        f"than {outcome.margin:.1e}",
    )
    for name, verdict in outcome.peers.items():
        words = verdict.reason or f"{verdict.differing} of {verdict.entries} output entries differ"
        output.print(f"  {name}: {words}")
    output.print(f"  not tried: {', '.join(outcome.not_tried)}")

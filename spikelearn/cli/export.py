"""spikelearn export"""

import math
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from typer import Option

from spikelearn.cli.common import AsJson, DataRoot, Imports, RunPath, opened, output, print_json
from spikelearn.export import FORMATS, READERS, Proof, Verification, add_proof, read_nir, recorded_spikes, verify_nir
from spikelearn.export.verify import USUAL
from spikelearn.network import Network, evaluating
from spikelearn.runs import Settings, about_weights, test_loader, trained_network
from spikelearn.training import RunFolder

#: Output entries compared at the least, where the test set has as many.
ENTRIES = 60_000


def export_command(
    run: RunPath,
    file: Annotated[str | None, Option("--to", metavar="FILE", help="Where to; default: in the run's folder.")] = None,
    kind: Annotated[str, Option("--format", help=f"{', '.join(FORMATS.names)}.")] = "nir",
    form: Annotated[
        str | None,
        Option("--form", help="What LIF neurons become in NIR: cuba-lif (default), lif, exponential-lif or nir."),
    ] = None,
    reader: Annotated[
        str | None, Option("--for", metavar="READER", help=f"Write NIR for a program: {', '.join(READERS)}.")
    ] = None,
    lossy: Annotated[
        bool, Option("--lossy", help="Write what NIR or the reader cannot say as what is nearest.")
    ] = False,
    bits: Annotated[int | None, Option("--bits", help="Bits of a weight in a C header; default: 8.")] = None,
    power_of_two: Annotated[bool, Option("--power-of-two", help="Thresholds in a C header are powers of two.")] = False,
    proof: Annotated[bool, Option("--proof", help="Record the spikes of test samples in the file.")] = False,
    verify: Annotated[
        bool, Option("--verify", help="Run snnTorch's and Norse's import on test samples and compare.")
    ] = False,
    data_root: DataRoot = None,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Export the trained network of a run; with --verify, exit code 0 only if every simulator fires the same spikes.

    \b
    Examples:
      spikelearn export runs/mlp --verify
      spikelearn export runs/mlp --format safetensors --to network.safetensors
    """
    folder, settings = opened(run, data_root)
    chosen = {"form": form, "reader": reader, "lossy": lossy or None, "bits": bits}
    chosen["power_of_two"] = power_of_two or None
    _check_of_format(kind, {**chosen, "proof": proof or None})
    writer = FORMATS.build(kind, {name: value for name, value in chosen.items() if value is not None})
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
    if proof:
        _record(settings, exported.path)
    if verify:
        failed = _verify(network, settings, exported.path, report, as_json, reader)
    if as_json:
        print_json(report)
    if failed:
        raise typer.Exit(1)


def _check_of_format(kind: str, chosen: dict[str, Any]) -> None:
    """Raise ValueError where an option is of files of another format."""
    whose = dict.fromkeys(("form", "reader", "lossy", "proof"), ("nir", "NIR files"))
    whose |= dict.fromkeys(("bits", "power_of_two"), ("c-header", "C headers"))
    for name, value in chosen.items():
        its, files = whose[name]
        if value is not None and kind != its:
            flag = "--for" if name == "reader" else f"--{name.replace('_', '-')}"
            raise ValueError(f"{flag} is of {files}, but --format is {kind!r}: drop one of the two")


def _record(settings: Settings, path: Path) -> None:
    """Record what the network of the file fires on test samples in it."""
    inputs = _samples(settings)
    imported = read_nir(path)
    inputs = inputs.float().reshape(*inputs.shape[:2], *imported.input_shape)
    with torch.no_grad(), evaluating(imported.network):
        spikes, margin = recorded_spikes(imported.network, inputs)
    add_proof(path, Proof(inputs, spikes.flatten(2), margin))


def _samples(settings: Settings) -> Tensor:
    """Test samples, enough for ``ENTRIES`` or all."""
    loader = test_loader(settings)
    samples = min(len(loader.dataset), math.ceil(ENTRIES / (settings.steps * loader.outputs)))
    return loader.load(loader.indices[:samples]).inputs


def _verify(
    network: Network, settings: Settings, path: Path, report: dict[str, Any], as_json: bool, reader: str | None
) -> bool:
    inputs = _samples(settings)
    outcome = verify_nir(network, path, inputs, against=USUAL if reader is None else (reader,))
    report.update(spikes=outcome.spikes, margin=outcome.margin, not_tried=list(outcome.not_tried))
    report["peers"] = {name: verdict._asdict() for name, verdict in outcome.peers.items()}
    if not as_json:
        _print(outcome, inputs.shape[1])
    return not all(verdict.agrees for verdict in outcome.peers.values())


def _print(outcome: Verification, samples: int) -> None:
    output.print(
        f"verified on {samples} test samples (enough for {ENTRIES:,} entries, or all), {outcome.spikes} output spikes; "
        f"no potential came closer to its threshold "
        f"than {outcome.margin:.1e}",
    )
    for name, verdict in outcome.peers.items():
        output.print(f"  {name}: {verdict.words}")
    output.print(f"  not tried: {', '.join(outcome.not_tried)}")

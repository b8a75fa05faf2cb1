"""spikelearn train"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from spikelearn.cli.common import INTERRUPTED, AsJson, Imports, output, print_json, progress
from spikelearn.cli.flags import takes_settings
from spikelearn.cli.suited import suited
from spikelearn.datasets import short_name
from spikelearn.doctor import diagnose, glance
from spikelearn.network import FittedReadout
from spikelearn.runs import Settings, merged, open_run, read_preset, read_settings, train, train_longer
from spikelearn.tasks import measure_in
from spikelearn.threads import no_more_than_cores
from spikelearn.training import ConsoleDisplay, Interrupted, Processes, RunFolder, SaidElsewhere, joined
from spikelearn.training.parallel.launch import launch
from spikelearn.training.parallel.processes import is_started

Text = str | None


@takes_settings
def train_command(
    context: typer.Context,
    given: dict[str, Any],
    imports: Imports = None,
    out: Annotated[Text, Option(help="Folder of the run; default: the next free one in runs/.")] = None,
    preset: Annotated[Text, Option(help="Published recipe; see: spikelearn presets. Flags win.")] = None,
    config: Annotated[Text, Option(help="TOML file with the same settings; flags win.")] = None,
    resume: Annotated[Text, Option(metavar="RUN", help="Go on with a stopped run, or with more --epochs.")] = None,
    processes: Annotated[
        int | None, Option(help="Processes of this machine that share every batch; default: 1, or torchrun's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a network with a rule, test it, and leave everything in the run's folder.

    Over several cores or devices of this machine: --processes 2; over several machines: torchrun.

    \b
    Examples:
      spikelearn train --data digits --net 64-100-10 --rule bptt --epochs 10 --out runs/mlp
      spikelearn train --rule ide
      spikelearn train --preset tssl-bp/mnist --epochs 10 --schedule cosine
      spikelearn train --data file:mine.npz --data-option sequence=true --steps 76 --net 12-256-27
      spikelearn train --resume runs/mlp --epochs 20
    """
    if processes is not None and not is_started(processes):
        raise typer.Exit(launch(context.obj, processes))
    given = {**given, "import": imports} if imports else given

    def chosen() -> tuple[RunFolder, Settings]:
        if resume is None:
            return _new(given, out, config, preset)
        others = {"out": out, "config": config, "preset": preset}
        wished = [name for name in given if name not in ("epochs", "import")]
        return _resumed(resume, given.get("epochs"), [*wished, *(name for name, value in others.items() if value)])

    no_more_than_cores()
    try:
        with joined() as group:
            folder, settings = group.from_first(chosen)
            result = _run(folder, settings, resume is not None, group)
    except Interrupted as stopped:
        raise typer.Exit(INTERRUPTED) from stopped
    except SaidElsewhere as error:
        raise typer.Exit(2) from error
    if group.first:
        _report(folder, settings, result, as_json)


def _run(folder: RunFolder, settings: Settings, resume: bool, processes: Processes) -> dict[str, Any]:
    """Train, and where the run is asked to stop say how to go on."""
    if processes.first:
        progress.print(f"run {folder.path}: {settings.rule} on {settings.data}, {settings.net}")
    display = ConsoleDisplay(progress) if processes.first else None
    try:
        return train(settings, folder, resume=resume, display=display, processes=processes)
    except Interrupted as stopped:
        if processes.first:
            progress.print(f"{stopped}; go on with: spikelearn train --resume {folder.path}")
        raise


def _report(folder: RunFolder, settings: Settings, result: dict[str, Any], as_json: bool) -> None:
    if not result["supervised"]:
        fitted = isinstance(settings.make_network().readout, FittedReadout)
        unread = "its accuracy is that of output neurons whose numbers mean no class"
        means = f"the readout {settings.readout} alone is fitted to them" if fitted else unread
        progress.print(f"{settings.rule} saw no targets: {means}")
    if as_json:
        print_json({"run": str(folder.path), **result})
    else:
        measure = measure_in(result)
        value, unique = result[f"test_{measure.name}"], result.get("test_unique_accuracy")
        ties = f" ({100 * unique:.2f} % with ties counted as errors)" if unique not in (None, value) else ""
        output.print(f"test {measure.words} {measure.shown(value)} of {result['test_samples']} samples{ties}")
        output.print(f"run {folder.path}")
    if findings := diagnose(glance(settings, folder)):
        names = ", ".join(finding.illness for finding in findings)
        progress.print(f"{names}: spikelearn doctor {folder.path} says why", style="yellow")


def _new(given: dict[str, Any], out: str | None, config: str | None, preset: str | None) -> tuple[RunFolder, Settings]:
    values = read_preset(preset).values if preset else {}
    values = merged(values, read_settings(Path(config))) if config else values
    named = out or values.pop("out", None)
    values.pop("out", None)
    if named is not None and not isinstance(named, str):
        raise ValueError(f"out is {named!r}, expected the path of a folder")
    settings, filled_in = suited(values, given)
    if filled_in:
        progress.print(filled_in, style="yellow")
    folder = RunFolder(named or _free_folder(settings))
    if config and Path(config).resolve() in folder.own_files():
        raise ValueError(f"--config is {config!r}, which the run would write over: name another folder with --out")
    return folder, settings


def _resumed(run: str, epochs: int | None, given: list[str]) -> tuple[RunFolder, Settings]:
    folder = RunFolder(run)
    settings = open_run(folder)
    if given:
        flags = ", ".join("--" + name.replace("_", "-") for name in given)
        raise ValueError(
            f"--resume goes on with the settings in {folder.settings}, expected no other flag than --epochs, "
            f"--import and --json: drop {flags}"
        )
    if epochs is not None and epochs != settings.epochs:
        settings = train_longer(folder, settings, epochs)
    elif folder.ended:
        raise ValueError(
            f"{run} has ended already: look at it with spikelearn inspect {run}, train it longer with more --epochs, "
            "or train anew with --out"
        )
    return folder, settings


def _free_folder(settings: Settings) -> Path:
    """The next folder in runs/ that does not exist, made here so that no other process takes it."""
    number = 1
    while True:
        path = Path("runs") / f"{short_name(settings.data)}-{settings.rule}-{number}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return path

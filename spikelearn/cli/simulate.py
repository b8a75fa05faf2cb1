"""spikelearn simulate"""

import time
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from typer import Option

from spikelearn.checks import check_positive
from spikelearn.cli.common import INTERRUPTED, AsJson, DataRoot, Imports, output, print_json, progress
from spikelearn.runs.simulations import DATA, OWN, simulation_of, source_of
from spikelearn.simulation import RecordingFile, Simulation, SimulationFolder
from spikelearn.training.interrupt import StopRequest, stop_on_signals

#: Seconds of work after which the state is kept anew.
KEPT_EVERY = 30.0

#: Seconds between two lines of progress where no terminal shows a bar.
TOLD_EVERY = 30.0

Source = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN|CONFIG|PRESET|FILE.nir|NET",
        help="A run's folder, a TOML file, a preset, a NIR file, or a network as 100-50(F50).",
        show_default=False,
    ),
]
Input = Annotated[
    str,
    Option(
        "--input",
        metavar="NAME:KEY=VALUE,...",
        help="poisson:rate=20, regular:rate=20, current:mean=1,std=0.1, silence, recording:path=FILE (events, read "
        "while it goes on), or data: the training samples of the settings, one after another.",
    ),
]
Record = Annotated[
    list[str] | None,
    Option(
        metavar="BLOCK:VARIABLE...",
        help="What is kept: fc1:spikes, fc1:v:0-9:every=10, fc1:weight:every=1000, inputs:spikes; repeat for more. "
        "Default: the spikes of all blocks.",
    ),
]


def simulate_command(
    source: Source = None,
    seconds: Annotated[
        float | None, Option(help="Simulated time; with --resume in all.", metavar="SECONDS", show_default=False)
    ] = None,
    inputs: Input = DATA,
    plastic: Annotated[bool, Option("--plastic", help="Weights change, by the rule of the settings.")] = False,
    rule: Annotated[
        str | None,
        Option(metavar="NAME:KEY=VALUE,...", help="Weights change, by this rule; one that changes them at every step."),
    ] = None,
    freeze: Annotated[list[str] | None, Option(help="A block or edge that does not learn; repeat for more.")] = None,
    record: Record = None,
    out: Annotated[str | None, Option(help="Folder to write; default: simulation.", show_default=False)] = None,
    resume: Annotated[
        str | None, Option(metavar="FOLDER", help="Go on with the simulation in this folder.", show_default=False)
    ] = None,
    samples: Annotated[int, Option(help="Samples that are simulated side by side.")] = 1,
    rest: Annotated[int, Option(help="Steps of silence behind each sample of the data.")] = 0,
    seed: Annotated[int, Option(help="Seed of inputs and random neurons.")] = 0,
    data_root: DataRoot = None,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a network for a time, with plasticity or without, and record it.

    The recording is an HDF5 file that grows by chunks, so that memory does not; while it is written, or where it was
    cut short, it can be read up to its last chunk. Ctrl-C stops behind a chunk; --resume goes on, to the bytes of a
    simulation that never stopped, also after a crash.

    \b
    Examples:
      spikelearn simulate 100-50(F50) --input poisson:rate=20 --seconds 2
      spikelearn simulate runs/digits-stdp-online-1 --plastic --seconds 10 --record fc1:spikes fc1:weight:every=100
      spikelearn simulate export.nir --input current:mean=1.2 --seconds 1 --record fc1:v --out simulations/nir
      spikelearn simulate --resume simulations/nir --seconds 5
    """
    if resume is None:
        if rule is not None and plastic:
            raise ValueError("--plastic is by the rule of the settings, but --rule names one: leave one of them out")
        about, of_run = _named(source, data_root)
        about |= {"input": inputs, "rule": OWN if plastic else rule, "freeze": freeze or [], "samples": samples}
        about |= {"rest": rest, "seed": seed, "seconds": check_seconds(1.0 if seconds is None else seconds)}
        folder = SimulationFolder(out or "simulation")
        folder.check_free()
        simulation = simulation_of(about, of_run)
        about["record"] = record or [f"{name}:spikes" for name in simulation.network.blocks]
        simulation.check_plan(about["record"])
        folder.begin(simulation, about)
    else:
        given: dict[str, Any] = {"SOURCE": source, "--record": record, "--out": out, "--rule": rule, "--freeze": freeze}
        given |= {"--plastic": plastic or None, "--input": None if inputs == DATA else inputs}
        given |= {"--samples": None if samples == 1 else samples, "--rest": rest or None, "--seed": seed or None}
        if named := [name for name, value in given.items() if value is not None]:
            raise ValueError(f"--resume goes on as it began, expected --seconds alone: drop {', '.join(named)}")
        folder = SimulationFolder(resume)
        about = folder.read()
        simulation = simulation_of(about)
        folder.load(simulation)
        about["seconds"] = about["seconds"] if seconds is None else check_seconds(seconds)
    resumed = resume is not None and folder.recording.is_file()
    with simulation.record(folder.recording, about["record"], resume=resumed) as recording:
        with stop_on_signals() as request:
            spent = _go_on(simulation, recording, folder, about["seconds"], request)
    _say(simulation, folder, spent, as_json)
    if request.asked and simulation.seconds < about["seconds"]:
        progress.print(f"stopped; go on with: spikelearn simulate --resume {folder.path}")
        raise typer.Exit(INTERRUPTED)


def _named(source: str | None, data_root: str | None) -> tuple[dict[str, Any], Any]:
    """What is known of what is simulated, and the run's folder."""
    if source is None:
        raise ValueError("nothing to simulate was named, expected a run, a TOML file, a preset, a NIR file or a net")
    about, of_run = source_of(source)
    if data_root is not None and about["settings"] is not None:
        about["settings"]["data_root"] = data_root
    return about, of_run


def check_seconds(seconds: float) -> float:
    """The simulated time, where it is one."""
    check_positive("seconds", seconds, "s")
    return seconds


def _go_on(
    simulation: Simulation, recording: RecordingFile, folder: SimulationFolder, seconds: float, request: StopRequest
) -> float:
    """Simulate up to ``seconds``, or to the chunk behind which a stop is asked for; seconds of work."""
    steps = round(seconds / simulation.dt) - simulation.step
    if steps < 0:
        raise ValueError(f"the simulation has come to {simulation.seconds:g} s already, expected more than --seconds")
    begin = kept = told = time.monotonic()
    with _bar() as bar:
        task = bar.add_task("", total=seconds)
        bar.update(task, completed=simulation.seconds)
        for _ in simulation.chunks(steps, recording):
            now = time.monotonic()
            bar.update(task, completed=simulation.seconds)
            if bar.disable and now - told > TOLD_EVERY:
                progress.print(f"{simulation.seconds:g} of {seconds:g} s simulated in {now - begin:.0f} s")
                told = now
            if now - kept > KEPT_EVERY:
                recording.sync()
                folder.save(simulation)
                kept = now
            if request.asked:
                break
    recording.sync()
    folder.save(simulation)
    return time.monotonic() - begin


def _bar() -> Progress:
    columns = ("simulated", BarColumn(bar_width=20), TextColumn("{task.completed:.1f} of {task.total:g} s"))
    return Progress(*columns, TimeRemainingColumn(), console=progress, transient=True, disable=not progress.is_terminal)


def _say(simulation: Simulation, folder: SimulationFolder, spent: float, as_json: bool) -> None:
    about: dict[str, Any] = {"folder": str(folder.path), "recording": str(folder.recording)}
    about |= {"seconds": simulation.seconds, "steps": simulation.step, "work_seconds": spent}
    if as_json:
        print_json(about)
        return
    output.print(f"{simulation.seconds:g} s simulated ({simulation.step} steps), this time in {spent:.1f} s of work")
    output.print(f"recording {folder.recording}: draw it with spikelearn plot raster {folder.path}")

"""spikelearn train"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from spikelearn.cli.common import INTERRUPTED, AsJson, output, print_json, progress, read_options
from spikelearn.training import (
    ConsoleDisplay,
    Interrupted,
    Processes,
    RunFolder,
    SaidElsewhere,
    Settings,
    joined,
    merged,
    open_run,
    read_preset,
    read_settings,
    settings_from,
)
from spikelearn.training import train as train_run

Text = str | None
Number = float | None
Whole = int | None
Pairs = list[str] | None
Flag = bool | None


def train(
    net: Annotated[Text, Option(help="Architecture, e.g. 784-400-10 or 15C5-P2-40C5-P2-300-10.")] = None,
    rule: Annotated[Text, Option(help="Learning rule; see: spikelearn rules.")] = None,
    rule_option: Annotated[Pairs, Option(metavar="KEY=VALUE", help="Option of the rule; repeat for more.")] = None,
    neuron: Annotated[Text, Option(help="Neuron model; see: spikelearn neurons.")] = None,
    neuron_option: Annotated[Pairs, Option(metavar="KEY=VALUE", help="Option of the neuron.")] = None,
    output_neuron: Annotated[Text, Option("--output", help="Another neuron model for the last block.")] = None,
    output_option: Annotated[Pairs, Option(metavar="KEY=VALUE", help="Option of the last block's neuron.")] = None,
    readout: Annotated[Text, Option(help="Predict from: rate, membrane, trace or linear.")] = None,
    bias: Annotated[Flag, Option("--bias/--no-bias", help="Whether synapses have a bias.")] = None,
    delay: Annotated[Whole, Option(help="Steps that spikes take from block to block.")] = None,
    batch_norm: Annotated[Flag, Option("--batch-norm/--no-batch-norm", help="Batch norm behind the weights.")] = None,
    spectral_feedback: Annotated[
        Flag, Option("--spectral-feedback/--no-spectral-feedback", help="Bound the feedback's spectral norm.")
    ] = None,
    init: Annotated[
        Text, Option(help="How weights are drawn: uniform, kaiming, tssl-bp, unit-norm, emstdp, emstdp-loihi.")
    ] = None,
    init_option: Annotated[Pairs, Option(metavar="KEY=VALUE", help="Option of the initialiser.")] = None,
    weights: Annotated[
        Text, Option(metavar="RUN", help="Begin with the weights of a run or a safetensors file.")
    ] = None,
    freeze: Annotated[Pairs, Option(metavar="BLOCK", help="Block that keeps its weights; repeat for more.")] = None,
    data: Annotated[Text, Option(help="Data set; see: spikelearn datasets.")] = None,
    data_root: Annotated[Text, Option(help="Folder of the data sets.")] = None,
    data_option: Annotated[Pairs, Option(metavar="KEY=VALUE", help="Option of the data set.")] = None,
    data_fraction: Annotated[Number, Option(help="Share of the training samples to use, of every class alike.")] = None,
    noise: Annotated[
        Text, Option(help="Noise on all samples: gaussian, salt-and-pepper, jitter, deletion or insertion:share=0.1.")
    ] = None,
    encoder: Annotated[
        Text, Option(help="Encoder of still images: direct, rate, regular, common-threshold or latency.")
    ] = None,
    encoder_option: Annotated[Pairs, Option(metavar="KEY=VALUE", help="Option of the encoder.")] = None,
    steps: Annotated[Whole, Option(help="Time steps T.")] = None,
    epochs: Annotated[Whole, Option(help="Epochs.")] = None,
    batch: Annotated[Whole, Option(help="Samples per batch.")] = None,
    validation: Annotated[Number, Option(help="Share of the training samples held out.")] = None,
    test_curve: Annotated[
        Flag, Option("--test-curve/--no-test-curve", help="Measure the test samples after every epoch, for a curve.")
    ] = None,
    patience: Annotated[Whole, Option(help="Stop after so many epochs without a better validation accuracy.")] = None,
    optimizer: Annotated[Text, Option(help="adam, adamw, sgd, rms, integer-sgd; default: the rule's.")] = None,
    optimizer_option: Annotated[Pairs, Option(metavar="KEY=VALUE", help="Option of the optimizer.")] = None,
    lr: Annotated[Number, Option(help="Learning rate; default: the rule's.")] = None,
    schedule: Annotated[
        Text, Option(help="Learning rate: constant, linear, exponential, step, cosine, one-cycle; default: the rule's.")
    ] = None,
    clip_norm: Annotated[Number, Option(help="Largest norm of all gradients; default: the rule's; inf: none.")] = None,
    bounds: Annotated[
        tuple[float, float] | None, Option(metavar="LOW HIGH", help="Lowest and highest weight; default: the rule's.")
    ] = None,
    incoming_norm: Annotated[Number, Option(help="Sum of the absolute weights of every neuron.")] = None,
    prune: Annotated[
        Text, Option(help="Prune while training: global or uniform, e.g. global:sparsity=0.9,gradual=true.")
    ] = None,
    hardware: Annotated[
        Text, Option(help="What holds the weights: bits or device, e.g. device:nl_ltp=1.75,c2c=0.003.")
    ] = None,
    seed: Annotated[Whole, Option(help="Seed of everything random.")] = None,
    device: Annotated[Text, Option(help="cpu, cuda or cuda:N.")] = None,
    out: Annotated[Text, Option(help="Folder of the run; default: the next free one in runs/.")] = None,
    preset: Annotated[Text, Option(help="Published recipe; see: spikelearn presets. Flags win.")] = None,
    config: Annotated[Text, Option(help="TOML file with the same settings; flags win.")] = None,
    resume: Annotated[Text, Option(metavar="RUN", help="Go on with a run that was stopped; takes no settings.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a network with a rule, test it, and leave everything in the run's folder.

    Over several devices or machines: torchrun --standalone --nproc-per-node 2 -m spikelearn train ...
    """
    flags: dict[str, Any] = {
        "net": net, "rule": rule, "neuron": neuron, "output": output_neuron, "readout": readout, "data": data,
        "data_root": data_root, "encoder": encoder, "steps": steps, "epochs": epochs, "batch": batch,
        "validation": validation, "patience": patience, "optimizer": optimizer, "lr": lr, "schedule": schedule,
        "bounds": bounds, "incoming_norm": incoming_norm, "seed": seed, "device": device, "clip_norm": clip_norm,
        "bias": bias, "delay": delay, "batch_norm": batch_norm, "spectral_feedback": spectral_feedback, "init": init,
        "data_fraction": data_fraction, "noise": noise, "prune": prune, "hardware": hardware,
        "test_curve": test_curve, "weights": weights, "freeze": freeze or None,
        "init_option": read_options("--init-option", init_option),
        "rule_option": read_options("--rule-option", rule_option),
        "neuron_option": read_options("--neuron-option", neuron_option),
        "output_option": read_options("--output-option", output_option),
        "data_option": read_options("--data-option", data_option),
        "encoder_option": read_options("--encoder-option", encoder_option),
        "optimizer_option": read_options("--optimizer-option", optimizer_option),
    }  # fmt: skip
    given = {name: value for name, value in flags.items() if value is not None}

    def chosen() -> tuple[RunFolder, Settings]:
        if resume is None:
            return _new(given, out, config, preset)
        others = {"out": out, "config": config, "preset": preset}
        return _resumed(resume, [*given, *(name for name, value in others.items() if value)])

    try:
        with joined() as processes:
            folder, settings = processes.from_first(chosen)
            result = _run(folder, settings, resume is not None, processes)
    except Interrupted as stopped:
        raise typer.Exit(INTERRUPTED) from stopped
    except SaidElsewhere as error:
        raise typer.Exit(2) from error
    if processes.first:
        _report(folder, settings, result, as_json)


def _run(folder: RunFolder, settings: Settings, resume: bool, processes: Processes) -> dict[str, Any]:
    """Train, and where the run is asked to stop say how to go on."""
    if processes.first:
        progress.print(f"run {folder.path}: {settings.rule} on {settings.data}, {settings.net}")
    display = ConsoleDisplay(progress) if processes.first else None
    try:
        return train_run(settings, folder, resume=resume, display=display, processes=processes)
    except Interrupted as stopped:
        if processes.first:
            progress.print(f"{stopped}; go on with: spikelearn train --resume {folder.path}")
        raise


def _report(folder: RunFolder, settings: Settings, result: dict[str, Any], as_json: bool) -> None:
    if not result["supervised"]:
        progress.print(
            f"{settings.rule} saw no targets: its accuracy is that of output neurons whose numbers mean no class",
        )
    if as_json:
        print_json({"run": str(folder.path), **result})
    else:
        accuracy, samples = 100 * result["test_accuracy"], result["test_samples"]
        unique = 100 * result["test_unique_accuracy"]
        ties = f" ({unique:.2f} % with ties counted as errors)" if unique != accuracy else ""
        output.print(f"test accuracy {accuracy:.2f} % of {samples} samples{ties}")
        output.print(f"run {folder.path}")


def _new(given: dict[str, Any], out: str | None, config: str | None, preset: str | None) -> tuple[RunFolder, Settings]:
    values = read_preset(preset).values if preset else {}
    values = merged(values, read_settings(Path(config))) if config else values
    named = out or values.pop("out", None)
    values.pop("out", None)
    if named is not None and not isinstance(named, str):
        raise ValueError(f"out is {named!r}, expected the path of a folder")
    settings = settings_from(merged(values, given))
    return RunFolder(named or _free_folder(settings)), settings


def _resumed(run: str, given: list[str]) -> tuple[RunFolder, Settings]:
    folder = RunFolder(run)
    settings = open_run(folder)
    if given:
        flags = ", ".join("--" + name.replace("_", "-") for name in given)
        raise ValueError(
            f"--resume goes on with the settings in {folder.settings}, expected no other flag than --json: drop {flags}"
        )
    if folder.ended:
        raise ValueError(f"{run} has ended already: look at it with spikelearn inspect {run}, or train anew with --out")
    return folder, settings


def _free_folder(settings: Settings) -> Path:
    """The next folder in runs/ that does not exist, made here so that no other process takes it."""
    number = 1
    while True:
        path = Path("runs") / f"{settings.data}-{settings.rule}-{number}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return path

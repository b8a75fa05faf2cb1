"""spikelearn evaluate"""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

from torch import Tensor
from typer import Option

from spikelearn.cli.common import AsJson, DataRoot, Imports, RunPath, opened, output, print_classes, print_json
from spikelearn.measure import evaluate, evaluate_stream
from spikelearn.network import Network
from spikelearn.runs import Settings, pieces_of, test_loader, trained_network, trained_predictor
from spikelearn.threads import threads
from spikelearn.training import RunFolder

#: Steps of a recording that are in memory at once, where nothing is said.
PIECE = 100


def evaluate_command(
    run: RunPath,
    recording: Annotated[
        str | None,
        Option(metavar="FILE", help="Show one recording of any length, its state carried on, in place of the test."),
    ] = None,
    width: Annotated[
        float | None, Option(metavar="SECONDS", help="--recording: width of a step; default: the run's.")
    ] = None,
    piece: Annotated[
        int | None, Option(metavar="STEPS", help="--recording: steps in memory at once, with scores of their own; 100.")
    ] = None,
    data_root: DataRoot = None,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Test the trained network of a run on its test samples.

    \b
    Examples:
      spikelearn evaluate runs/mlp
      spikelearn evaluate runs/mlp --json
      spikelearn evaluate runs/camera --recording drive.raw --width 0.003
    """
    folder, settings = opened(run, data_root)
    network = trained_network(folder, settings)
    if recording is not None:
        _show(
            run,
            folder,
            settings,
            network,
            pieces_of(settings, recording, width, PIECE if piece is None else piece),
            as_json,
        )
        return
    if given := [flag for flag, value in (("--width", width), ("--piece", piece)) if value is not None]:
        raise ValueError(f"{given[0]} is of a --recording: name one, or drop it")
    with threads(settings.threads):
        predict = trained_predictor(folder, settings, network)
        tested = evaluate(network, test_loader(settings), predict=predict)
    asked = tested.task.measure
    if as_json:
        print_json(
            {
                "run": run,
                f"test_{asked.name}": tested.value,
                "test_samples": tested.samples,
                "rates": tested.rates,
                "confusion": tested.confusion,
            }
        )
        return
    output.print(f"test {asked.words} {asked.shown(tested.value)} of {tested.samples} samples")
    print_classes(tested.confusion)
    for name, rate in tested.rates.items():
        output.print(f"  {name}: {rate:.4f} spikes per step and neuron")


def _show(
    run: str, folder: RunFolder, settings: Settings, network: Network, pieces: Iterator[Tensor], as_json: bool
) -> None:
    """Show a recording piece after piece, and print what the network says of it."""
    if trained_predictor(folder, settings, network) is not None:
        raise ValueError(
            f"rule {settings.rule!r} predicts in its own way, from samples of {settings.steps} steps alone"
        )
    with threads(settings.threads):
        found = evaluate_stream(network, pieces)
    scores, of_pieces = found.scores[0], found.pieces[:, 0].argmax(1).tolist()
    if as_json:
        print_json(
            {
                "run": run,
                "steps": found.steps,
                "scores": scores.tolist(),
                "highest": int(scores.argmax()),
                "of_pieces": of_pieces,
                "rates": found.rates,
            }
        )
        return
    output.print(f"{found.steps} steps: class {int(scores.argmax())} has the highest score, {float(scores.max()):.4g}")
    for number, count in sorted(Counter(of_pieces).items()):
        output.print(f"  class {number} in {count} of {len(of_pieces)} pieces")
    for name, rate in found.rates.items():
        output.print(f"  {name}: {rate:.4f} spikes per step and neuron")

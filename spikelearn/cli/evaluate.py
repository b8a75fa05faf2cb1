"""spikelearn evaluate"""

from typing import Annotated

from typer import Option

from spikelearn.cli.common import AsJson, RunPath, output, print_json
from spikelearn.measure import evaluate as measure
from spikelearn.training import RunFolder, open_run, test_loader, trained_network


def evaluate(
    run: RunPath,
    data_root: Annotated[str | None, Option(help="Folder of the data sets; default: the run's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Test the trained network of a run on its test samples."""
    folder = RunFolder(run)
    settings = open_run(folder)
    if data_root is not None:
        settings = settings.model_copy(update={"data_root": data_root})
    network = trained_network(folder, settings)
    tested = measure(network, test_loader(settings))
    if as_json:
        print_json(
            {"run": run, "test_accuracy": tested.accuracy, "test_samples": tested.samples, "rates": tested.rates}
        )
        return
    output.print(f"test accuracy {100 * tested.accuracy:.2f} % of {tested.samples} samples", highlight=False)
    for name, rate in tested.rates.items():
        output.print(f"  {name}: {rate:.4f} spikes per step and neuron", highlight=False)

"""spikelearn evaluate"""

from spikelearn.cli.common import AsJson, DataRoot, RunPath, opened, output, print_json
from spikelearn.measure import evaluate as measure
from spikelearn.training import test_loader, trained_network


def evaluate(
    run: RunPath,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Test the trained network of a run on its test samples."""
    folder, settings = opened(run, data_root)
    network = trained_network(folder, settings)
    tested = measure(network, test_loader(settings))
    if as_json:
        print_json(
            {"run": run, "test_accuracy": tested.accuracy, "test_samples": tested.samples, "rates": tested.rates}
        )
        return
    output.print(f"test accuracy {100 * tested.accuracy:.2f} % of {tested.samples} samples")
    for name, rate in tested.rates.items():
        output.print(f"  {name}: {rate:.4f} spikes per step and neuron")

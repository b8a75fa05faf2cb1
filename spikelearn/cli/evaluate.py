"""spikelearn evaluate"""

from spikelearn.cli.common import AsJson, DataRoot, Imports, RunPath, opened, output, print_classes, print_json
from spikelearn.measure import evaluate
from spikelearn.runs import test_loader, trained_network, trained_predictor
from spikelearn.threads import threads


def evaluate_command(
    run: RunPath,
    data_root: DataRoot = None,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Test the trained network of a run on its test samples.

    \b
    Examples:
      spikelearn evaluate runs/mlp
      spikelearn evaluate runs/mlp --json
    """
    folder, settings = opened(run, data_root)
    network = trained_network(folder, settings)
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

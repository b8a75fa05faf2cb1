"""Accuracy of an exported integer network by the bits of its weights: the C header's loop on test samples.

    python -m benchmarks.integer_bits [RUN] [--data mnist] [--net 784-100-10] [--bits 8 6 4] [--fraction 0.15]
        [--samples 2000]

Without the folder of a run, a network is trained for an epoch by bptt on spikes (T = 10, encoder rate), so that one
command answers. The integers are those of ``spikelearn export --format c-header --bits N``.
"""

import argparse
import tempfile
from pathlib import Path

import torch

from spikelearn.cli.app import run
from spikelearn.export import to_integers
from spikelearn.network import evaluating
from spikelearn.runs import open_run, trained_network
from spikelearn.runs.start import test_loader
from spikelearn.training import RunFolder


@torch.no_grad()
def accuracies(folder: RunFolder, bits: list[int], samples: int) -> dict[str, float]:
    """{"float" and each number of bits: percent of the first ``samples`` test samples told right by most spikes}."""
    settings = open_run(folder)
    network, loader = trained_network(folder, settings), test_loader(settings)
    integers = {str(number): to_integers(network, number) for number in bits}
    right, seen = dict.fromkeys(["float", *integers], 0), 0
    with evaluating(network):
        for batch in loader.epoch():
            inputs, targets = batch.inputs[:, : samples - seen], batch.targets[: samples - seen]
            outputs = {"float": network.run(inputs)[0].output.spikes}
            outputs |= {number: made.run(inputs) for number, made in integers.items()}
            for name, spikes in outputs.items():
                right[name] += int((spikes.sum(0).argmax(1) == targets).sum())
            seen += len(targets)
            if seen >= samples:
                break
    return {name: 100 * count / seen for name, count in right.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help="folder of a run; default: one that is trained here")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--net", default="784-100-10")
    parser.add_argument("--bits", type=int, nargs="+", default=[8, 6, 4])
    parser.add_argument("--fraction", default="0.15", help="of the training samples")
    parser.add_argument("--samples", type=int, default=2000, help="test samples")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(given.run) if given.run else Path(kept) / "run"
        if not given.run:
            shown = ["--data", given.data, "--net", given.net, "--encoder", "rate", "--steps", "10"]
            how = ["--epochs", "1", "--data-fraction", given.fraction, "--validation", "0", "--out", str(folder)]
            if run(["train", *shown, *how]):
                raise SystemExit(2)
        for name, accuracy in accuracies(RunFolder(folder), given.bits, given.samples).items():
            print(f"{name if name == 'float' else name + ' bits'}: {accuracy:.2f} %")


if __name__ == "__main__":
    main()

"""Digits of MNIST learned by spike timing alone: a preset is trained, tested, and its weights are drawn.

    python -m benchmarks.digits_by_stdp diehl-cook/mnist --folder RUN [--neurons 400] [--samples 60000] [--epochs 1]
        [--picture FILE] [--tested 10000] [--resume]

The run leaves metrics and a checkpoint in its folder, and is gone on with by ``--resume``. What is tested is shown in
large batches, which changes no prediction: every sample has random numbers of its own. The picture shows the weights
from the input to every neuron, as images, in the order of the classes that the neurons were assigned to.
"""

import argparse
import json
import re
import time
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from spikelearn.draw.style import save
from spikelearn.network import FittedReadout, Network, evaluating
from spikelearn.runs.presets import read_preset
from spikelearn.runs.settings import Settings
from spikelearn.runs.start import prepare, test_loader
from spikelearn.synapses import as_linear
from spikelearn.training.display import ConsoleDisplay
from spikelearn.training.fit import fit
from spikelearn.training.folder import RunFolder
from spikelearn.training.training import Training

#: Test images that are shown together.
TOGETHER = 100


def settings_of(preset: str, neurons: int, samples: int, epochs: int) -> Settings:
    """The preset with so many neurons, and so many of MNIST's 60,000 images of training.

    Thresholds fall in a time in proportion to the neurons: all together send as many spikes a presentation.
    """
    values = read_preset(preset).values
    own, options = re.search(r"=-(\d+)-10$", values["net"]), dict(values.get("output_option", {}))
    if own is None:
        raise ValueError(f"the net of {preset} is {values['net']}, expected one that ends in =-NEURONS-10")
    if "tau_theta" in options:
        options["tau_theta"] *= neurons / int(own[1])
    net = f"{values['net'][: own.start()]}=-{neurons}-10"
    values |= {"net": net, "epochs": epochs, "output_option": options}
    return Settings(**values, data_fraction=samples / 60_000)


@torch.no_grad()
def accuracy(settings: Settings, training: Training, tested: int) -> dict[str, float]:
    """Share of the first test images that are told right, and how many were shown."""
    network, loader = training.network, test_loader(settings.model_copy(update={"batch": TOGETHER}))
    loader.indices = loader.indices[:tested]
    seen = right = 0
    with evaluating(network):
        for samples in loader.epoch():
            places = torch.arange(seen, seen + len(samples.targets))
            with network.presentation(), network.drawing(places):
                scores = training.rule.scores(network, samples.inputs, training.memory)
            right += int((scores.argmax(1) == samples.targets).sum())
            seen += len(samples.targets)
    return {"accuracy": right / max(seen, 1), "shown": seen}


def weights_of(network: Network) -> Tensor:
    """[neurons, inputs] of the block that is read."""
    linear = as_linear(network.blocks[network.outputs[0]].synapse)
    assert linear is not None
    return linear.weight.detach()


def draw(network: Network, path: Path) -> None:
    """The weights of all neurons as images, ordered by the classes that they stand for."""
    readout, weights = network.readout, weights_of(network)
    assert isinstance(readout, FittedReadout)
    order = readout.head.weight.argmax(0).argsort(stable=True)
    side = int(len(weights) ** 0.5)
    while len(weights) % side:
        side -= 1
    wide = len(weights) // side
    tiles = weights[order].view(side, wide, 28, 28).transpose(1, 2).reshape(side * 28, wide * 28)
    figure = Figure(figsize=(7.0, 7.0 * side / wide), layout="tight")
    axes = figure.add_subplot()
    axes.imshow(tiles, cmap="inferno", vmin=0.0, vmax=float(weights.quantile(0.999)))
    axes.set(xticks=torch.arange(0, wide * 28 + 1, 28) - 0.5, yticks=torch.arange(0, side * 28 + 1, 28) - 0.5)
    axes.tick_params(labelbottom=False, labelleft=False, length=0)
    axes.grid(color="0.4", linewidth=0.5)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--neurons", type=int, default=100)
    parser.add_argument("--samples", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--tested", type=int, default=10_000)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--resume", action="store_true")
    given = parser.parse_args()
    settings = settings_of(given.preset, given.neurons, given.samples, given.epochs)
    training, loaders = prepare(settings, resume=given.resume)
    started, cpu = time.perf_counter(), time.process_time()
    folder, about = RunFolder(given.folder), {"settings": settings.model_dump_json(exclude={"epochs"})}
    shown = ConsoleDisplay()
    fit(
        training,
        loaders["train"],
        epochs=settings.epochs,
        folder=folder,
        resume=given.resume,
        display=shown,
        about=about,
    )
    took = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    print(json.dumps({**vars(given), **took, **accuracy(settings, training, given.tested)}, default=str), flush=True)
    if given.picture is not None:
        draw(training.network, given.picture)


if __name__ == "__main__":
    main()

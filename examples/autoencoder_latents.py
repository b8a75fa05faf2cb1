"""What an autoencoder's latents tell of classes: digits given back by networks of PAL, FA and backpropagation.

A network of rates, 784-200-32-200-784, learns to give back images of MNIST without their labels; then its weights stay,
and a linear probe (multinomial logistic regression) reads the classes from the 32 latents. The probe sees the labels of
the same images, and is tested on others. ``untrained`` is the network as it is drawn: what random features tell.
Published for PAL: latents that tell the classes apart better than those of feedback alignment (Max et al., Nature
Machine Intelligence 6, 2024).

    python examples/autoencoder_latents.py [--rules pal fa bptt untrained] [--seeds 0 1 2] [--images 5000] [--epochs 2]
"""

import argparse
from statistics import mean, stdev

import torch
from torch import Tensor

from spikelearn import Loader, Training, build, fit
from spikelearn.datasets import MNIST, stratified_subset
from spikelearn.network import Network
from spikelearn.network.readouts import LinearProbe
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity import RULES, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.tasks import Autoencode

NET, LATENT, SIZE = "784-200-32-200-784", "fc2", 32
ORDINARY = {"loss": "squared-error"}

#: {rule: (its options, learning rate of plain descent)}; of 0.05 and 0.2 (pal) or 0.01, 0.02 and 0.05 (the others)
#: those that gave back images that were held out best, on 1,000 images shown once.
ARMS = {
    "pal": ({"steps": 20, "sigma": 0.1, "alpha": 2e-3, "feedback_factor": 30.0}, 0.05),
    "fa": (ORDINARY, 0.05),
    "bptt": (ORDINARY, 0.02),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", nargs="+", choices=[*ARMS, "untrained"], default=[*ARMS, "untrained"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--lr", type=float, help="in place of the rule's own")
    parser.add_argument("--held", action="store_true", help="look at training images that are left out")
    given = parser.parse_args()
    for name in given.rules:
        rows = [one(name, seed, given.images, given.epochs, lr=given.lr, held=given.held) for seed in given.seeds]
        for label, unit, values in zip(("error", "probe"), ("", " %"), zip(*rows, strict=True), strict=True):
            spread = f" ± {stdev(values):.4g}" if len(values) > 1 else ""
            print(f"{name:10} {label} {mean(values):.5g}{spread}{unit}", flush=True)


def one(
    name: str, seed: int, images: int, epochs: int, *, lr: float | None = None, held: bool = False
) -> tuple[float, float]:
    """(mean squared error a pixel, accuracy of the probe in percent), of images that were not shown in training."""
    data = MNIST("train")
    shown = stratified_subset(data.targets, images / len(data), seed)
    others = torch.ones(len(data), dtype=torch.bool)
    others[shown] = False
    unseen = Loader(data, 1, 500, indices=others.nonzero()[:5000, 0]) if held else Loader(MNIST("test"), 1, 500)
    network = build(NET, lambda: Rate(Tanh()), output=lambda: Rate(Linear()), generator=generator_for(seed, "weights"))
    if name != "untrained":
        options, usual = ARMS[name]
        optimizer = OptimizerChoice("sgd", usual if lr is None else lr)
        training = Training.start(network, RULES.make(name, options), seed=seed, optimizer=optimizer)
        samples = Loader(data, 1, 32, indices=shown, seed=seed, shuffle=True, task=Autoencode())
        fit(training, samples, epochs=epochs)
    read, labels, _ = latents(network, Loader(data, 1, 500, indices=shown))
    probe = LinearProbe(SIZE, 10)
    probe.fit(read, labels)
    seen, wanted, error = latents(network, unseen)
    return error, 100.0 * float((probe.head(seen).argmax(1) == wanted).double().mean())


@torch.no_grad()
def latents(network: Network, loader: Loader) -> tuple[Tensor, Tensor, float]:
    """What the narrow layer sends [N, 32], the classes [N], and the mean squared error a pixel."""
    read, labels, errors = [], [], []
    for inputs, targets in loader.epoch():
        record, _ = network.run(inputs)
        read.append(record[LATENT].spikes[0])
        labels.append(targets)
        errors.append((record.output.spikes[0] - inputs[0].flatten(1)).square().mean(1))
    return torch.cat(read), torch.cat(labels), float(torch.cat(errors).mean())


if __name__ == "__main__":
    main()

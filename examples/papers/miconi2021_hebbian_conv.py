"""Hebbian convolutions: filters that win learn what they see, thresholds let all win alike, and a ridge names classes.

Miconi, "Hebbian learning with gradients: Hebbian convolutional neural networks with modern deep learning frameworks",
arXiv 2107.01729, 2021: 64.55 +- 0.4 % on CIFAR-10 after 20 epochs. Settings are those of the author's program.

    python examples/papers/miconi2021_hebbian_conv.py [epochs] [images]     # SPIKELEARN_DATA names the data's folder
"""

import sys

import torch

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import CIFAR10
from spikelearn.loading import ZCA
from spikelearn.network.initialisers import UnitNorm
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import MeanTriangle
from spikelearn.plasticity import HebbianConv
from spikelearn.seeding import generator_for
from spikelearn.sparsity import PRUNINGS
from spikelearn.training import ConsoleDisplay, IncomingLength


def main(epochs: int = 20, images: int = 50_000) -> None:
    data = CIFAR10("train")
    chosen = torch.arange(min(images, len(data.targets)))
    whitened = ZCA(9000)
    whitened.fit(data.pixels(chosen[:9000]))
    train = Loader(data, n_steps=1, batch=100, encoder=whitened, indices=chosen, shuffle=True)
    test = Loader(CIFAR10("test"), n_steps=1, batch=100, encoder=whitened)
    network = build(
        "100C5-P2-196C3-P2-400C3-P2-10",  # the last pool and the classes are the readout's
        lambda: Rate(MeanTriangle()),
        input_shape=CIFAR10.shape,
        input_norm="sample",
        readout="ridge",
        init=UnitNorm(),
        generator=generator_for(0, "weights"),
    )
    rule = HebbianConv("instar", burn_in=200)
    training = Training.start(network, rule, constraints=[IncomingLength(1.0)])
    training.pruning = PRUNINGS.make("random:sparsity=0.99")
    training.pruning.begin(network, epochs * len(train))
    fit(training, train, epochs=epochs, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

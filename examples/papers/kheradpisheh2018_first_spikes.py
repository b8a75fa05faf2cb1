"""First-spike STDP: two layers of kernels learn from the first neurons to fire, and a ridge names the digits.

Kheradpisheh, Ganjtabesh, Thorpe & Masquelier, "STDP-based spiking deep convolutional neural networks for object
recognition", Neural Networks 99, 2018: 98.4 % on MNIST by a support vector machine. Winners and radii are those of
SpykeTorch's program; batches of 16 images whose winners are found with the same weights are not the paper's.

    python examples/papers/kheradpisheh2018_first_spikes.py [epochs] [images]  # SPIKELEARN_DATA: the data's folder
"""

import sys

import torch

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import OnOffLatency
from spikelearn.network.initialisers import Normal
from spikelearn.neurons import FirstSpikeIF
from spikelearn.plasticity import FirstSpikeSTDP
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay


def main(epochs: int = 1, images: int = 30_000) -> None:
    data, encoder = MNIST("train"), OnOffLatency()
    chosen = torch.arange(min(images, len(data.targets)))
    train = Loader(data, n_steps=8, batch=16, encoder=encoder, indices=chosen, shuffle=True)
    test = Loader(MNIST("test"), n_steps=8, batch=50, encoder=encoder)
    network = build(
        "30C5-MP2-100C5(x0.5)-MP2-10",  # the last pool and the classes are the readout's
        lambda: FirstSpikeIF(10.0, window=2),
        input_shape=encoder.shape_of(MNIST.shape),
        bias=False,
        readout="ridge",
        init=Normal(0.8, 0.05, each=True),
        generator=generator_for(0, "weights"),
    )
    rule = FirstSpikeSTDP(0.008, 0.006, winners="5/8", radius="2/1", turns=300, doubling=40, largest=0.1)
    fit(Training.start(network, rule), train, epochs=epochs, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))

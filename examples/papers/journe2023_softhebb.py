"""SoftHebb: one layer of competing neurons learns MNIST without labels, and a linear readout names what it found.

Journe, Garcia Rodriguez, Guo & Moraitis, "Hebbian Deep Learning Without Feedback", ICLR 2023; the settings are those of
the authors' program for one layer, but that weights begin with length 2 and batches hold 100 images.

    python examples/papers/journe2023_softhebb.py [epochs] [neurons]  # SPIKELEARN_DATA: the data's folder
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.network import INITIALISERS
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import MeanTriangle
from spikelearn.plasticity import SoftHebb
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay


def main(epochs: int = 1, neurons: int = 2000) -> None:
    train = Loader(MNIST("train"), n_steps=1, batch=100, shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=100)
    network = build(
        f"784-{neurons}-10",
        lambda: Rate(MeanTriangle()),
        input_shape=MNIST.shape,
        bias=False,
        readout="linear-probe",
        init=INITIALISERS.make("unit-norm:length=2,positive=true"),
        generator=generator_for(0, "weights"),
    )
    fit(Training.start(network, SoftHebb(t_inv=12.0)), train, epochs=epochs, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))

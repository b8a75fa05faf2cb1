"""Phaseless alignment learning: noise aligns the weights on the way back while the network learns MNIST.

Max, Kriener, Garcia, Nowotny, Jaras, Senn & Petrovici, "Learning efficient backprojections across cortical hierarchies
in real time", Nature Machine Intelligence 6, 2024: the form of the authors' program for layers, with stronger noise and
fewer steps an image, by which the angles fall within an epoch. The model of a cortical microcircuit is not here.

    python examples/papers/max2024_pal.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity import PAL, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay


def main(epochs: int = 10) -> None:
    train = Loader(MNIST("train"), n_steps=1, batch=32, encoder=Direct(), shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=256, encoder=Direct())
    network = build(
        "784-300-100-10",
        lambda: Rate(Tanh()),
        output=lambda: Rate(Linear()),
        generator=generator_for(0, "weights"),
    )
    rule = PAL(steps=20, sigma=0.1, alpha=2e-3, feedback_factor=30.0)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.5))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

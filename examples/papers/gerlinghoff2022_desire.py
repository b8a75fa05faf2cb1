"""Desire backpropagation: ternary desires gate an STDP update, on MNIST.

Gerlinghoff, Luo, Goh & Wong, "Desire Backpropagation: A Lightweight Training Algorithm for Multi-Layer Spiking Neural
Networks based on Spike-Timing-Dependent Plasticity", arXiv 2211.05412, 2022. Published (abstract): 98.41 % with
784-1600-800-10; 150 epochs of single images, a tie counted as an error. Here, with the updates of 50 images summed:
97.38 % after 15 epochs, seed 0 (97.46 % by the first maximum).

    python examples/papers/gerlinghoff2022_desire.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import LIF, Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import RegularRate
from spikelearn.network import INITIALISERS
from spikelearn.plasticity import Desire, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay, make_schedule


def neuron() -> LIF:
    """A leak of a quarter a step, a shift and a subtraction on a chip."""
    return LIF.per_step(0.75, reset="subtract", inclusive=True)


def main(epochs: int = 15) -> None:
    train = Loader(MNIST("train"), n_steps=20, batch=50, encoder=RegularRate(), shuffle=True)
    test = Loader(MNIST("test"), n_steps=20, batch=50, encoder=RegularRate())
    network = build(
        "784-1600-800-10",
        neuron,
        input_shape=MNIST.shape,
        bias=False,
        delay=1,
        init=INITIALISERS.get("kaiming")(),
        generator=generator_for(0, "weights"),
    )
    training = Training.start(network, Desire(dropout_hidden=0.3), optimizer=OptimizerChoice("sgd", 1e-4))
    training.schedule = make_schedule("linear", training.optimizer, epochs * len(train))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    found = evaluate(network, test)
    unique = 100 * found.unique_accuracy
    print(f"test accuracy {100 * found.accuracy:.2f} %, {unique:.2f} % with ties counted as errors")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

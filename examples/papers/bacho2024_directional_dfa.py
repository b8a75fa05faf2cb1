"""Directional DFA: feedback weights that begin at zero learn the Jacobian of a rate network on MNIST.

Bacho & Chu, "Low-variance Forward Gradients using Direct Feedback Alignment and momentum", Neural Networks 169, 2024.
The settings are the defaults of the authors' program, which states no figure for them. Here: 98.12 % after 10
epochs, seed 0.

    python examples/papers/bacho2024_directional_dfa.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import math
import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import CrossEntropy, DirectionalDFA, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay, make_schedule


def main(epochs: int = 10) -> None:
    images = Direct(mean=0.5, std=0.5)
    train = Loader(MNIST("train"), n_steps=1, batch=64, encoder=images, shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=64, encoder=images)
    network = build(
        "784-800-800-10",
        Rate,  # rectified
        output=lambda: Rate(Linear()),
        batch_norm=True,
        output_norm=False,
        generator=generator_for(0, "weights"),
    )
    training = Training.start(network, DirectionalDFA(CrossEntropy()), optimizer=OptimizerChoice("adam", 1e-4))
    falling = f"exponential:rate={-math.log(0.95)}"  # of the weights; the feedback weights keep their rate of 1e-4
    training.schedule = make_schedule(falling, training.optimizer, epochs * len(train), epochs)
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

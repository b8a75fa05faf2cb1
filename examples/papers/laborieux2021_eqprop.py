"""Equilibrium propagation with symmetric nudging, 512 hidden units on MNIST.

Laborieux, Ernoult, Scellier, Bengio, Grollier & Querlioz, "Scaling equilibrium propagation to deep ConvNets by
drastically reducing its gradient estimator bias", Frontiers in Neuroscience 15, 2021. Constants are those of the
authors' program, which states no figure for this network.

    python examples/papers/laborieux2021_eqprop.py [epochs]  # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Logistic
from spikelearn.plasticity import EqProp, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay
from spikelearn.training.predicting import predictor


def main(epochs: int = 10) -> None:
    train = Loader(MNIST("train"), n_steps=1, batch=50, shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=50)
    network = build("784-512-10", lambda: Rate(Logistic(4.0, 0.5)), generator=generator_for(0, "weights"))
    rule = EqProp(beta=0.1, free_steps=30, nudged_steps=10, nudging="symmetric")
    training = Training.start(network, rule, optimizer=OptimizerChoice("adam", 5e-4))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    settled = evaluate(network, test, predict=predictor(rule, network, training.memory))
    print(f"test accuracy {100 * settled.accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

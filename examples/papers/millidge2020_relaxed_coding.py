"""Relaxed predictive coding: backward weights that learn, and no slopes on the way back, on MNIST.

Millidge, Tschantz, Seth & Buckley, "Relaxing the constraints on predictive coding models", arXiv 2010.01047, 2020:
weight transport, the slopes on the way back and the one-to-one wiring of errors can each be left out. Here: the
authors' network of three rectified layers; predictions stay those of the first pass, with fewer and longer steps.

    python examples/papers/millidge2020_relaxed_coding.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import OptimizerChoice, PCRelaxed
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay
from spikelearn.training.predicting import predictor


def main(epochs: int = 30) -> None:
    train = Loader(MNIST("train"), n_steps=1, batch=64, encoder=Direct(), shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=256, encoder=Direct())
    network = build("784-300-100-100-10", Rate, output=lambda: Rate(Linear()), generator=generator_for(0, "weights"))
    rule = PCRelaxed(feedback="kolen-pollack", slopes=False, steps=50, rate=0.1)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.032))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    accuracy = evaluate(network, test, predict=predictor(rule, network, training.memory)).accuracy
    print(f"test accuracy {100 * accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

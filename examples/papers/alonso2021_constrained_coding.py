"""Predictive coding under biological constraints: positive rates and error synapses that learn, on MNIST.

Alonso & Neftci, "Tightening the biological constraints on gradient-based predictive coding", ICONS 2021: rates are
positive, synapses lead one way, and accuracy stays close to that of predictive coding and backpropagation. Here: the
authors' network of two sigmoid layers, with error synapses that learn by the rule of Kolen and Pollack.

    python examples/papers/alonso2021_constrained_coding.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Logistic
from spikelearn.plasticity import OptimizerChoice, PCConstrained
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay
from spikelearn.training.predicting import predictor


def main(epochs: int = 30) -> None:
    train = Loader(MNIST("train"), n_steps=1, batch=64, encoder=Direct(), shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=256, encoder=Direct())
    network = build("784-300-300-10", lambda: Rate(Logistic()), bias=False, generator=generator_for(0, "weights"))
    rule = PCConstrained(feedback="kolen-pollack", positive=True, steps=20, rate_up=0.1, rate_down=0.1)
    optimizer = OptimizerChoice("adamw", 1e-3, {"weight_decay": 0.01})
    training = Training.start(network, rule, optimizer=optimizer)
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    accuracy = evaluate(network, test, predict=predictor(rule, network, training.memory)).accuracy
    print(f"test accuracy {100 * accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

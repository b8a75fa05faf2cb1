"""DRTP: a convolutional network of rates learns MNIST from its targets, without an error for its hidden layers.

Frenkel, Lefebvre & Bol, "Learning Without Feedback: Fixed Random Learning Signals Allow for Feedforward Training of
Deep Neural Networks", Frontiers in Neuroscience 15, 2021. The settings are the defaults of the authors' program, which
states no figure for them. Here, after 10 epochs, seed 0: DRTP 95.79 %, DFA 95.88 %.

    python examples/papers/frenkel2021_drtp.py [epochs] [rule]  # rule: drtp or dfa; SPIKELEARN_DATA: the data's folder
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity import DFA, DRTP, BinaryCrossEntropy, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay

BATCH, CLASSES = 100, 10


def main(epochs: int = 10, rule: str = "drtp") -> None:
    train = Loader(MNIST("train"), n_steps=1, batch=BATCH, encoder=Direct(), shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=BATCH, encoder=Direct())
    network = build(
        "32C5p2-MP2-1000-10",
        lambda: Rate(Tanh()),
        output=lambda: Rate(Linear()),  # the loss puts a sigmoid behind it
        input_shape=MNIST.shape,
        generator=generator_for(0, "weights"),
    )
    # The program sums the hidden layers' signal over the batch, DFA's over the outputs too.
    loss = BinaryCrossEntropy()
    chosen = DRTP(loss, scale=BATCH) if rule == "drtp" else DFA(loss, scale=BATCH * CLASSES)
    nesterov = OptimizerChoice("sgd", 1e-4, {"momentum": 0.9, "nesterov": True})
    training = Training.start(network, chosen, optimizer=nesterov)
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])

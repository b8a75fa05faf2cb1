"""Predictive coding with fixed and with strict predictions: a small convolutional network on MNIST.

Rosenbaum, "On the relationship between predictive coding and backpropagation", PLoS ONE 17, 2022. Network and settings
are those of the simple example of the author's program Torch2PC, which states no accuracy. With ``fixed-pred`` and as
many iterations as there are blocks the gradient is that of backpropagation (``exact``), to rounding.

    python examples/papers/rosenbaum2022_predictive_coding.py [epochs [strict | fixed-pred | z-il | exact]]

``SPIKELEARN_DATA`` names the folder of the data.
"""

import sys

from torch import nn

from spikelearn import Loader, Training, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import CrossEntropy, OptimizerChoice, PredictiveCoding
from spikelearn.seeding import seed_everything
from spikelearn.training import ConsoleDisplay

BATCH = 300


def main(epochs: int = 2, form: str = "strict") -> None:
    seed_everything(0)
    train = Loader(MNIST("train"), n_steps=1, batch=BATCH, encoder=Direct(), shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=BATCH, encoder=Direct())
    synapses = {
        # Rectified after pooling as before it: the program's order, in which values are pooled, is the same function.
        "conv1": nn.Sequential(nn.Conv2d(1, 10, 3), nn.MaxPool2d(2)),
        "conv2": nn.Conv2d(10, 5, 3),
        "fc1": nn.Sequential(nn.Flatten(), nn.Linear(5 * 11 * 11, 50)),
        "fc2": nn.Linear(50, 30),
    }
    blocks = {name: Block(synapse, Rate()) for name, synapse in synapses.items()}
    network = Network({**blocks, "out": Block(nn.Linear(30, 10), Rate(Linear()))}, input_shape=(1, 28, 28))
    # The program descends the mean of the batch, so that the loss of a sample counts one in so many. The other forms do
    # not depend on it.
    strict = {"eta": 0.1, "iterations": 20, "presynaptic": "moved", "nudging": 1.0 / BATCH}
    rule = PredictiveCoding(CrossEntropy(), form, **(strict if form == "strict" else {}))
    training = Training.start(network, rule, optimizer=OptimizerChoice("adam", 2e-3))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*(kind(word) for kind, word in zip((int, str), sys.argv[1:], strict=False)))

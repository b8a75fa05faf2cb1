"""PEPITA: a rate network learns MNIST from two presentations, the second with its own error added to the image.

Dellaferrera & Kreiman, "Error-driven Input Modulation: Solving the Credit Assignment Problem without a Backward Pass",
ICML 2022. The settings are those of the authors' programs, which state no figure for MNIST. Here, by the preset
pepita/mnist: 97.56 % after 15 epochs, seed 0.

    python examples/papers/dellaferrera2022_pepita.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.network.initialisers import Kaiming
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import OptimizerChoice, Pepita
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay, make_schedule


def main(epochs: int = 15) -> None:
    train = Loader(MNIST("train"), n_steps=1, batch=64, encoder=Direct(), shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=64, encoder=Direct())
    network = build(
        "784-1024-10",
        Rate,  # rectified
        output=lambda: Rate(Linear()),  # the rule puts a softmax behind it
        bias=False,
        init=Kaiming("uniform"),
        generator=generator_for(0, "weights"),
    )
    rule = Pepita(modulation="input", scale=0.05, gain=1.0, dropout=0.1)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.1, {"momentum": 0.9}))
    falling = "step:first=0.6"  # a tenth after 60 and again after 90 % of the batches
    training.schedule = make_schedule(falling, training.optimizer, epochs * len(train), epochs)
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""Predictive coding beyond Gaussians: hidden layers of Bernoulli units and a categorical output, on MNIST.

Pinchetti, Salvatori, Yordanov, Millidge, Song & Lukasiewicz, "Predictive coding beyond Gaussian distributions", NeurIPS
2022: with layers of other distributions than Gaussians predictive coding performs like backpropagation. Here: a
classifier by the rule ``pc-kl``; an autoencoder and a transformer stand in files of their own.

    python examples/papers/pinchetti2022_pc_kl.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Logistic
from spikelearn.plasticity import PCKL, CrossEntropy, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay, make_schedule


def main(epochs: int = 10) -> None:
    train = Loader(MNIST("train"), n_steps=1, batch=128, encoder=Direct(), shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=128, encoder=Direct())
    network = build(
        "784-128-128-10",
        lambda: Rate(Logistic()),
        output=lambda: Rate(Linear()),
        generator=generator_for(0, "weights"),
    )
    rule = PCKL(CrossEntropy(), "bernoulli", iterations=32, eta=2.0)
    training = Training.start(network, rule, optimizer=OptimizerChoice("adam", 1e-3))
    training.schedule = make_schedule("cosine", training.optimizer, epochs * len(train), epochs)
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""Activation learning: image and label enter together, and an image is of the class whose label activates most.

Zhou, "Activation Learning by Local Competitions", arXiv 2209.13400, 2022: 1.36 % test error after 60,000 steps of 100
samples with feedback. Ends in images that the network makes of each label.

    python examples/papers/zhou2022_activation_learning.py [epochs] [images]     # SPIKELEARN_DATA: the data's folder
"""

import sys

import torch
from matplotlib.figure import Figure

from spikelearn import Loader, Training, evaluate, fit, network_for
from spikelearn.datasets import MNIST
from spikelearn.draw.style import save
from spikelearn.plasticity import ActivationLearning, OptimizerChoice
from spikelearn.plasticity.hebbian.imagining import generate
from spikelearn.training import ConsoleDisplay
from spikelearn.training.predicting import predictor


def main(epochs: int = 10, images: int = 60_000) -> None:
    data = MNIST("train")
    chosen = torch.arange(min(images, len(data.targets)))
    train = Loader(data, n_steps=1, batch=100, indices=chosen, shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=100)
    rule = ActivationLearning(copies=28, feedback=True)
    network = network_for(rule, "784-1064-1064-10", MNIST.shape)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.1))
    fit(training, train, epochs=epochs, display=ConsoleDisplay())
    predict = predictor(rule, network, training.memory)
    print(f"test accuracy {100 * evaluate(network, test, predict=predict).accuracy:.2f} %")
    made = generate(rule, network, training.memory, torch.arange(10), generator=torch.Generator().manual_seed(0))
    save(_drawn(made), "imagined.png")


def _drawn(images: torch.Tensor) -> Figure:
    figure = Figure(figsize=(10, 1.2))
    for number, image in enumerate(images):
        axes = figure.add_subplot(1, 10, number + 1)
        axes.imshow(image[0], cmap="gray")
        axes.set_axis_off()
    return figure


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

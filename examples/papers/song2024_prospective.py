"""Prospective configuration, incremental predictive coding and backpropagation on a tenth of Fashion-MNIST.

Song, Millidge, Salvatori, Lukasiewicz, Xu & Bogacz, "Inferring neural activity before plasticity as a foundation for
learning beyond backpropagation", Nature Neuroscience 27, 2024. The network, inference and learning rate are those of
the authors' program for its study of batch sizes, in which prospective configuration ends at lower test errors than
backpropagation where batches are small. Weights are drawn as torch draws them, not by Xavier's rule.

    python examples/papers/song2024_prospective.py [epochs [pc-prospective | pc-incremental | bptt [batch]]]

``SPIKELEARN_DATA`` names the folder of the data.
"""

import sys

import torch

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import FashionMNIST
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Logistic
from spikelearn.plasticity import RULES, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay


def main(epochs: int = 64, name: str = "pc-prospective", batch: int = 64) -> None:
    data = FashionMNIST("train")
    first = torch.arange(min(6000, len(data.targets)))
    train = Loader(data, n_steps=1, batch=batch, indices=first, encoder=Direct(), shuffle=True)
    test = Loader(FashionMNIST("test"), n_steps=1, batch=batch, encoder=Direct())
    network = build(
        "784-32-32-10",
        lambda: Rate(Logistic()),
        output=lambda: Rate(Linear()),
        bias=False,
        generator=generator_for(0, "weights"),
    )
    options = {
        "pc-prospective": {"iterations": 64, "eta": 0.1, "discount": 0.5},
        "pc-incremental": {"iterations": 16, "eta": 0.5, "discount": 0.5},
        "bptt": {},
    }[name]
    rule = RULES.make(name, {"loss": "squared-error", **options})
    # The program's learning rate is for the sum of the batch; for iPC it takes Adam.
    sgd = OptimizerChoice("sgd", 0.0025 * batch)
    optimizer = OptimizerChoice("adam", 1e-3) if name == "pc-incremental" else sgd
    training = Training.start(network, rule, optimizer=optimizer)
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*(kind(word) for kind, word in zip((int, str, int), sys.argv[1:], strict=False)))

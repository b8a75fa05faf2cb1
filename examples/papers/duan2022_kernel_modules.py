"""Kernel layer-wise learning on MNIST: two hidden blocks by pairs of samples alone, then an output by ten labels.

Duan, Yu & Principe, "Modularizing deep learning via pairwise learning with kernels", IEEE TNNLS 2022. Hidden blocks
learn one after the other whether two samples are of one class; then they stay as they are, and the output learns from
``labelled`` samples of every class. The authors' table has 99.32 % on MNIST (convolutional, all labels), their abstract
94.88 % on CIFAR-10 with ten labelled samples.

    python examples/papers/duan2022_kernel_modules.py [epochs [labelled]]  # SPIKELEARN_DATA: folder of the data
"""

import sys

import torch

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import Batch, CrossEntropy, KernelProxy, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay, learn

STEP = OptimizerChoice("sgd", 0.1, {"momentum": 0.9, "weight_decay": 5e-4})


def labelled_samples(loader: Loader, count: int) -> Batch:
    """The first ``count`` samples of every class."""
    targets = loader.dataset.targets
    chosen = [(targets == label).nonzero()[:count, 0] for label in range(10)]
    return Batch.of(loader.load(torch.cat(chosen)))


def main(epochs: int = 5, labelled: int = 1) -> None:
    train = Loader(MNIST("train"), n_steps=1, batch=128, encoder=Direct(), shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=512, encoder=Direct())
    network = build(
        "784-500-500-10",
        Rate,
        output=lambda: Rate(Linear()),
        input_norm="length",
        generator=generator_for(0, "weights"),
    )
    output = network.blocks["fc3"].requires_grad_(False)
    rule = KernelProxy(CrossEntropy(), module_batches=epochs * len(train))
    fit(Training.start(network, rule, optimizer=STEP), train, epochs=2 * epochs, display=ConsoleDisplay())
    for hidden in ("fc1", "fc2"):
        network.blocks[hidden].requires_grad_(False)
    output.requires_grad_(True)
    few = labelled_samples(train, labelled)
    training = Training.start(network, KernelProxy(CrossEntropy()), optimizer=STEP)
    for _ in range(60):
        learn(training, few)
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} % with {few.size} labelled samples")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

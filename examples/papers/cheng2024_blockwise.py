"""Blockwise backpropagation: a residual network of rates in four parts learns CIFAR-10, each part by a loss of its own.

Cheng et al., ICASSP 2024. Optimizer, batches and the number of heads are those of the authors' program; the network has
one residual unit a part, with 8 to 64 channels, in place of ResNet-50 (error 4.85 % after 400 epochs). That program
stops no error between the parts, which the paper says it does; ``stop`` chooses. No figure is published for such a
network.

    python examples/papers/cheng2024_blockwise.py [epochs] [stop]  # stop: 1 or 0; SPIKELEARN_DATA: the data's folder
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import CIFAR10
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, ReLU
from spikelearn.plasticity import BWBPF, CrossEntropy, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay, make_schedule

#: A part each: a convolution, and behind it two more, to which what the first sends is added as it is.
PARTS = (
    "8C3p-8C3p-8C3p(=conv1)",
    "MP2-16C3p-16C3p-16C3p(=conv4)",
    "MP2-32C3p-32C3p-32C3p(=conv7)",
    "MP2-64C3p-64C3p-64C3p(=conv10)",
)


def main(epochs: int = 10, stop: int = 1) -> None:
    train = Loader(CIFAR10("train"), n_steps=1, batch=128, encoder=Direct(), shuffle=True)
    test = Loader(CIFAR10("test"), n_steps=1, batch=128, encoder=Direct())
    network = build(
        "-".join([*PARTS, "P4", "10"]),
        lambda: Rate(ReLU()),
        output=lambda: Rate(Linear()),
        input_shape=CIFAR10.shape,
        batch_norm=True,
        output_norm=False,
        generator=generator_for(0, "weights"),
    )
    rule = BWBPF(CrossEntropy(), heads="conv3+conv6+conv9", detach=bool(stop))
    sgd = OptimizerChoice("sgd", 0.1, {"momentum": 0.9, "weight_decay": 5e-4})
    training = Training.start(network, rule, optimizer=sgd)
    training.schedule = make_schedule("cosine", training.optimizer, epochs * len(train))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

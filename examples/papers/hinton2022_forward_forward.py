"""Forward-forward: a rate network on MNIST that learns from two runs, one with a true label and one with a wrong one.

Hinton, "The Forward-Forward Algorithm: Some Preliminary Investigations", arXiv 2212.13345, 2022: 98.64 % with four
layers of 2,000 units after 60 epochs. Here: two layers of 500, as in snnTorch's tutorial of the method; 94.35 %
after 8 epochs, seed 0.

    python examples/papers/hinton2022_forward_forward.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import CrossEntropy, ForwardForward, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay, make_schedule
from spikelearn.training.predicting import predictor


def main(epochs: int = 10) -> None:
    train = Loader(MNIST("train"), n_steps=1, batch=128, encoder=Direct(), shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=128, encoder=Direct())
    network = build(
        "784-500-500-10",
        Rate,  # rectified
        output=lambda: Rate(Linear()),
        input_norm="mean-square",
        generator=generator_for(0, "weights"),
    )
    rule = ForwardForward(CrossEntropy(), threshold=2.0, gain=1.0)
    training = Training.start(network, rule, optimizer=OptimizerChoice("adam", 3e-3))
    training.schedule = make_schedule("cosine", training.optimizer, epochs * len(train), epochs)
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    one_run = evaluate(network, test).accuracy
    by_goodness = evaluate(network, test, predict=predictor(rule, network, training.memory)).accuracy
    print(f"test accuracy {100 * by_goodness:.2f} % by goodness, {100 * one_run:.2f} % by the readout of one run")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

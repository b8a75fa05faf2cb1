"""EventProp: exact gradients of the times of first spikes, on MNIST.

Wunderlich & Pehle, "Event-based backpropagation can compute exact gradients for spiking neural networks", Scientific
Reports 11, 2021. The constants of neurons and loss are those of the authors' program for times of first spikes; the
figure published for MNIST is of a loss on potentials. Nothing is stepped: pixels are spikes at their own times.

    python examples/papers/wunderlich2021_eventprop.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Latency
from spikelearn.network.initialisers import Normal
from spikelearn.neurons import CubaLIF
from spikelearn.plasticity import EventProp, OptimizerChoice, TimeToFirstSpike
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay
from spikelearn.training.predicting import predictor


def main(epochs: int = 10) -> None:
    train = Loader(MNIST("train"), n_steps=20, batch=200, encoder=Latency(exact=True), shuffle=True)
    test = Loader(MNIST("test"), n_steps=20, batch=200, encoder=Latency(exact=True))
    network = build(
        "784-350-10",
        lambda: CubaLIF(20e-3, 5e-3, r=5.5),
        readout="first-spike",
        bias=False,
        init=Normal(mean=40.0, std=5.0),
        generator=generator_for(0, "weights"),
    )
    rule = EventProp(TimeToFirstSpike(tau_0=2e-3, tau_1=10e-3, alpha=0.01), wake=5.0)
    training = Training.start(network, rule, optimizer=OptimizerChoice("adam", 3e-3))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    accuracy = evaluate(network, test, predict=predictor(rule, network, training.memory)).accuracy
    print(f"test accuracy {100 * accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""EMSTDP: backpropagation approximated wholly with spikes, on MNIST.

Shrestha, Fang, Wu & Qiu, ICONS 2019. No figure for this network is published that we know of; on Loihi, with a
pre-trained convolutional front end, 94.7 % (Shrestha et al., DAC 2021). Here: 784-500-10, regular input spikes, the
plain update, 95.41 % after 12 epochs, seed 0; 86 % with the hidden layer as it was drawn.

    python examples/papers/shrestha2019_emstdp.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import IF, Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import RegularRate
from spikelearn.network import INITIALISERS
from spikelearn.plasticity import EMSTDP
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay, make_schedule


def main(epochs: int = 12) -> None:
    train = Loader(MNIST("train"), n_steps=63, batch=50, encoder=RegularRate(), shuffle=True)  # two phases of 31 steps
    test = Loader(MNIST("test"), n_steps=63, batch=50, encoder=RegularRate())
    for what, frozen in (("EMSTDP", False), ("hidden layer frozen", True)):
        network = build(
            "784-500-10",
            lambda: IF(inclusive=True),
            input_shape=MNIST.shape,
            bias=False,
            delay=1,
            init=INITIALISERS.get("emstdp")(hidden=0.4, output=0.3),  # type: ignore[call-arg]
            generator=generator_for(0, "weights"),
        )
        network.blocks["fc1"].requires_grad_(not frozen)
        training = Training.start(network, EMSTDP(epsilon=1.0, hidden_ratio=2.0))
        training.schedule = make_schedule("linear", training.optimizer, epochs * len(train))
        fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
        print(f"{what}: test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

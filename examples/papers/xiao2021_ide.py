"""IDE: a feedback network learns Fashion-MNIST at its equilibrium, without backpropagation through time.

Xiao, Meng, Zhang, Wang & Lin, "Training Feedback Spiking Neural Networks by Implicit Differentiation on the Equilibrium
State", NeurIPS 2021. Published (README of the authors' program): 400 (F400), LIF, 5 steps: 90.07 +- 0.10 %, best
90.25 %, after 100 epochs. Here: 89.34 % after 15 epochs with a cosine schedule, seed 0.

    python examples/papers/xiao2021_ide.py [epochs]     # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import LIF, Loader, Training, build, evaluate, fit
from spikelearn.datasets import FashionMNIST
from spikelearn.loading import Direct
from spikelearn.network import INITIALISERS
from spikelearn.plasticity import IDE
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay, make_schedule


def neuron() -> LIF:
    """Leaks 5 % a step, fires at 2, loses 2 when it fires: its rate follows from its current."""
    return LIF.per_step(0.95, v_threshold=2.0, reset="subtract", inclusive=True)


def main(epochs: int = 15) -> None:
    images = Direct(mean=0.1307, std=0.3081)  # MNIST's constants, as in the authors' program
    train = Loader(FashionMNIST("train"), n_steps=5, batch=128, encoder=images, shuffle=True)
    test = Loader(FashionMNIST("test"), n_steps=5, batch=128, encoder=images)
    network = build(
        "784-400(F400)-10",
        neuron,
        input_shape=FashionMNIST.shape,
        readout="linear",
        batch_norm=True,
        spectral_feedback=True,
        init=INITIALISERS.get("unit-norm")(),
        generator=generator_for(0, "weights"),
    )
    training = Training.start(network, IDE())
    training.schedule = make_schedule("cosine", training.optimizer, epochs * len(train))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

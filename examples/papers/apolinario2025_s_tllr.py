"""S-TLLR: traces of both sides of a synapse learn N-MNIST, from the last five of ten steps.

Apolinario & Roy, "S-TLLR: STDP-inspired Temporal Local Learning Rule for Spiking Neural Networks", Transactions on
Machine Learning Research, 2025. Neurons, traces, steps and weight standardisation are those of the paper's recipe for
DVS CIFAR10 (75.14 % with a VGG of eight convolutions); recordings and network are smaller ones. Here, with 1,000
recordings of N-MNIST and 100 for the test, after 10 epochs, seed 0: 91.00 % (bptt 95.00 %).

    python examples/papers/apolinario2025_s_tllr.py [epochs] [rule]  # rule: s-tllr or bptt; SPIKELEARN_DATA: the folder
"""

import sys

from spikelearn import BPTT, Loader, Training, build, evaluate, fit
from spikelearn.datasets import NMNIST
from spikelearn.network import INITIALISERS
from spikelearn.neurons import LIF, LeakyIntegrator, Sigmoid, Surrogate
from spikelearn.plasticity import STLLR, CrossEntropyMembrane, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay


def main(epochs: int = 10, rule: str = "s-tllr") -> None:
    train = Loader(NMNIST("train"), n_steps=10, batch=48, shuffle=True)
    test = Loader(NMNIST("test"), n_steps=10, batch=48)
    network = build(
        "2x34x34-12C5p1-P2-64C5-P2-10",
        lambda: LIF.per_step(0.5, v_threshold=0.6, reset="subtract"),
        output=lambda: LeakyIntegrator.per_step(0.0),  # a linear layer, read at every step
        weight_standardisation=True,
        init=INITIALISERS.get("kaiming")(),
        generator=generator_for(0, "weights"),
    )
    loss, psi = CrossEntropyMembrane(), Surrogate(Sigmoid(4.0))
    traces = {"decay": 0.5, "decay_post": 0.2, "alpha_pre": 1.0, "alpha_post": -1.0}
    chosen = BPTT(loss, psi) if rule == "bptt" else STLLR(loss, psi, **traces, last_steps=5)
    training = Training.start(network, chosen, optimizer=OptimizerChoice("adam", 1e-3))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])

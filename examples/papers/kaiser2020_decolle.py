"""DECOLLE: every layer learns from a readout of its own, at every millisecond of recordings of an event camera.

Kaiser, Mostafa & Neftci, "Synaptic Plasticity Dynamics for Deep Continuous Local Learning (DECOLLE)", Frontiers in
Neuroscience 14, 2020. Neurons, readouts, loss, optimizer and burn-in are those of the authors' program on N-MNIST; the
layers are dense, three of 300 neurons, in place of its three convolutions. No figure is published for such a network.

    python examples/papers/kaiser2020_decolle.py [epochs] [steps]  # SPIKELEARN_DATA: the data's folder
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import NMNIST
from spikelearn.network import MembraneReadout
from spikelearn.neurons import LeakyIntegrator, SpikeResponse
from spikelearn.plasticity import DECOLLE
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay


def neuron() -> SpikeResponse:
    """Membrane, synapse and refractory potential, decays per millisecond."""
    return SpikeResponse.per_step(0.97, 0.92, 0.65)


def main(epochs: int = 10, steps: int = 300) -> None:
    train, test = (
        Loader(NMNIST(split, bin_width=1e-3), n_steps=steps, batch=72, shuffle=split == "train")
        for split in ("train", "test")
    )
    network = build(
        "2312-300-300-300-10",
        neuron,
        input_shape=NMNIST.shape,
        output=lambda: LeakyIntegrator.per_step(0.0),
        readout=MembraneReadout(),
        delay=1,
        generator=generator_for(0, "weights"),
    )
    # Adamax at 1e-3, which the rule declares, after every step: what the output's weights are drawn as they stay.
    training = Training.start(network, DECOLLE(scale=0.5, dropout=0.5, burn_in=steps // 5, fixed_output=True))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""Inhibition that learns balances a recurrent network: excitatory neurons come to one rate from any.

Excitatory and inhibitory neurons with sparse connections, delays and signs (Dale's law) are driven by Poisson trains.
The weights from inhibitory to excitatory neurons learn by the rule ``vogels`` and nothing else does. Neurons that fire
too often gather inhibition, the others lose it, until they fire at the target rate, in volleys that inhibition ends.

    python examples/balanced_network.py [picture.png]

Vogels, Sprekeler, Zenke, Clopath & Gerstner, Science 334, 2011, with 200 neurons whose inputs are currents.
"""

import sys

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from spikelearn.draw.style import COLOURS, clean, save
from spikelearn.network import Network, build
from spikelearn.neurons import LIF
from spikelearn.plasticity import Batch, Vogels
from spikelearn.training import Training, learn

#: Spikes per second of the inputs and of excitatory neurons in the end; steps of 1 ms of a presentation; samples.
INPUT_RATE, TARGET_RATE, STEPS, SAMPLES = 40.0, 10.0, 200, 8

DT = 1e-3


def main(path: str = "balanced_network.png") -> None:
    network = balanced()
    before, _ = network.run(poisson(network, 400, 1, seed=1))
    excitatory, inhibitory = settle(network, presentations=12)
    after, _ = network.run(poisson(network, 400, 1, seed=1))
    save(figure(excitatory, inhibitory, before["fc1"].spikes, after["fc1"].spikes), path)
    first = before["fc1"].spikes.mean().item() / DT
    print(f"excitatory neurons: {first:.1f} Hz at first, {np.mean(excitatory[-4:]):.1f} Hz in the end: {path}")


def balanced(scale: int = 2, seed: int = 0) -> Network:
    """80 excitatory and 20 inhibitory neurons times ``scale``, and half as many inputs; one edge learns."""
    inputs, excitatory, inhibitory = 50 * scale, 80 * scale, 20 * scale
    network = build(
        f"{inputs}-{excitatory}(exc)(k20)(>fc1 x k16 d1..4)-"
        f"{inhibitory}(inh)(k16 d1..4)(>fc1 k{10 * scale} d1..2)(>fc2 x k8 d1..2)",
        lambda: LIF.per_step(np.exp(-DT / 20e-3), dt=DT),
        bias=False,
        generator=torch.Generator().manual_seed(seed),
    )
    learned = "fc2_to_fc1"
    weights = {"fc1": 0.08, "fc2": 0.2, "fc1_to_fc1": 0.03, "fc2_to_fc2": -0.1, learned: -0.02}
    with torch.no_grad():
        for name, edge in {**network.blocks, **network.feedback}.items():
            edge.synapse.weight.fill_(weights[name])
            edge.requires_grad_(name == learned)
    # Inputs excite as well.
    return network.with_signs({"inputs": "excitatory"})


def poisson(network: Network, steps: int, samples: int, seed: int) -> Tensor:
    """Trains of the inputs, [steps, samples, n]."""
    size = network.blocks["fc1"].synapse.in_features
    drawn = torch.rand(steps, samples, size, generator=torch.Generator().manual_seed(seed))
    return (drawn < INPUT_RATE * DT).float()


def settle(network: Network, presentations: int, learning_rate: float = 0.1) -> tuple[list[float], list[float]]:
    """Rates of excitatory and inhibitory neurons in every presentation, spikes per second."""
    rule = Vogels(learning_rate, TARGET_RATE, low=-2.0, dt=DT)
    training = Training.start(network, rule)
    rates: tuple[list[float], list[float]] = [], []
    for number in range(presentations):
        inputs = poisson(network, STEPS, SAMPLES, seed=number)
        update = learn(training, Batch(inputs, torch.zeros(SAMPLES, dtype=torch.int64)))
        for kept, block in zip(rates, ("fc1", "fc2"), strict=True):
            kept.append(update.rates[block] / DT)
    return rates


def figure(excitatory: list[float], inhibitory: list[float], before: Tensor, after: Tensor) -> Figure:
    """Rates over the presentations, and rasters of some excitatory neurons before and behind them."""
    drawn = Figure(figsize=(11, 4), layout="constrained")
    rates, *rasters = drawn.subplots(1, 3, width_ratios=(1.2, 1, 1))
    seconds = np.arange(1, len(excitatory) + 1) * STEPS * DT
    rates.plot(seconds, excitatory, color=COLOURS[0], label="excitatory")
    rates.plot(seconds, inhibitory, color=COLOURS[1], label="inhibitory")
    rates.axhline(TARGET_RATE, color="black", linewidth=0.8, linestyle="--", label="target of the excitatory")
    rates.set(xlabel="time of learning (s)", ylabel="mean rate (Hz)", ylim=(0, None))
    rates.legend(frameon=False, fontsize=8)
    for axes, spikes, title in zip(rasters, (before, after), ("before", "after"), strict=True):
        steps, neurons = spikes[:, 0, :80].nonzero(as_tuple=True)
        axes.scatter(1e3 * DT * steps, neurons, s=1.5, color=COLOURS[0], linewidths=0)
        axes.set(xlabel="time (ms)", ylabel="excitatory neuron", title=title, xlim=(0, len(spikes)), ylim=(-1, 80))
    for axes in (rates, *rasters):
        clean(axes)
    return drawn


if __name__ == "__main__":
    main(*sys.argv[1:])

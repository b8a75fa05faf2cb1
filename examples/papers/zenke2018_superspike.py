"""SuperSpike: one neuron learns to fire at five times, from Poisson spikes of a hundred inputs.

The toy task of Zenke & Ganguli, Neural Computation 30, 2018: half a second that is shown again and again, inputs of
10 Hz, tau_mem = 10 ms, tau_syn = 5 ms; steps of 1 ms in place of 0.1 ms. The van Rossum distance comes down to nearly
nothing; no figure is published for such a run.

    python examples/papers/zenke2018_superspike.py [presentations] [seed]
"""

import sys

import torch

from spikelearn import Training, build
from spikelearn.network import RateReadout, StepReadout
from spikelearn.neurons import CubaLIF
from spikelearn.plasticity import Batch, OptimizerChoice, SpikeTrains, SuperSpike
from spikelearn.seeding import generator_for
from spikelearn.tasks import TASKS
from spikelearn.training import learn

STEPS, INPUTS, RATE, WANTED = 500, 100, 0.01, (80, 160, 240, 320, 400)


def main(presentations: int = 400, seed: int = 0) -> None:
    inputs = (torch.rand(STEPS, 1, INPUTS, generator=generator_for(seed, "inputs")) < RATE).float()
    desired = torch.zeros(STEPS, 1, 1)
    desired[list(WANTED)] = 1.0
    batch = Batch(inputs, desired, task=TASKS.make("per-step:values=true"))
    network = build(
        f"{INPUTS}-1",
        lambda: CubaLIF(tau_mem=10e-3, tau_syn=5e-3),
        bias=False,
        readout=StepReadout(RateReadout()),
        generator=generator_for(seed, "weights"),
    )
    with torch.no_grad():  # weights under which the neuron is near its threshold, now and then
        weight = next(network.parameters())
        weight.copy_(6.0 * torch.rand(weight.shape, generator=generator_for(seed, "start")))
    loss = SpikeTrains(rise=0.8, decay=0.9)
    training = Training.start(network, SuperSpike(loss), optimizer=OptimizerChoice("rmaxprop", 0.1))
    for number in range(presentations):
        update = learn(training, batch)
        if number % 50 == 0 or number == presentations - 1:
            (activity,) = network.run(inputs)[0].values()
            times = activity.spikes.flatten().nonzero().flatten().tolist()
            told = f"spikes at {times} ms" if len(times) <= 20 else f"{len(times)} spikes"
            print(f"presentation {number + 1}: van Rossum distance {float(update.loss):.4f}, {told}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

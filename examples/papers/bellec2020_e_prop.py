"""E-prop: a recurrent network of 100 LIF neurons learns to draw a sum of sines, one second long, from fixed noise.

Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein & Maass, "A solution to the learning dilemma for recurrent networks
of spiking neurons", Nature Communications 11, 2020: pattern generation, with the constants of the authors' program.

    python examples/papers/bellec2020_e_prop.py [iterations] [rule]  # rule: e-prop or bptt
"""

import sys

import torch

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import ArrayDataset
from spikelearn.network import MembraneReadout, StepReadout
from spikelearn.neurons import LeakyIntegrator, RefractoryALIF, Surrogate, Triangle
from spikelearn.plasticity import BPTT, EProp, MSESteps, OptimizerChoice
from spikelearn.seeding import generator_for

STEPS, INPUTS, RATE = 1000, 20, 50.0  # steps of 1 ms; rate of the inputs, spikes per second


def pattern() -> ArrayDataset:
    """One sequence of Poisson spikes, and the sum of four sines of random phase that it stands for."""
    draw = generator_for(0, "pattern")
    spikes = torch.rand(1, STEPS, INPUTS, generator=draw) < RATE * 1e-3
    seconds = torch.arange(STEPS) * 1e-3
    phases, sizes = (torch.rand(2, 4, 1, generator=draw).mul(torch.tensor([[[6.2832]], [[1.5]]]))).unbind()
    wave = ((0.5 + sizes) * torch.sin(6.2832 * torch.tensor([[1.0], [2.0], [3.0], [5.0]]) * seconds + phases)).sum(0)
    return ArrayDataset(spikes, wave[None, :, None] / wave.abs().max(), sequence=True)


def main(iterations: int = 500, rule: str = "e-prop") -> None:
    loader = Loader(pattern(), n_steps=STEPS, batch=1)
    network = build(
        "20-100(F100x)-1",
        lambda: RefractoryALIF(tau_mem=30e-3, v_threshold=0.03, beta=0.0),
        output=lambda: LeakyIntegrator(tau_mem=30e-3),
        input_shape=(INPUTS,),
        readout=StepReadout(MembraneReadout()),
        generator=generator_for(0, "weights"),
    )
    adjoint = Surrogate(Triangle(1.0, 0.3))
    chosen = EProp(MSESteps(), adjoint) if rule == "e-prop" else BPTT(MSESteps(), adjoint)
    training = Training.start(network, chosen, optimizer=OptimizerChoice("adam", 1e-3))
    fit(training, loader, epochs=iterations)
    print(f"mean squared error {evaluate(network, loader).value:.4f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])

"""Random models of the zoo: their statistics in closed form."""

import math

import pytest
import torch
from torch import nn

from spikelearn.fused import scan
from spikelearn.network import Block, Network
from spikelearn.neurons import HARD, LIF, Poisson, Rectangle, SpikeFunction, StochasticLIF, Surrogate

F64 = torch.float64


def run(neuron, current, function=HARD):
    return scan(Surrogate(function), neuron, neuron.initial_state(current[0]), current)


def test_poisson_fires_at_its_rate_and_steps_are_independent():
    spikes, _, _ = run(Poisson(400.0), torch.full((200, 20, 25), 0.5, dtype=F64))
    p, count = 1 - math.exp(-0.2), 1e5
    assert float(spikes.mean()) == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / count))
    assert float((spikes[1:] * spikes[:-1]).mean()) == pytest.approx(p * p, abs=6 * p / math.sqrt(count))
    counts = spikes.sum(0)
    assert float(counts.var() / counts.mean()) == pytest.approx(1 - p, rel=0.25), "Fano factor of a Bernoulli process"


def test_poisson_is_silent_without_a_current():
    assert not run(Poisson(), torch.tensor([[[0.0, -3.0]]], dtype=F64).expand(50, 4, 2))[0].any()


def test_a_surrogate_gives_the_slope_of_poissons_probability():
    current = torch.full((1, 400, 1000), 0.8, dtype=F64, requires_grad=True)
    spikes, _, _ = run(Poisson(1000.0), current, SpikeFunction(Rectangle(0.05, 10.0)))
    (slope,) = torch.autograd.grad(spikes.sum(), current)
    assert float(slope.mean()) == pytest.approx(math.exp(-0.8), rel=0.03)


def test_a_block_of_poisson_neurons_without_weights_is_an_input_source():
    network = Network({"source": Block(nn.Identity(), Poisson(300.0)), "out": Block(nn.Linear(6, 2), LIF.per_step())})
    record, _ = network.run(torch.linspace(0, 1, 6).expand(400, 30, 6))
    expected = 1 - torch.exp(-0.3 * torch.linspace(0, 1, 6))
    torch.testing.assert_close(record["source"].spikes.mean((0, 1)), expected, rtol=0, atol=0.02)


def test_the_free_membrane_of_a_stochastic_lif_is_an_ornstein_uhlenbeck_process():
    """Mean r I, variance sigma squared (1 - exp(-2 t/tau)), correlation exp(-t/tau)."""
    neuron = StochasticLIF(10e-3, sigma=0.4, v_threshold=50.0)
    _, v, _ = run(neuron, torch.full((60, 40, 100), 0.5, dtype=F64))
    for t in (0, 4, 59):
        decay = math.exp(-(t + 1) / 10)
        assert float(v[t].mean()) == pytest.approx(0.5 * (1 - decay), abs=5 * 0.4 / math.sqrt(4000))
        assert float(v[t].var()) == pytest.approx(0.16 * (1 - decay**2), rel=0.12)
    deviations = v - v.mean((1, 2), keepdim=True)
    assert float((deviations[59] * deviations[49]).mean() / 0.16) == pytest.approx(math.exp(-1), abs=0.08)


def test_a_stochastic_lif_fires_at_the_rate_of_siegert():
    """1/rate = tau sqrt(pi) times the integral of exp(u^2)(1 + erf u); steps raise the threshold by 0.5826 of their noise."""
    tau, sigma, drive, dt = 20e-3, 0.3, 0.8, 0.1e-3
    neuron = StochasticLIF(tau, sigma=sigma, dt=dt)
    spikes, _, _ = run(neuron, torch.full((2000, 1, 400), drive, dtype=F64))
    late = 0.5826 * sigma * math.sqrt(2 * dt / tau)
    u = torch.linspace(
        (0 - drive) / (sigma * math.sqrt(2)), (1 + late - drive) / (sigma * math.sqrt(2)), 2001, dtype=F64
    )
    period = tau * math.sqrt(math.pi) * float(torch.trapezoid(torch.exp(u * u) * (1 + torch.erf(u)), u))
    found = float(spikes[500:].mean()) / dt
    assert found == pytest.approx(1 / period, rel=0.05)


def test_without_noise_it_is_a_lif():
    current = 0.4 + 0.8 * torch.randn(30, 3, 5, dtype=F64)
    assert run(StochasticLIF(10e-3, sigma=0.0, r=12.0), current)[0].equal(run(LIF(10e-3, r=12.0), current)[0])


@pytest.mark.parametrize(
    "make", [lambda: Poisson(0.0), lambda: Poisson([1.0, -1.0]), lambda: StochasticLIF(sigma=-1.0)]
)
def test_options_are_checked(make):
    with pytest.raises(ValueError, match="rate|sigma"):
        make()

"""LIF fires the spikes of snnTorch's, Norse's and a hand loop."""

import math

import pytest
import torch

from spikelearn.fused import scan
from spikelearn.neurons import HARD, IF, LIF, CubaLIF, Surrogate

T, B, N = 200, 8, 32


def currents(scale=0.5):
    torch.manual_seed(0)
    return scale * torch.randn(T, B, N) + 0.1


def ours(neuron, x):
    spikes, v, _ = scan(Surrogate(HARD), neuron, neuron.initial_state(x[0]), x)
    assert spikes.sum() > 1000
    return spikes, v


@pytest.mark.parametrize("reset", ["to_value", "subtract"])
def test_lif_is_a_hand_loop(reset):
    x, v = currents(), torch.zeros(B, N)
    spikes = []
    for now in x:
        v = 0.9 * v + now
        z = (v > 1).float()
        v = v - z if reset == "subtract" else torch.where(z.bool(), torch.zeros(()), v)
        spikes.append(z)
    assert ours(LIF.per_step(0.9, reset=reset), x)[0].equal(torch.stack(spikes))


def test_lif_is_snntorch_leaky():
    snn = pytest.importorskip("snntorch")
    x = currents()
    leaky = snn.Leaky(beta=0.9, reset_mechanism="zero", reset_delay=False)
    mem, spikes = leaky.init_leaky(), []
    for now in x:
        z, mem = leaky(now, mem)
        spikes.append(z)
    assert ours(LIF.per_step(0.9), x)[0].equal(torch.stack(spikes))


def test_cuba_lif_is_snntorch_synaptic():
    snn = pytest.importorskip("snntorch")
    x = currents(0.3)
    synaptic = snn.Synaptic(alpha=0.8, beta=0.9, reset_mechanism="zero", reset_delay=False)
    (syn, mem), spikes = synaptic.init_synaptic(), []
    for now in x:
        z, syn, mem = synaptic(now, syn, mem)
        spikes.append(z)
    assert ours(CubaLIF.per_step(0.9, 0.8), x)[0].equal(torch.stack(spikes))


def test_lif_is_norse_lif_box():
    norse = pytest.importorskip("norse.torch")
    x = currents(4.0)
    parameters = norse.LIFBoxParameters(tau_mem_inv=torch.tensor(100.0), v_th=torch.tensor(1.0))
    cell, state, spikes = norse.LIFBoxCell(p=parameters, dt=0.001), None, []
    for now in x:
        z, state = cell(now, state)
        spikes.append(z)
    found = ours(LIF(10e-3, discretisation="euler"), x)[0]
    assert int((found != torch.stack(spikes)).sum()) == 0


def test_if_is_norse_iaf():
    norse = pytest.importorskip("norse.torch")
    x = currents()
    cell, state, spikes = norse.IAFCell(norse.IAFParameters(v_th=torch.tensor(1.0))), None, []
    for now in x:
        z, state = cell(now, state)
        spikes.append(z)
    assert ours(IF(), x)[0].equal(torch.stack(spikes))


def test_exact_lif_fires_at_the_period_of_the_differential_equation():
    """Constant current r I = 1.5: from reset to threshold takes tau ln(1.5 / 0.5) seconds."""
    neuron = LIF(20e-3, dt=1e-5)
    spikes, _ = ours(neuron, torch.full((20_000, 1, 128), 1.5, dtype=torch.float64))
    when = spikes[:, 0, 0].nonzero().flatten()
    period = float((when[1:] - when[:-1]).float().mean()) * 1e-5
    assert period == pytest.approx(20e-3 * math.log(3.0), abs=1e-5)

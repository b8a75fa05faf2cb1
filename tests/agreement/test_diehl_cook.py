"""The rule diehl-cook: equal to the authors' equations in Brian 2.9, and compiled as step by step.

``tests/unit/neurons/references/make_diehl_cook.py`` has made the reference; here nothing of Brian 2 is needed.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import tests
from spikelearn import Batch, Block, Network, build
from spikelearn.network import INITIALISERS
from spikelearn.network.readouts import LabelAssignment
from spikelearn.neurons import DiehlCookLIF, Poisson
from spikelearn.plasticity import DiehlCook
from tests.helpers import only_update

FOUND = np.load(Path(tests.__file__).parent / "unit" / "neurons" / "references" / "diehl_cook.npz")
STEPS, INPUTS = 2000, 40


def test_a_second_of_spikes_and_weights_is_brian2s():
    arrivals = np.unpackbits(FOUND["arrivals"])[: STEPS * INPUTS].reshape(STEPS, 1, INPUTS)
    inputs = torch.from_numpy(arrivals).double()
    linear = nn.Linear(INPUTS, 6, bias=False).double()
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(FOUND["weights"].T))
    network = Network({"fc": Block(linear, DiehlCookLIF().double())}, readout=LabelAssignment(6, 10).double())
    rule, batch = DiehlCook(rest=0.0, least_spikes=0), Batch(inputs, torch.tensor([0]))
    times = []
    with torch.no_grad(), network.presentation():
        for t, moment in enumerate(rule.walk(network, batch)):
            times += [(t, int(n)) for n in moment.record["fc"].spikes[0, 0].nonzero()]
    assert times == list(zip(FOUND["steps"].tolist(), FOUND["neurons"].tolist(), strict=True))
    update = only_update(rule, network, batch)
    expected = torch.from_numpy(FOUND["after"].T)
    torch.testing.assert_close(linear.weight.detach() - update.grads["blocks.fc.synapse.weight"], expected)
    assert float((expected - linear.weight.detach()).abs().max()) > 0.05
    rises = torch.from_numpy(np.bincount(FOUND["neurons"], minlength=6)).double() * 0.05 / 13.0
    theta = 20.0 / 13.0 * np.exp(-STEPS * 0.5e-3 / 1e4) + rises
    torch.testing.assert_close(update.buffers["blocks.fc.neuron.theta"], theta, rtol=0, atol=1e-7)
    last = torch.from_numpy(FOUND["theta"][-1])
    late = torch.from_numpy(np.bincount(FOUND["neurons"][FOUND["steps"] > 1950], minlength=6)).double() * 0.05
    torch.testing.assert_close(last + late, 20.0 + 13.0 * rises, rtol=0, atol=1e-9)


def population(kind):
    """A network of 60 Poisson inputs, fast enough for a short test."""
    return build(
        "60-60=-6-10",
        lambda: Poisson(300.0, dt=0.5e-3),
        output=lambda: DiehlCookLIF(10e-3, theta_plus=0.02),
        readout="label-assignment",
        bias=False,
        init=INITIALISERS.make("unit-norm:length=4,positive=true"),
        generator=torch.Generator().manual_seed(1),
    ).to(kind)


def presented(kind, rule, batch, *, learns=True):
    """Weights, updates and thresholds after three batches, or the rates of one that teaches nothing."""
    network = population(kind)
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(batch, 60, generator=generator) * (torch.rand(batch, 60, generator=generator) < 0.6)
    image[0] *= 0.1
    inputs = image.to(kind).expand(80, batch, 60)
    updates = []
    for number in range(3 if learns else 0):
        with network.drawing(torch.arange(batch) + 10 * number):
            update = only_update(rule, network, Batch(inputs, torch.zeros(batch, dtype=torch.int64)))
        updates.append(update)
        with torch.no_grad():
            for name, grad in update.grads.items():
                network.get_parameter(name).sub_(grad)
            for name, value in update.buffers.items():
                network.get_buffer(name).copy_(value)
    if not learns:
        network.eval()
        with torch.no_grad(), network.presentation():
            return rule.read(network, inputs, {})
    return network.blocks["fc2"].synapse[1].weight.detach(), updates


@pytest.mark.parametrize("kind", [torch.float64, torch.float32])
@pytest.mark.parametrize(("online", "batch"), [(True, 1), (True, 3), (False, 3)])
def test_the_compiled_loop_is_the_loop_over_steps(kind, online, batch, monkeypatch):
    rule = DiehlCook(rest=0.01, least_spikes=4, repeats=2, online=online)
    weight, updates = presented(kind, rule, batch)
    monkeypatch.setattr(DiehlCook, "by_events", lambda *_: None)
    expected, others = presented(kind, rule, batch)
    torch.testing.assert_close(weight, expected, rtol=0, atol=1e-12 if kind == torch.float64 else 1e-6)
    for found, known in zip(updates, others, strict=True):
        assert found.rates == pytest.approx(known.rates)
        assert found.metrics == known.metrics
        torch.testing.assert_close(found.scores, known.scores)
        torch.testing.assert_close(found.buffers, known.buffers, rtol=0, atol=1e-6)
    assert any(update.metrics["repeats"] for update in updates)
    assert sum(update.rates["fc2"] for update in updates) > 0
    assert float((weight - population(kind).blocks["fc2"].synapse[1].weight.detach()).abs().max()) > 1e-3


def test_what_is_read_is_the_same_by_both_ways(monkeypatch):
    rule = DiehlCook(rest=0.01, least_spikes=4, repeats=2)
    found = presented(torch.float64, rule, 3, learns=False)
    monkeypatch.setattr(DiehlCook, "by_events", lambda *_: None)
    torch.testing.assert_close(found, presented(torch.float64, rule, 3, learns=False))
    assert float(found.sum()) > 0

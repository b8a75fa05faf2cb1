"""Inhibitory plasticity brings a recurrent network of excitatory and inhibitory neurons to its target rate."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

SPEC = importlib.util.spec_from_file_location(
    "balanced_network", Path(__file__).parents[2] / "examples" / "balanced_network.py"
)
EXAMPLE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(EXAMPLE)


@pytest.mark.slow
def test_the_target_rate_is_settled_and_every_neuron_keeps_its_sign(monkeypatch):
    steps = 150
    monkeypatch.setattr(EXAMPLE, "STEPS", steps)
    network = EXAMPLE.balanced(scale=2)
    frozen = {name: p.detach().clone() for name, p in network.named_parameters() if not p.requires_grad}
    before = network.run(EXAMPLE.poisson(network, 200, 4, seed=99))[0]["fc1"].spikes.mean().item() / EXAMPLE.DT
    excitatory, inhibitory = EXAMPLE.settle(network, presentations=10, learning_rate=0.1)
    # Traces are empty as a presentation begins, so that pairs are missing: the rate at which nothing changes is higher.
    expected = EXAMPLE.TARGET_RATE / (1 - 20e-3 / (steps * EXAMPLE.DT))
    assert before > 2 * expected
    assert np.mean(excitatory[-3:]) == pytest.approx(expected, rel=0.15)
    assert min(inhibitory) > 1.0
    learned = network.feedback["fc2_to_fc1"].synapse.weight
    assert bool((learned <= 0).all())
    assert float(learned.detach().std()) > 0.01
    for name, weight in frozen.items():
        assert torch.equal(network.get_parameter(name), weight), name


def test_the_network_has_the_structure_that_its_string_says():
    network = EXAMPLE.balanced(scale=1)
    assert {name: (edge.source, edge.target) for name, edge in network.feedback.items()} == {
        "fc1_to_fc1": ("fc1", "fc1"),
        "fc2_to_fc1": ("fc2", "fc1"),
        "fc2_to_fc2": ("fc2", "fc2"),
    }
    assert network.signs == {"inputs": "excitatory", "fc1": "excitatory", "fc2": "inhibitory"}
    assert [name for name, p in network.named_parameters() if p.requires_grad] == ["feedback.fc2_to_fc1.synapse.weight"]
    record, _ = network.run(EXAMPLE.poisson(network, 60, 2, seed=0))
    assert record["fc1"].spikes.mean().item() > 0.01

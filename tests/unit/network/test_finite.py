"""NaN and infinity are named where scores are read, instead of being taken for silence."""

import pytest
import torch

from spikelearn.network import build
from spikelearn.neurons import IF, LIF, AdaptiveLIF, CubaLIF, LeakyIntegrator

X = (torch.rand(7, 3, 12, generator=torch.Generator().manual_seed(0)) < 0.3).float()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("neuron", [LIF.per_step, CubaLIF.per_step, AdaptiveLIF.per_step, LeakyIntegrator.per_step, IF])
@pytest.mark.parametrize("place", ["fc1.synapse.1.weight", "fc1.synapse.1.bias", "fc2.synapse.1.weight"])
def test_scores_of_weights_that_are_none_are_refused(place, neuron, bad):
    network = build("12-8-4", neuron, input_shape=(12,)).with_adjoint("atan")
    with torch.no_grad():
        network.get_parameter(f"blocks.{place}").view(-1)[0] = bad
    with pytest.raises(ValueError, match=rf"^blocks.{place} is (nan|-?inf) at \[0"):
        network(X)


def test_injected_currents_that_are_none_are_refused():
    network = build("12-8-4", input_shape=(12,))
    current = torch.zeros(7, 3, 8)
    current[2, 1, 0] = torch.nan
    with pytest.raises(ValueError, match=r"^current injected into 'fc1' is nan at \[2, 1, 0\]"):
        network.run(X, inject={"fc1": current})

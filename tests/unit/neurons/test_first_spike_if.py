"""The neuron that fires once, and windows in which one does."""

import pytest
import torch

from spikelearn.neurons import FirstSpikeIF
from spikelearn.neurons.parts.spike_function import HARD


def run(neuron, currents):
    state, spikes, potentials = neuron.initial_state(currents[0]), [], []
    for current in currents:
        z, v, state = neuron.step(state, current, HARD)
        spikes.append(z)
        potentials.append(v)
    return torch.stack(spikes), torch.stack(potentials)


def test_it_fires_once_and_adds_up_further():
    spikes, v = run(FirstSpikeIF(1.0), torch.tensor([[[0.5], [0.5], [0.25], [2.0], [-9.0], [9.0]]]).movedim(1, 0))
    assert spikes.flatten().tolist() == [0, 0, 1, 0, 0, 0]
    assert v.flatten().tolist() == [0.5, 1.0, 1.25, -3.25, -5.75, -3.25]


def test_the_first_of_a_window_silences_the_others():
    current = torch.zeros(3, 1, 1, 3, 3)
    current[0, 0, 0, 0, 0] = 2.0
    current[1] = 2.0
    spikes, _ = run(FirstSpikeIF(1.0, window=2), current)
    # The windows at the edges are cut; neurons that fire in the same step do not silence each other.
    assert spikes[0, 0, 0].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert spikes[1, 0, 0].tolist() == [[0, 0, 1], [0, 0, 1], [1, 1, 1]]
    assert not spikes[2].any()


@pytest.mark.parametrize("options", [{"v_threshold": 0.0}, {"window": 0}, {"dt": 0.0}])
def test_options_out_of_range(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} is 0"):
        FirstSpikeIF(**options)


def test_neurons_of_a_dense_layer_have_no_window():
    spikes, _ = run(FirstSpikeIF(1.0, window=2), torch.tensor([[[2.0, 0.5]], [[0.0, 2.0]]]))
    assert spikes[:, 0].tolist() == [[1, 0], [0, 1]]


def test_no_rate_map():
    with pytest.raises(ValueError, match="FirstSpikeIF has no rate map"):
        FirstSpikeIF().steady_rate(torch.zeros(1))

"""The example that draws Izhikevich's figure: features of its traces that the paper names."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from spikelearn.neurons.parts.izhikevich_types import FEATURES

SPEC = spec_from_file_location(
    "izhikevich_types_figure", Path(__file__).parents[3] / "examples" / "izhikevich_types.py"
)
EXAMPLE = module_from_spec(SPEC)
SPEC.loader.exec_module(EXAMPLE)

#: {feature: spikes in the paper's figure}, of those whose count the figure is about.
COUNTS = {
    "tonic-spiking": 5,
    "phasic-spiking": 1,
    "spike-latency": 1,
    "subthreshold-oscillations": 1,
    "integrator": 1,
    "rebound-spike": 1,
    "threshold-variability": 1,
    "depolarising-after-potential": 1,
    "accommodation": 1,
    "inhibition-induced-spiking": 3,
}


@pytest.fixture(scope="module")
def fired():
    """{feature: times of its spikes, ms}."""
    found = {}
    for name in (*COUNTS, "resonator"):
        t, _, _, spikes = EXAMPLE.run(name)
        found[name] = t[spikes > 0]
    return found


def test_all_features_are_shown():
    assert list(EXAMPLE.SHOWN) == list(FEATURES)


@pytest.mark.parametrize("name", COUNTS)
def test_counts_of_the_figure(fired, name):
    assert len(fired[name]) == COUNTS[name]


def test_what_the_features_say(fired):
    assert fired["spike-latency"][0] > 10 + 3 + 5, "long after the pulse"
    assert fired["rebound-spike"][0] > 25, "after inhibition"
    assert fired["threshold-variability"][0] > 80, "the pulse that follows inhibition alone"
    assert 300 < fired["accommodation"][0] < 313, "the fast ramp alone"
    assert fired["resonator"][0] > 280, "the pair of pulses in its rhythm alone"
    assert fired["integrator"][0] < 70, "the near pair alone"
    assert np.all((fired["inhibition-induced-spiking"] > 50) & (fired["inhibition-induced-spiking"] < 250))

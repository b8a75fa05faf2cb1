"""The same scheme and step as Brian 2.9: equal spikes and equal variables over one second, to rounding.

``references/make_brian2.py`` has made the numbers; here nothing of Brian 2 is needed.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from spikelearn.neurons import EIF, HARD, AdEx, ConductanceLIF, Izhikevich, QuadraticIF
from spikelearn.neurons.parts.izhikevich_types import FIRING_TYPES
from tests.unit.neurons.references import stimuli

FOUND = np.load(Path(__file__).parent / "references" / "brian2.npz")
EVERY = 50


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@torch.no_grad()
def check_equal(case, neuron, current, state, fields, late=0, tolerance=1e-9):
    """Spikes of every step, and the named fields of the state behind every 50th."""
    times, seen = [], []
    for t, now in enumerate(current):
        z, _, state = neuron.step(state, now, HARD)
        times += [(t + late, int(n)) for n in z[0].nonzero()]
        if (t + late) % EVERY == 0:
            seen.append(torch.stack([getattr(state, field)[0] for field in fields]))
    expected = list(zip(FOUND[f"{case}/steps"].tolist(), FOUND[f"{case}/neurons"].tolist(), strict=True))
    assert sorted(times) == sorted(expected)
    assert {n for _, n in expected} == set(range(len(z[0]))), "every neuron fires"
    for place, name in enumerate(fields.values()):
        known = torch.from_numpy(FOUND[f"{case}/{name}"])[1 if late else 0 :]
        found = torch.stack([values[place] for values in seen])
        torch.testing.assert_close(found, known, rtol=tolerance, atol=tolerance)


def waves(case, mean, amplitude):
    return torch.from_numpy(stimuli.wave(case["steps"], case["dt"], mean, amplitude, case["frequency"])).unsqueeze(1)


def test_izhikevich_of_every_firing_type():
    """Rounding grows where a potential lingers between rest and rise, by up to eight figures; spikes stay."""
    case = stimuli.IZHIKEVICH
    neuron = Izhikevich(list(FIRING_TYPES), r=1.0, substeps=1, dt=case["dt"])
    current = waves(case, FOUND["izhikevich/mean"], FOUND["izhikevich/amplitude"])
    check_equal("izhikevich", neuron, current, neuron.initial_state(current[0]), {"v": "v", "u": "u"}, tolerance=1e-5)


@pytest.mark.parametrize(
    ("name", "kind", "case", "fields"),
    [
        ("adex", AdEx, stimuli.ADEX, {"v": "v", "w": "w"}),
        ("eif", EIF, stimuli.EIF, {"v": "v"}),
        ("quadratic-if", QuadraticIF, stimuli.QUADRATIC, {"v": "v"}),
    ],
)
def test_euler_steps(name, kind, case, fields):
    neuron = kind(**stimuli.CONSTANTS[name], r=1.0, dt=case["dt"])
    current = waves(case, case["mean"], case["amplitude"])
    check_equal(name, neuron, current, neuron.initial_state(current[0]), fields)


def test_conductance_lif_by_exponential_euler():
    case = stimuli.CONDUCTANCE
    neuron = ConductanceLIF(**stimuli.CONSTANTS["conductance-lif"], dt=case["dt"])
    pulses = {
        name: weight * torch.from_numpy(stimuli.arrivals(case["steps"], *case[name])).double()
        for name, weight in zip(("excitatory", "inhibitory"), case["weights"], strict=True)
    }
    current = [{name: values[t].expand(1, 3) for name, values in pulses.items()} for t in range(case["steps"])]
    fields = {"v": "v"}
    check_equal("conductance-lif", neuron, current, neuron.initial_state(current[0]["excitatory"]), fields, late=1)

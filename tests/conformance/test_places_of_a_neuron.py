"""A neuron is three places: one file, one import line and one case row; nothing else is asked for."""

import importlib

import torch

from spikelearn.network import build
from spikelearn.neurons import NEURONS, neuron_factory
from spikelearn.plasticity import BPTT, Batch
from spikelearn.training import Training, learn
from tests.architecture import test_docstrings as template
from tests.conformance import cases
from tests.conformance import test_neurons as conformance

MODEL = r'''
"""Quadratic integrate-and-fire neuron."""

from torch import Tensor

from spikelearn.neurons import NEURONS, LeakyNeuron, Neuron


@NEURONS.register("quadratic-lif")
class QuadraticLIF(LeakyNeuron):
    r"""Integrate-and-fire neuron whose leak turns into a rise half way to its threshold.

    $$v[t] = v[t-1] + (1-\lambda)(v[t-1] - v_{leak})(v[t-1] - v_{threshold}/2) + g\,I[t]$$

    then spike and reset as in LIF; $\lambda$ and g are those of ``LeakyNeuron``. Potentials in units of the threshold.

    Shapes: current [B, ...] per step; state ``v``, spikes and v have the shape of the current.

    Source: Latham et al., Journal of Neurophysiology 83, 2000.
    """

    def integrate(self, v: Tensor, current: Tensor) -> Tensor:
        rise = (1.0 - self.decay_mem) * (v - self.v_leak) * (v - self.v_threshold / 2)
        return v + rise + self.gain_mem * current

    def steady_rate(self, current: Tensor) -> Tensor:
        return Neuron.steady_rate(self, current)
'''


def of_every_neuron(module):
    """The tests of a module that are called with one model (``make`` or ``component``) and no other case."""
    for name, test in vars(module).items():
        names = test.__code__.co_varnames[: test.__code__.co_argcount] if name.startswith("test_") else ()
        if names in (("make",), ("component",)):
            yield test


def test_a_neuron_is_three_places(tmp_path, monkeypatch):
    monkeypatch.setattr(NEURONS, "_components", dict(NEURONS._components))
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "further_neurons"
    package.mkdir()
    assert len(MODEL.strip().splitlines()) < 30
    # The three places.
    (package / "quadratic_lif.py").write_text(MODEL)
    (package / "__init__.py").write_text("from further_neurons.quadratic_lif import QuadraticLIF\n")
    row = [lambda: QuadraticLIF(10e-3, r=12.0)]

    QuadraticLIF = importlib.import_module("further_neurons").QuadraticLIF
    monkeypatch.setitem(cases.NEURONS, "quadratic-lif", row)
    conformance.test_every_neuron_and_every_kernel_has_a_case()
    ran = [test(row[0]) for test in of_every_neuron(conformance)]
    ran += [conformance.test_type_is_kept(row[0], torch.float32)]
    ran += [test(QuadraticLIF) for test in of_every_neuron(template)]
    assert len(ran) >= 9
    # By name it is built with options that it never lists, trained, stepped and exported as weights are.
    network = build("6-5-2", neuron_factory("quadratic-lif", {"decay": 0.8, "reset": "subtract", "v_threshold": 0.7}))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    batch = Batch((torch.rand(8, 4, 6) < 0.5).float(), torch.arange(4) % 2)
    learn(Training.start(network, BPTT()), batch)
    assert any(not value.equal(before[name]) for name, value in network.state_dict().items())
    state, spikes = None, []
    for now in batch.inputs:
        record, state = network.step(now, state)
        spikes.append(record.output.spikes)
    assert torch.stack(spikes).equal(network.run(batch.inputs)[0].output.spikes)

"""Meta-plasticity: coefficients from a file, Oja's term by itself, and what is refused."""

import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import FA, RULES, Batch, CrossEntropy, MetaPlasticity
from spikelearn.plasticity.meta.coefficients import write_coefficients
from spikelearn.runs import network_for, settings_from
from spikelearn.training import Training, learn


def test_coefficients_come_from_a_file(tmp_path):
    path = str(tmp_path / "found.json")
    write_coefficients(path, {"pseudo-gradient": 0.25, "oja": -0.5}, {"episodes": 3})
    rule = RULES.make("meta-plasticity", {"coefficients": path, "ehebb": 0.7})
    assert rule.coefficients == {"pseudo-gradient": 0.25, "ehebb": 0.0, "oja": -0.5}
    memory = rule.init(network_for(rule, "6-5-2"), torch.Generator().manual_seed(0))
    assert memory["coefficients"].tolist() == [0.25, 0.0, -0.5]
    settings = settings_from({"rule": "meta-plasticity", "rule_option": {"coefficients": path}})
    (tmp_path / "found.json").unlink()
    assert settings.rule_option == {"coefficients": "0.25/0.0/-0.5"}
    assert settings.make_rule().coefficients == rule.coefficients


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"coefficients": {"hebb": 1.0}}, "weighs the term 'hebb', expected one of"),
        ({"coefficients": {"oja": "much"}}, "the coefficient oja in"),
        ({"weights": {}}, "has no entry 'coefficients', expected a file that spikelearn meta wrote"),
    ],
)
def test_another_file_is_refused(content, match, tmp_path):
    path = tmp_path / "found.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=match):
        MetaPlasticity(coefficients=str(path))


def test_no_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere.json does not exist: .* spikelearn meta --out FILE"):
        MetaPlasticity(coefficients=str(tmp_path / "nowhere.json"))


@pytest.mark.parametrize("options", [{}, {"feedback": "symmetric"}, {"second_order": True}])
def test_a_derivative_that_nothing_takes_is_not_held(options):
    with pytest.raises(ValueError, match="through_feedback is False without effect, .* second_order=True, or drop it"):
        MetaPlasticity(through_feedback=False, **options)


def test_a_pseudo_gradient_alone_is_feedback_alignment():
    """The registered rule fa, with the same weights on the way back."""
    network, rule = network_for("meta-plasticity", "6-5-4-3").double(), MetaPlasticity(pseudo_gradient=0.3)
    generator = torch.Generator().manual_seed(1)
    batch = Batch(torch.rand(1, 7, 6, generator=generator, dtype=torch.float64), torch.arange(7) % 3)
    fa = FA(CrossEntropy())
    memory, theirs = (one.init(network, generator) for one in (rule, fa))
    for name, weight in theirs.items():
        memory[f"back_weights.{name.split('.')[2]}"].copy_(weight)
    assert len(theirs) == 2
    (found,), (expected,) = (
        one.updates(network, batch, kept, generator) for one, kept in ((rule, memory), (fa, theirs))
    )
    assert found.grads.keys() == expected.grads.keys()
    for name, grad in expected.grads.items():
        torch.testing.assert_close(found.grads[name], 0.3 * grad, rtol=1e-12, atol=1e-14)


def test_oja_alone_brings_neurons_to_length_one():
    """A linear neuron under Oja's rule finds the inputs' largest component, of length 1."""
    torch.manual_seed(0)
    network = Network(
        {
            "hidden": Block(nn.Linear(4, 1, bias=False), Rate(Linear())),
            "out": Block(nn.Linear(1, 2, bias=False), Rate(Linear())),
        }
    ).double()
    training = Training.start(network, MetaPlasticity(pseudo_gradient=0.0, oja=0.05))
    inputs = torch.randn(1, 200, 4, dtype=torch.float64) * torch.tensor([3.0, 1.0, 0.5, 0.2], dtype=torch.float64)
    batch = Batch(inputs, torch.arange(200) % 2)
    for _ in range(200):
        learn(training, batch)
    weight = network.get_parameter("blocks.hidden.synapse.weight").detach()
    largest = torch.linalg.eigh(inputs[0].T @ inputs[0]).eigenvectors[:, -1]
    assert float(weight.norm()) == pytest.approx(1.0, abs=1e-6)
    assert float((weight @ largest).abs()) == pytest.approx(1.0, abs=1e-6)

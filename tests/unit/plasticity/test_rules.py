import pytest
import torch
from torch import nn

from spikelearn.datasets import Digits
from spikelearn.loading import Loader
from spikelearn.network import Block, Network, RateReadout, build
from spikelearn.neurons import LIF, FastSigmoid, Surrogate
from spikelearn.plasticity import BPTT, RULES, STDP, Batch, CrossEntropy, CrossEntropyMembrane, ReadoutOnly
from spikelearn.training import Training
from tests.helpers import only_update


def batch(network_inputs=4, classes=3, samples=6):
    inputs = (torch.rand(8, samples, network_inputs) < 0.5).float()
    return Batch(inputs, torch.arange(samples) % classes)


def test_bptt_is_autograd():
    network, data = build("4-5-3", lambda: LIF.per_step(0.8)), batch()
    with torch.no_grad():
        for p in network.parameters():
            p.mul_(4)
    rule = BPTT()
    update = only_update(rule, network, data)
    record, _ = network.run(data.inputs, adjoint=rule.adjoint)
    loss = nn.functional.cross_entropy(10.0 * record.output.spikes.mean(0), data.targets)
    grads = torch.autograd.grad(loss, list(network.parameters()))
    torch.testing.assert_close(update.loss, loss.detach())
    torch.testing.assert_close(list(update.grads.values()), list(grads))
    assert any(g.abs().max() > 0 for g in grads)


def test_bptt_refuses_a_parameter_that_would_never_learn():
    network = Network({"a": Block(nn.Linear(4, 5), LIF())}, readout=RateReadout(nn.Linear(5, 3)))
    with pytest.raises(ValueError, match=r"does not depend on parameter 'readout.head.weight', it would never learn"):
        only_update(BPTT(), network, batch())
    assert set(only_update(BPTT(CrossEntropy()), network, batch()).grads) == {n for n, _ in network.named_parameters()}


def test_readout_only_leaves_hidden_blocks_alone():
    update = only_update(ReadoutOnly(), build("4-5-5-3"), batch())
    assert set(update.grads) == {"blocks.fc3.synapse.1.weight", "blocks.fc3.synapse.1.bias"}


def test_readout_only_is_the_last_part_of_bptt():
    network, data = build("4-5-3"), batch()
    whole, part = only_update(BPTT(), network, data), only_update(ReadoutOnly(), network, data)
    for name, grad in part.grads.items():
        torch.testing.assert_close(grad, whole.grads[name])


def test_stdp_changes_weights_and_no_biases():
    update = only_update(STDP(), build("4-5-3"), batch())
    assert set(update.grads) == {"blocks.fc1.synapse.1.weight", "blocks.fc2.synapse.1.weight"}
    assert update.loss is None


def test_stdp_sign_by_hand():
    """Pre one step before post potentiates by a_plus e^(-1), the reverse depresses."""
    network = Network({"a": Block(nn.Linear(2, 1, bias=False), LIF.per_step(0.0, v_threshold=0.5))})
    with torch.no_grad():
        network.get_parameter("blocks.a.synapse.weight").copy_(torch.tensor([[0.1, 1.0]]))
    inputs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]).reshape(3, 1, 2)  # post fires at step 1 only
    rule = STDP(0.1, 0.2, tau_pre=1e-3, tau_post=1e-3)
    change = -only_update(rule, network, Batch(inputs, torch.tensor([0]))).grads["blocks.a.synapse.weight"]
    torch.testing.assert_close(change, torch.tensor([[0.1 * 2.718281828**-1, 0.0]]))
    inputs = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]).reshape(3, 1, 2)  # post fires at step 0
    change = -only_update(rule, network, Batch(inputs, torch.tensor([0]))).grads["blocks.a.synapse.weight"]
    torch.testing.assert_close(change, torch.tensor([[-0.2 * 2.718281828**-1, 0.0]]))


def test_a_teacher_makes_the_true_class_fire():
    network, data = build("4-3", lambda: LIF.per_step(0.5)), batch()
    update = only_update(STDP(teacher=3.0), network, data)
    assert update.rates["fc1"] == pytest.approx(1 / 3)  # the true class at every step, no other
    assert update.scores.equal(network(data.inputs)), "scores are those without the teacher"
    assert STDP(teacher=3.0).supervised
    assert not STDP().supervised


def test_a_loss_of_potentials_refuses_a_readout_of_spikes():
    with pytest.raises(ValueError, match="predicts from spikes"):
        BPTT(CrossEntropyMembrane()).init(build("4-3"), torch.Generator())


def test_a_teacher_needs_a_neuron_a_class():
    with pytest.raises(ValueError, match="targets go from 0 to 5, but the network has 3 outputs"):
        only_update(STDP(teacher=1.0), build("4-3"), batch(classes=6))


def test_rules_from_plain_values():
    rule = RULES.make(
        "bptt", {"loss": "mse-count:correct_rate=0.9", "adjoint": "fast-sigmoid:slope=10,reset-gradient=true"}
    )
    assert rule.loss.correct_rate == 0.9
    assert isinstance(rule.adjoint, Surrogate)
    assert isinstance(rule.adjoint.spike_function.derivative, FastSigmoid)
    assert rule.adjoint.spike_function.derivative.slope == 10
    assert rule.adjoint.spike_function.reset_gradient
    assert RULES.make("stdp", {"a_plus": 0.5}).a_plus == 0.5


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("bpt", {}, "did you mean 'bptt'"),
        ("bptt", {"los": "x"}, "did you mean 'loss'"),
        ("bptt", {"loss": "means"}, "unknown loss 'means'"),
        ("bptt", {"adjoint": "arctan"}, "unknown adjoint 'arctan'"),
        ("bptt", {"adjoint": "atan:slope=3"}, "has no option 'slope'"),
        ("bptt", {"loss": 3}, "loss"),
        ("stdp", {"tau_pre": "fast"}, "tau_pre is 'fast'"),
    ],
)
def test_wrong_values_are_named(name, options, message):
    with pytest.raises(ValueError, match=message):
        RULES.make(name, options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: BPTT(loss="mse-count"),
        lambda: BPTT(adjoint="atan"),
        lambda: Training.start(build("4-3"), BPTT),
        lambda: Loader(Digits("test"), 2, 3, encoder="rate"),
    ],
)
def test_names_and_classes_where_objects_are_due_are_named(make):
    with pytest.raises(ValueError, match="expected an object of the class"):
        make()


def test_a_batch_checks_its_axes():
    with pytest.raises(ValueError, match="batch first"):
        Batch(torch.zeros(6, 8, 4), torch.zeros(6, dtype=torch.int64))
    with pytest.raises(ValueError, match="one mask a sample"):
        Batch(torch.zeros(8, 6, 4), torch.zeros(6, dtype=torch.int64), {"inputs": torch.ones(5, 4)})


def test_a_constant_batch_stays_stored_once():
    moved = Batch(torch.rand(6, 4).expand(8, 6, 4), torch.zeros(6, dtype=torch.int64)).to(torch.device("cpu"))
    assert moved.inputs.stride(0) == 0

"""Difference target propagation: identities of its targets, its ways back, and what it refuses."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF, LeakyIntegrator, Rate
from spikelearn.neurons.activations import Linear, Standardised, Tanh
from spikelearn.plasticity import DTP, FA, FWDTP, Batch, CrossEntropy, OptimizerChoice
from spikelearn.plasticity.targets import difference
from spikelearn.plasticity.targets.difference import WayBack, targets_of
from spikelearn.training import Training, learn
from tests.helpers import dense, only_update

F64 = torch.float64


def units(*sizes, hidden=Tanh):
    """Rate units without biases, the last layer linear."""
    torch.manual_seed(3)
    count = len(sizes) - 1
    blocks = {
        f"b{n}": Block(nn.Linear(sizes[n], sizes[n + 1], bias=False), Rate(Linear() if n == count - 1 else hidden()))
        for n in range(count)
    }
    return Network(blocks).to(F64)


def values(inputs, classes, samples=6):
    torch.manual_seed(4)
    return Batch(torch.randn(1, samples, inputs, dtype=F64), torch.arange(samples) % classes)


def spikes(inputs, classes, samples=6):
    torch.manual_seed(4)
    return Batch((torch.rand(12, samples, inputs) < 0.5).to(F64), torch.arange(samples) % classes)


def formed(monkeypatch, rule, network, batch, memory):
    """(rates, targets) of an update."""
    found, whole = [], difference.targets_of

    def watched(back, rates, *given):
        found.append((dict(rates), whole(back, rates, *given)))
        return found[-1][1]

    monkeypatch.setattr(difference, "targets_of", watched)
    list(rule.updates(network, batch, memory, torch.Generator().manual_seed(1)))
    monkeypatch.undo()
    return found[-1]


def distances(monkeypatch, stepsize, feedback):
    network, rule = units(7, 6, 5, 3), FWDTP(CrossEntropy(), stepsize=stepsize, bound=0.8, feedback=feedback)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    rates, targets = formed(monkeypatch, rule, network, values(7, 3), memory)
    return torch.cat([(targets[name] - rates[name]).flatten() for name in rates])


def test_half_a_step_halves_the_distance_of_the_targets(monkeypatch):
    whole, half = (distances(monkeypatch, step, Linear()) for step in (0.2, 0.1))
    torch.testing.assert_close(half, whole / 2, rtol=1e-12, atol=1e-15)
    assert whole.abs().min() > 0
    # With bent maps, the smaller the step the more so: the rest falls as its square.
    rests = []
    for step in (1e-2, 1e-3):
        whole, half = (distances(monkeypatch, size, None) for size in (step, step / 2))
        rests.append(float((half - whole / 2).abs().max()))
    assert rests[1] < 0.02 * rests[0]


def test_between_linear_units_it_is_feedback_alignment():
    """Where neurons have no slopes to leave out: twice the step times the registered rule's changes."""
    network, batch, rule = (
        units(7, 6, 5, 3, hidden=Linear),
        values(7, 3),
        FWDTP(CrossEntropy(), stepsize=0.1, bound=0.5),
    )
    memory = rule.init(network, torch.Generator().manual_seed(0))
    back = {f"back_weights.blocks.{name.removeprefix('back_weights.')}.synapse": g.T for name, g in memory.items()}
    wanted = only_update(FA(CrossEntropy()), network, batch, back).grads
    found = only_update(rule, network, batch, memory).grads
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], 2 * 0.1 * value, rtol=1e-12, atol=1e-15)


def test_a_block_whose_target_above_is_met_rests():
    """What the way back makes of the rates themselves is taken off."""
    torch.manual_seed(0)
    rates = {"a": torch.randn(4, 5, dtype=F64), "b": torch.randn(4, 3, dtype=F64)}
    back = WayBack({"b": torch.randn(5, 3, dtype=F64)}, {"b": Tanh()}, Linear())
    targets = targets_of(back, rates, rates["b"], ())
    torch.testing.assert_close(targets["a"], rates["a"], rtol=0, atol=1e-15)


@pytest.mark.parametrize("kind", [FWDTP, DTP])
def test_targets_of_spikes_are_rates(monkeypatch, kind):
    network, batch, rule = dense("6-8-7-3"), spikes(6, 3), kind(stepsize=5.0, bound=2.0)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    rates, targets = formed(monkeypatch, rule, network, batch, memory)
    for name, target in targets.items():
        assert target.min() >= 0
        assert target.max() <= 1
        assert not target.equal(rates[name])
    assert any(bool((target == 0).any()) or bool((target == 1).any()) for target in targets.values())


def test_the_whole_way_down_is_undone_by_drl():
    """Its losses by hand: noise goes up to the output, and comes back through corrected maps."""
    network, batch = units(7, 6, 5, 3), values(7, 3)
    rule = DTP(CrossEntropy(), reconstruction="drl", feedback_steps=1, noise=0.2, bound=0.7)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    draws = rule.draws(network, batch, torch.Generator().manual_seed(1))
    updates = list(rule.updates(network, Batch(batch.inputs, batch.targets, draws=draws), memory, torch.Generator()))
    assert [list(update.own) for update in updates] == [["back_weights.b2"], ["back_weights.b1"], []]
    with torch.no_grad():
        record, _ = network.run(batch.inputs)
    h = [record[f"b{n}"].spikes[0] for n in range(3)]
    w = [network.get_parameter(f"blocks.b{n}.synapse.weight").detach() for n in range(3)]
    g = {n: memory[f"back_weights.b{n}"].clone().requires_grad_() for n in (1, 2)}

    def corrected(n, u):
        return torch.tanh(u @ g[n].T) + (h[n - 1] - torch.tanh(h[n] @ g[n].T)).detach()

    noisy = h[1] + draws["noise.b2"][:, 0]
    last = (corrected(2, noisy @ w[2].T) - noisy).square().sum() / 6
    torch.testing.assert_close(
        updates[0].own["back_weights.b2"], torch.autograd.grad(last, g[2])[0], rtol=1e-10, atol=0
    )
    noisy = h[0] + draws["noise.b1"][:, 0]
    first = (corrected(1, corrected(2, torch.tanh(noisy @ w[1].T) @ w[2].T)) - noisy).square().sum() / 6
    torch.testing.assert_close(
        updates[1].own["back_weights.b1"], torch.autograd.grad(first, g[1])[0], rtol=1e-10, atol=0
    )


def test_blocks_rest_while_the_way_back_learns_alone():
    network, rule = units(7, 6, 3), DTP(CrossEntropy(), pretraining=2, feedback_steps=3, feedback_lr=0.1)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.1))
    first = {name: value.clone() for name, value in network.state_dict().items()}
    for count in (1, 2):
        back = training.memory["back_weights.b1"].clone()
        assert not learn(training, values(7, 3)).grads
        assert all(value.equal(first[name]) for name, value in network.state_dict().items())
        assert not training.memory["back_weights.b1"].equal(back)
        assert int(training.memory["batches"]) == count
    assert learn(training, values(7, 3)).grads
    assert not network.get_parameter("blocks.b0.synapse.weight").equal(first["blocks.b0.synapse.weight"])


@pytest.mark.parametrize("reconstruction", ["dtp", "drl"])
def test_the_way_back_comes_to_undo_the_block(reconstruction):
    """Of a network that stays as it is: reconstruction improves, and targets lead down the loss."""
    network = units(6, 8, 8, 8)
    options = {"feedback_steps": 20, "feedback_lr": 0.2, "noise": 0.3, "pretraining": 15}
    training = Training.start(network, DTP(CrossEntropy(), reconstruction=reconstruction, **options))
    losses = [learn(training, values(6, 3, samples=32)).metrics for _ in range(15)]
    for name in ("b1", "b2"):
        assert losses[-1][f"reconstruction_{name}"] < losses[0][f"reconstruction_{name}"]
    assert min(difference.agreement(network, training.rule.way_back(network, training.memory).weights).values()) > 0


@pytest.mark.parametrize("rule", [FWDTP(), DTP(feedback_steps=1)])
def test_convolutions_are_flattened_on_the_way_back(rule):
    torch.manual_seed(0)
    network = build("6x6-4C3-P2-5-3", LIF.per_step, input_shape=(1, 6, 6)).to(F64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(4.0)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    assert {name: list(g.shape) for name, g in memory.items()} == {
        "back_weights.fc1": [64, 5],
        "back_weights.fc2": [5, 3],
    }
    batch = Batch((torch.rand(12, 4, 1, 6, 6) < 0.6).to(F64), torch.tensor([0, 1, 2, 0]))
    update = list(rule.updates(network, batch, memory, torch.Generator().manual_seed(0)))[-1]
    assert update.grads["blocks.conv1.synapse.weight"].abs().max() > 0


def test_frozen_blocks_are_left_out():
    network, rule = units(7, 6, 5, 3), FWDTP(CrossEntropy())
    network.blocks["b1"].requires_grad_(False)
    assert set(only_update(rule, network, values(7, 3)).grads) == {f"blocks.b{n}.synapse.weight" for n in (0, 2)}


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (lambda: build("6-8(F8)-3"), "sends targets down by weights of its own, but the network has feedback edges"),
        (lambda: build("6-8-3(+inputs)"), "sends targets down block by block, but the network is a graph"),
        (lambda: build("6-8-3", output=LeakyIntegrator.per_step), "the readout is MembraneReadout"),
        (lambda: build("6-8-3").requires_grad_(False), "finds no trainable parameter"),
    ],
)
@pytest.mark.parametrize("rule", [FWDTP(), DTP()])
def test_what_it_cannot_train_is_refused(rule, network, words):
    with pytest.raises(ValueError, match=words):
        rule.check(network())


def test_a_block_that_sends_nothing_is_refused():
    blocks = {"a": Block(nn.Linear(6, 8), LeakyIntegrator.per_step()), "b": Block(nn.Linear(8, 3), LIF.per_step())}
    with pytest.raises(ValueError, match="block 'a' is a LeakyIntegrator, which sends nothing"):
        FWDTP().check(Network(blocks))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stepsize": 0.0}, "stepsize is 0.0"),
        ({"bound": -1.0}, "bound is -1.0"),
        ({"feedback": "tanh"}, "feedback"),
        ({"reconstruction": "ldrl"}, "reconstruction is 'ldrl'"),
        ({"noise": 0.0}, "noise is 0.0"),
        ({"feedback_steps": 0}, "feedback_steps is 0"),
        ({"pretraining": -1}, "pretraining is -1"),
    ],
)
def test_options_are_checked(options, words):
    with pytest.raises(ValueError, match=words):
        DTP(**options)


def test_a_single_sample_cannot_be_standardised():
    network = build("6-8-3", lambda: Rate(Standardised(Tanh())))
    with pytest.raises(ValueError, match="was given 1 sample, expected two at least"):
        network(torch.zeros(1, 1, 6))


def test_statistics_are_those_of_each_step():
    """Of a sequence, whether it is run at once or step by step."""
    torch.manual_seed(0)
    network = build("6-8-3", lambda: Rate(Standardised(Tanh()))).to(F64)
    inputs = torch.randn(4, 5, 6, dtype=F64)
    record, _ = network.run(inputs)
    for step, (seen, x) in enumerate(zip(record["fc2"].spikes, inputs, strict=True)):
        torch.testing.assert_close(network.step(x)[0]["fc2"].spikes, seen, msg=f"step {step}")
        assert seen.mean(0).abs().max() < 1e-12
    assert all(not one.equal(two) for one, two in pairwise(record["fc2"].spikes))


def test_the_top_target_is_one_step_of_the_outputs_down_the_loss(monkeypatch):
    """On spikes of several steps, of which each takes its part: by the loss of rates, by hand."""
    network, batch = dense("6-8-3"), spikes(6, 3)
    rule = FWDTP(stepsize=3e-3)
    rates, targets = formed(monkeypatch, rule, network, batch, rule.init(network, torch.Generator().manual_seed(0)))
    *_, last = rates
    rate = rates[last].detach().requires_grad_()
    loss = torch.nn.functional.cross_entropy(rule.loss.gain * rate, batch.targets, reduction="sum")
    expected = (rate.detach() - 3e-3 * torch.autograd.grad(loss, rate)[0]).clamp(0.0, 1.0)
    assert ((expected > 0) & (expected < 1)).any(), "where a rate can be"
    torch.testing.assert_close(targets[last], expected, rtol=1e-10, atol=1e-12)


def test_the_way_back_is_learned_with_as_much_noise_as_is_said_and_drawn_within_its_bound():
    network, batch = dense("6-80-3"), spikes(6, 3, samples=200)
    rule = DTP(noise=0.2, bound=0.5, feedback_steps=4)
    drawn = rule.draws(network, batch, torch.Generator().manual_seed(0))
    assert all(abs(float(noise.std()) - 0.2) < 0.01 for noise in drawn.values())
    (back,) = (value for name, value in rule.init(network, torch.Generator().manual_seed(0)).items() if "back" in name)
    assert 0.45 < float(back.abs().max()) <= 0.5


def test_a_network_without_a_way_back_is_refused():
    with pytest.raises(ValueError, match="dtp learns a way back from block to block, but the network has its last"):
        DTP().init(dense("6-3"), torch.Generator())

from dataclasses import replace

import pytest
import torch
from torch.autograd import forward_ad
from torch.nn.utils import parametrizations

from spikelearn.neurons import IF, LIF, TSSL, ATan, CubaLIF, Surrogate, forward_sequence
from spikelearn.plasticity import (
    DFA,
    FA,
    RULES,
    Batch,
    CrossEntropyMembrane,
    Directional,
    DirectionalDFA,
    OptimizerChoice,
    Split,
    ThreeFactor,
)
from spikelearn.plasticity.three_factor.engine.tangents import output_tangent
from spikelearn.synapses import drive
from spikelearn.training import Training, learn, make_schedule
from tests.helpers import NETWORKS, batch_for, dense, looped, only_update

F64 = torch.float64


def distances(training):
    """{layer: W - B} of the rule's memory."""
    weights = dict(training.network.named_parameters())
    return {name: weights[f"{name.partition('back_weights.')[2]}.weight"] - b for name, b in training.memory.items()}


@pytest.mark.parametrize(
    ("optimizer", "shrinkage"),
    [
        (None, 1e-3 * 0.1),
        (OptimizerChoice("sgd", 0.05, {"momentum": 0.0, "weight_decay": 0.2}), 0.05 * 0.2),
    ],
    ids=["adamw", "sgd"],
)
def test_kolen_pollack_takes_the_difference_of_weights_and_weights_back_away(optimizer, shrinkage):
    network = dense("6-8-7-3")
    training = Training.start(network, FA(feedback="kolen-pollack"), optimizer=optimizer)
    before = {name: value.detach().clone() for name, value in distances(training).items()}
    start = network.blocks["fc2"].synapse[1].weight.detach().clone()
    for _ in range(20):
        learn(training, batch_for(network))
    for name, value in distances(training).items():
        torch.testing.assert_close(value, (1 - shrinkage) ** 20 * before[name], rtol=1e-10, atol=1e-12)
    assert (network.blocks["fc2"].synapse[1].weight - start).abs().max() > 0.01, "W itself moves"


def test_kolen_pollack_weights_follow_the_schedule_too_and_those_of_frozen_blocks_stay():
    network = dense("6-8-7-3")
    network.blocks["fc3"].requires_grad_(False)
    training = Training.start(network, FA(feedback="kolen-pollack"), optimizer=OptimizerChoice("sgd", 0.1))
    training.schedule = make_schedule("linear", training.optimizer, 4)
    learned, frozen = training.memory.values()
    kept = frozen.clone()
    difference = {name: value.detach().clone() for name, value in distances(training).items()}
    for _ in range(4):
        learn(training, batch_for(network))
        training.schedule.step()
    assert frozen.equal(kept)
    (name, other) = training.memory
    torch.testing.assert_close(distances(training)[name], difference[name])
    assert training.optimizer.param_groups[0]["lr"] < 0.1
    assert learned.grad is not None


def test_kolen_pollack_in_a_part_of_a_split_is_stepped_by_the_parts_optimizer():
    network = dense("6-8-7-3")
    parts = {"rest": FA(feedback="kolen-pollack"), "last": FA()}
    training = Training.start(network, Split(parts))
    place = "rest.back_weights.blocks.fc2.synapse.1"
    weight, before = network.blocks["fc2"].synapse[1].weight, training.memory[place].clone()
    apart = (weight - before).detach()
    learn(training, batch_for(network))
    assert not training.memory[place].equal(before)
    torch.testing.assert_close((weight - training.memory[place]).detach(), (1 - 1e-4) * apart)


def test_what_would_keep_kolen_pollack_weights_apart_is_refused():
    rule = FA(feedback="kolen-pollack")
    with pytest.raises(ValueError, match="fa gives weights of its own the changes.*leave clip_norm out"):
        Training.start(dense(), rule, clip=1.0)
    network = dense()
    parametrizations.weight_norm(network.blocks["fc2"].synapse[1])
    with pytest.raises(ValueError, match=r"those of blocks.fc2.synapse.1 are reparametrised"):
        rule.init(network, torch.Generator())
    assert not only_update(FA(), network, batch_for(network)).own


def pushes_for(network, data, seed=0):
    """Random pushes of all hidden blocks, [T, B, ...]."""
    torch.manual_seed(seed)
    shapes = network.shapes(data.inputs[0])
    leading = data.inputs.shape[:2]
    return {n: torch.randn(*leading, *s, dtype=F64) for n, s in shapes.items() if n not in network.outputs}


@pytest.mark.parametrize("case", [case for case in NETWORKS if case != "loops"])
def test_the_tangent_of_the_output_is_dual_to_errors_sent_back(case):
    """<u, J xi> = <J^T u, xi>, forward mode on the left, reverse mode through kernels on the right."""
    network = NETWORKS[case][0]()
    data = batch_for(network, steps=6, samples=3)
    pushes, (last,) = pushes_for(network, data), network.outputs
    adjoint = Surrogate(ATan())
    with network.presentation(), torch.enable_grad():
        moved = output_tangent(network, data, adjoint, pushes)
        record, _ = network.run(data.inputs, adjoint=adjoint)
        currents = drive(network.blocks[last].synapse, record[last].pre).flatten(2)
        direction = torch.randn_like(currents)
        errors = torch.autograd.grad(currents, [record[name].spikes for name in pushes], direction)
    expected = sum(float((error * push).sum()) for error, push in zip(errors, pushes.values(), strict=True))
    assert abs(expected) > 1e-3
    assert float((direction * moved).sum()) == pytest.approx(expected, rel=1e-11)


def test_the_tangent_of_the_output_goes_round_loops():
    network = looped()
    data = batch_for(network, steps=6, samples=3)
    pushes, adjoint = pushes_for(network, data), Surrogate(ATan())
    moved = output_tangent(network, data, adjoint, pushes)
    state, records = None, []
    with torch.enable_grad():
        for x in data.inputs:
            record, state = network.step(x, state, adjoint=adjoint)
            records.append(record)
        currents = torch.stack([network.blocks["c"].synapse(record["c"].pre) for record in records])
        direction = torch.randn_like(currents)
        spikes = [record[name].spikes for name in pushes for record in records]
        errors = torch.autograd.grad(currents, spikes, direction, allow_unused=True)
    pushed = [push for name in pushes for push in pushes[name]]
    expected = sum(float((e * push).sum()) for e, push in zip(errors, pushed, strict=True) if e is not None)
    assert float((direction * moved).sum()) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(
    "neuron",
    [
        LIF(10e-3, r=12.0, v_reset=-0.2, inclusive=True),
        LIF.per_step(torch.linspace(0.5, 0.9, 5), reset="subtract", v_threshold=torch.linspace(0.8, 1.2, 5)).double(),
        IF(1.5, reset="subtract", r=2.0),
        CubaLIF.per_step(0.8, 0.5),
    ],
    ids=["to value", "each its own", "if", "two states"],
)
def test_the_tangent_of_a_sequence_is_that_of_dual_numbers(neuron):
    torch.manual_seed(0)
    current, tangent = 2.0 * torch.rand(9, 4, 5, dtype=F64), torch.randn(9, 4, 5, dtype=F64)
    adjoint, state = Surrogate(ATan()), neuron.initial_state(current[0])
    with torch.no_grad(), forward_ad.dual_level():
        dual = forward_ad.make_dual(current, tangent)
        expected = forward_ad.unpack_dual(adjoint.sequence(neuron, state, dual)[0])
        found = forward_ad.unpack_dual(forward_sequence(adjoint, neuron, state, dual)[0])
    assert found.primal.equal(expected.primal)
    assert found.primal.any()
    torch.testing.assert_close(found.tangent, expected.tangent, rtol=1e-12, atol=1e-14)


def test_pushes_of_single_steps_give_what_a_spike_does_within_its_step():
    """One neuron at one step at a time, each in a sample of its own: the mean Jacobian of the layers between."""
    network, rule = dense("6-4-3-3"), DirectionalDFA(tangents="step")
    data = batch_for(network, steps=5, samples=1)
    count = 5 * (4 + 3)
    basis = count**0.5 * torch.eye(count, dtype=F64).view(count, 5, 7)
    draws = {"tangents.fc1": basis[:, :, :4], "tangents.fc2": basis[:, :, 4:]}
    whole = Batch(data.inputs.expand(-1, count, -1).contiguous(), data.targets.expand(count), draws=draws)
    own = only_update(rule, network, whole).own
    record, _ = network.run(data.inputs)
    above, top = (network.blocks[name].synapse[1].weight.detach() for name in ("fc2", "fc3"))
    psi = rule.adjoint.spike_function.derivative(record["fc2"].v[:, 0] - 1.0).mean(0)
    torch.testing.assert_close(-own["back_weights.fc2"], top)
    torch.testing.assert_close(-own["back_weights.fc1"], (top * psi) @ above)


def test_pushes_are_normal_and_handed_out_by_sample():
    network, rule = dense("6-40-30-3"), DirectionalDFA()
    data = batch_for(network, samples=6)
    drawn = rule.draws(network, data, torch.Generator().manual_seed(0))
    assert {name: tuple(xi.shape) for name, xi in drawn.items()} == {"tangents.fc1": (6, 40), "tangents.fc2": (6, 30)}
    values = torch.cat([xi.flatten() for xi in drawn.values()])
    # Of n normal numbers mean and mean square lie within five standard errors, 1 / sqrt n and sqrt(2 / n).
    assert abs(float(values.mean())) < 5 / len(values) ** 0.5
    assert abs(float(values.square().mean()) - 1.0) < 5 * (2 / len(values)) ** 0.5
    memory = rule.init(network, torch.Generator().manual_seed(1))
    full = only_update(rule, network, replace(data, draws=drawn), memory).own
    halves = [
        only_update(
            rule,
            network,
            Batch(data.inputs[:, part], data.targets[part], draws={name: xi[part] for name, xi in drawn.items()}),
            memory,
        ).own
        for part in (slice(0, 3), slice(3, 6))
    ]
    for name, value in full.items():
        assert value.any()
        torch.testing.assert_close(value, (halves[0][name] + halves[1][name]) / 2)


def test_a_push_leaves_the_run_and_the_statistics_of_batch_norm_as_they_are():
    network = NETWORKS["batch norm, weight norm"][0]()
    data = batch_for(network)
    one, two = only_update(DFA(), network, data), only_update(DirectionalDFA(), network, data)
    assert one.buffers.keys() == two.buffers.keys()
    assert all(value.equal(two.buffers[name]) for name, value in one.buffers.items())
    assert one.scores.equal(two.scores)


def test_what_cannot_be_pushed_is_refused():
    with pytest.raises(ValueError, match="signal looks at the whole sequence, .* use form=sequence"):
        ThreeFactor(Directional(CrossEntropyMembrane()), form="step")
    network = dense(neuron=lambda: CubaLIF(5e-3, 3e-3, r=5.0, discretisation="euler"))
    with pytest.raises(ValueError, match="TSSL needs the whole sequence at once"):
        only_update(DirectionalDFA(adjoint=TSSL()), network, batch_for(network))
    with pytest.raises(ValueError, match="scale is -1.0, expected a number of at least 0"):
        RULES.make("directional-dfa:scale=-1.0")
    with pytest.raises(ValueError, match="feedback_lr is 0"):
        RULES.make("dkp:feedback_lr=0")
    assert RULES.make("dkp:feedback_lr=0.5").default_own_optimizer == OptimizerChoice(
        "adam", 0.5, {"weight_decay": 1e-6}
    )

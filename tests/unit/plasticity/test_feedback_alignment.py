import copy
import math

import pytest
import torch
from torch import nn

from spikelearn.datasets import Digits
from spikelearn.loading import Loader
from spikelearn.measure import evaluate
from spikelearn.network import Block, Feedback, Network, RateReadout, build
from spikelearn.neurons import LIF, ATan, CubaLIF, LeakyIntegrator, Surrogate, Triangle
from spikelearn.plasticity import (
    BPTT,
    DFA,
    FA,
    RULES,
    SDFA,
    Batch,
    CrossEntropy,
    CrossEntropyMembrane,
    CrossEntropyRate,
    MSECount,
    OptimizerChoice,
    ReadoutOnly,
)
from spikelearn.synapses import correlate, transpose
from spikelearn.training import Training, fit, learn
from tests.helpers import (
    NETWORKS,
    SUBTRACTING,
    batch_for,
    dense,
    images,
    largest_difference,
    looped,
    only_update,
)

F64 = torch.float64


def weights_of(network, memory):
    """The memory of feedback alignment with every B equal to the weight itself, as the network reads it."""
    return {name: network.get_submodule(name.removeprefix("back_weights.")).weight.detach().clone() for name in memory}


@pytest.mark.parametrize("case", NETWORKS)
def test_fa_through_the_weights_themselves_is_bptt(case):
    network, loss = NETWORKS[case][0](), NETWORKS[case][1]
    data, rule = batch_for(network), FA(loss)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    exact, aligned = (
        only_update(BPTT(loss), network, data),
        only_update(rule, network, data, weights_of(network, memory)),
    )
    assert largest_difference(aligned.grads, exact.grads) <= 1e-12
    assert all(grad.abs().max() > 0 for grad in exact.grads.values())
    assert aligned.scores.equal(exact.scores)
    assert aligned.loss.equal(exact.loss)
    random = only_update(rule, network, data, memory)
    first = next(iter(exact.grads))
    assert (random.grads[first] - exact.grads[first]).abs().max() > 1e-4 * exact.grads[first].abs().max()
    assert largest_difference(random.buffers, exact.buffers) == 0 if random.buffers else True


def by_hand(rule, network, data, memory, layer_of):
    """Block by block from the top: dL/dI by autograd within a block, then the transpose with B, then the delay."""
    record, _ = network.run(data.inputs)
    names, found, arriving = list(network.blocks), {}, None
    for place, name in reversed(list(enumerate(names))):
        block, seen = network.blocks[name], record[name]
        alone = Network({name: Block(block.synapse, block.neuron)}, readout=network.readout)
        current = torch.zeros_like(seen.v, requires_grad=True)
        own, _ = alone.run(seen.pre, adjoint=rule.adjoint, inject={name: current})
        value = (
            rule.loss(own.output, alone.scores(own), data.targets)
            if arriving is None
            else (arriving * own.output.spikes).sum()
        )
        (error,) = torch.autograd.grad(value, current)
        found |= {f"blocks.{name}.synapse.{key}": g for key, g in correlate(block.synapse, seen.pre, error).items()}
        if place:
            backwards = copy.deepcopy(block.synapse)
            layer = backwards.get_submodule(layer_of.get(name, ""))
            path = f"back_weights.blocks.{name}.synapse" + ("." + layer_of[name] if name in layer_of else "")
            with torch.no_grad():
                layer.weight.copy_(memory[path])
            late = transpose(backwards, seen.pre, error)
            arriving = torch.cat([late[block.delay :], torch.zeros_like(late[: block.delay])])
    return found


@pytest.mark.parametrize(
    ("make", "layer_of"),
    [(lambda: dense(delay=1), {"fc2": "1", "fc3": "1"}), (images, {"b": "1", "c": "1", "d": "2"})],
    ids=["dense", "images"],
)
def test_fa_is_the_transpose_through_random_weights(make, layer_of):
    network, rule = make(), FA()
    data, memory = batch_for(network), rule.init(network, torch.Generator().manual_seed(1))
    expected = by_hand(rule, network, data, memory, layer_of)
    update = only_update(rule, network, data, memory)
    assert largest_difference(update.grads, expected) <= 1e-12
    assert all(grad.abs().max() > 0 for grad in expected.values())


@pytest.mark.parametrize("reset", ["to_value", "subtract"])
@pytest.mark.parametrize("surrogate", [ATan(), Triangle()])
def test_kernels_for_sparse_records_send_errors_back_through_b_too(reset, surrogate):
    """Large enough for event lists, in single precision: against the same network step by step."""
    torch.manual_seed(0)
    network = build("120-200-90-10", lambda: LIF.per_step(0.8, reset=reset))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)
    looping = Network(
        {name: Block(block.synapse, block.neuron) for name, block in network.blocks.items()},
        {"silent": Feedback("fc3", "fc1", nn.Linear(10, 200, bias=False).requires_grad_(False))},
    )
    nn.init.zeros_(looping.feedback["silent"].synapse.weight)
    data = Batch((torch.rand(20, 40, 120) < 0.1).to(torch.uint8), torch.arange(40) % 10)
    rule = FA(adjoint=Surrogate(surrogate))
    memory = rule.init(network, torch.Generator().manual_seed(0))
    silent = {"back_weights.feedback.silent.synapse": torch.zeros(200, 10)}
    fast, eager = only_update(rule, network, data, memory), only_update(rule, looping, data, memory | silent)
    assert 0.0 < fast.rates["fc2"] < 0.2, "sparse enough for event lists"
    for name, grad in fast.grads.items():
        torch.testing.assert_close(grad, eager.grads[name], rtol=1e-4, atol=1e-4 * float(grad.abs().max()))


def test_fa_within_a_memory_budget_is_the_same():
    network, rule = dense("6-50-40-3"), FA()
    data, memory = batch_for(network, steps=40), rule.init(network, torch.Generator().manual_seed(0))
    whole = only_update(rule, network, data, memory)
    chunked = only_update(FA(memory_budget=0.2), network, data, memory)
    assert chunked.metrics["chunk"] < 40
    assert largest_difference(chunked.grads, whole.grads) <= 1e-12


def test_sign_symmetric_feedback_has_the_signs_of_the_weights_as_they_are():
    network, rule = dense(), FA(feedback="sign-symmetric")
    data, memory = batch_for(network), rule.init(network, torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.blocks["fc2"].synapse[1].weight.neg_()
    signed = {name: memory[name].abs() * weight.sign() for name, weight in weights_of(network, memory).items()}
    expected = only_update(FA(), network, data, signed)
    assert largest_difference(only_update(rule, network, data, memory).grads, expected.grads) == 0


@pytest.mark.parametrize(
    ("make", "loss"),
    [
        (lambda: dense("6-20-3"), CrossEntropyRate()),
        (lambda: dense("6-20-3", neuron=lambda: CubaLIF.per_step(0.8, 0.5, **SUBTRACTING)), MSECount()),
        (lambda: dense("6-20-3", output=LeakyIntegrator.per_step), CrossEntropyMembrane()),
        (lambda: dense("6-20-3", readout=RateReadout(nn.Linear(3, 3))), CrossEntropy()),
    ],
    ids=["rate", "count", "potentials", "linear readout"],
)
def test_dfa_with_one_hidden_block_and_the_weights_themselves_is_bptt(make, loss):
    network = make()
    data = batch_for(network)
    exact = only_update(BPTT(loss), network, data)
    direct = only_update(
        DFA(loss), network, data, {"back_weights.fc1": network.blocks["fc2"].synapse[1].weight.detach()}
    )
    assert largest_difference(direct.grads, exact.grads) <= 1e-12
    assert all(grad.abs().max() > 0 for grad in exact.grads.values())
    assert direct.scores.equal(exact.scores)
    assert direct.loss.equal(exact.loss)


@pytest.mark.parametrize("masked", [False, True])
def test_dfa_is_the_output_error_times_d_within_each_block(masked):
    """By hand: each block alone, driven by what it saw, its spikes weighted by e D."""
    network, rule = images(), DFA()
    data, memory = batch_for(network), rule.init(network, torch.Generator().manual_seed(1))
    if masked:
        torch.manual_seed(0)
        places = {"b": (6, 6, 6), "e.synapse": (3,)}
        masks = {place: 2.0 * (torch.rand(5, *shape) < 0.5).to(F64) for place, shape in places.items()}
        data = Batch(data.inputs, data.targets, masks)
    added = torch.zeros(12, 5, 3, dtype=F64, requires_grad=True)
    record, _ = network.run(data.inputs, adjoint=rule.adjoint, inject={"e": added}, masks=data.masks)
    loss = rule.loss(record.output, network.scores(record), data.targets)
    (error,) = torch.autograd.grad(loss, added)
    update = only_update(rule, network, data, memory)
    for name in "abcd":
        block, own = network.blocks[name], {k: m for k, m in data.masks.items() if k == name}
        alone = Network({name: Block(block.synapse, block.neuron)})
        seen, _ = alone.run(record[name].pre.detach(), adjoint=rule.adjoint, masks=own)
        value = torch.einsum(
            "tbo,on,tbn->", error, memory[f"back_weights.{name}"].flatten(1), seen.output.spikes.flatten(2)
        )
        for key, parameter in block.synapse.named_parameters():
            (expected,) = torch.autograd.grad(value, parameter, retain_graph=True)
            torch.testing.assert_close(update.grads[f"blocks.{name}.synapse.{key}"], expected, rtol=1e-12, atol=1e-12)
            assert expected.abs().max() > 0


def test_dfa_on_loops_is_one_step_of_learning_signal_at_each_edge():
    """No error goes back along feedback edges; they learn from what arrives at their target."""
    network, rule = looped(), DFA()
    data, memory = batch_for(network), rule.init(network, torch.Generator().manual_seed(1))
    update = only_update(rule, network, data, memory)
    added = torch.zeros(12, 5, 3, dtype=F64, requires_grad=True)
    record, _ = network.run(data.inputs, adjoint=rule.adjoint, inject={"c": added}, cut=True)
    loss = rule.loss(record.output, network.scores(record), data.targets)
    (error,) = torch.autograd.grad(loss, added)
    # The current of the hidden block is explained by its two edges: both meet the same local error.
    injected = {name: torch.zeros_like(record[name].v, requires_grad=True) for name in "ab"}
    again, _ = network.run(data.inputs, adjoint=rule.adjoint, inject=injected, cut=True)
    for edge, source, target in (("back", "c", "a"), ("loop", "b", "b")):
        value = ((error @ memory[f"back_weights.{target}"]) * again[target].spikes).sum()
        (local,) = torch.autograd.grad(value, injected[target], retain_graph=True)
        sent = record[source].spikes.detach()
        pre = torch.cat([torch.zeros_like(sent[:1]), sent[:-1]])
        expected = correlate(network.feedback[edge].synapse, pre, local)["weight"]
        torch.testing.assert_close(update.grads[f"feedback.{edge}.synapse.weight"], expected, rtol=1e-12, atol=1e-12)


def test_sign_of_the_error_alone():
    network = dense("6-8-3")
    data, rule = batch_for(network), SDFA()
    memory = rule.init(network, torch.Generator().manual_seed(0))
    added = torch.zeros(12, 5, 3, dtype=F64, requires_grad=True)
    record, _ = network.run(data.inputs, adjoint=rule.adjoint, inject={"fc2": added}, cut=True)
    (error,) = torch.autograd.grad(rule.loss(record.output, network.scores(record), data.targets), added)
    signal = (error.sign() @ memory["back_weights.fc1"]) / (12 * 5)
    weight = network.blocks["fc1"].synapse[1].weight
    (expected,) = torch.autograd.grad(record["fc1"].spikes, weight, signal)
    update, plain = only_update(rule, network, data, memory), only_update(DFA(), network, data, memory)
    torch.testing.assert_close(update.grads["blocks.fc1.synapse.1.weight"], expected, rtol=1e-12, atol=1e-12)
    top = "blocks.fc2.synapse.1.weight"
    assert update.grads[top].equal(plain.grads[top]), "the last block learns by the loss itself"


def test_feedback_weights_are_drawn_as_published():
    network = build("4C3-P2-30-5", lambda: LIF.per_step(0.8), input_shape=(1, 12, 12))
    draws = {rule: rule.init(network, torch.Generator().manual_seed(0)) for rule in (FA(), FA(scale=2.0), DFA())}
    layered, doubled, direct = draws.values()
    shapes = {name.removeprefix("back_weights."): tuple(b.shape) for name, b in layered.items()}
    assert list(shapes.values()) == [(30, 100), (5, 30)]
    for name, b in layered.items():
        assert b.shape == network.get_submodule(name.removeprefix("back_weights.")).weight.shape
        assert doubled[name].equal(2.0 * b)
    bounds = [1 / math.sqrt(100), 1 / math.sqrt(30)]
    assert {name: tuple(d.shape) for name, d in direct.items()} == {
        "back_weights.conv1": (5, 4, 10, 10),
        "back_weights.fc1": (5, 30),
    }
    bounds += [math.sqrt(6 / 400), math.sqrt(6 / 30)]
    for drawn, bound in zip([*layered.values(), *direct.values()], bounds, strict=True):
        assert 0.9 * bound < drawn.abs().max() <= bound
        assert drawn.std() == pytest.approx(bound / math.sqrt(3), rel=0.15)
    assert FA().init(network, torch.Generator().manual_seed(0)).keys() == layered.keys()


def test_feedback_weights_stay_as_they_were_drawn():
    network, data = dense("6-8-3"), batch_for(dense("6-8-3"))
    for rule in (FA(), DFA()):
        training = Training.start(copy.deepcopy(network), rule)
        before = {name: value.clone() for name, value in training.memory.items()}
        for _ in range(3):
            learn(training, data)
        assert before
        assert all(value.equal(before[name]) for name, value in training.memory.items())


def test_frozen_blocks_stay_and_pass_the_error_on():
    network = dense("6-8-7-3")
    data = batch_for(network)
    for rule in (FA(), DFA()):
        network.requires_grad_(True)
        memory = rule.init(network, torch.Generator().manual_seed(0))
        whole = only_update(rule, network, data, memory).grads
        network.blocks["fc2"].requires_grad_(False)
        part = only_update(rule, network, data, memory).grads
        assert not any(name.startswith("blocks.fc2.") for name in part)
        assert largest_difference(part, {name: whole[name] for name in part}) == 0
        network.blocks["fc1"].requires_grad_(False)
        top = only_update(rule, network, data, memory).grads
        assert largest_difference(top, {name: whole[name] for name in top}) == 0


class Doubled(nn.Linear):
    def forward(self, x):
        return super().forward(2.0 * x)


def test_what_cannot_be_trained_is_refused():
    neuron = LIF.per_step(0.8)
    odd = Network({"a": Block(nn.Linear(6, 4), neuron), "b": Block(Doubled(4, 3), neuron)})
    with pytest.raises(ValueError, match=r"blocks.b.synapse is Doubled.*fa knows.*train with dfa"):
        FA().init(odd, torch.Generator())
    assert only_update(DFA(), odd.to(F64), batch_for(odd)).grads
    sizeless = Network({"a": Block(nn.Conv2d(1, 2, 3), neuron), "b": Block(nn.LazyLinear(3), neuron)})
    with pytest.raises(ValueError, match=r"how large its inputs are: make it with input_shape"):
        DFA().init(sizeless, torch.Generator())
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(ValueError, match="autocast"):
        only_update(FA(), dense(), batch_for(dense()))
    with pytest.raises(ValueError, match="the network has 3 outputs"):
        only_update(DFA(), dense(), Batch(batch_for(dense()).inputs, torch.arange(5)))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fa", {"feedback": "symmetric"}, "feedback is 'symmetric', expected one of frozen, kolen-pollack"),
        ("fa", {"scale": 0}, "scale is 0, expected a positive number"),
        ("dfa", {"scale": -1.0}, "scale is -1.0"),
        ("sign-symmetry", {"sizes": "mean"}, "sizes is 'mean', expected one of random, uniform"),
        ("dfa", {"loss": "means"}, "unknown loss 'means'"),
    ],
)
def test_wrong_options_are_named(name, options, message):
    with pytest.raises(ValueError, match=message):
        RULES.make(name, options)


def test_options_from_plain_values():
    rule = RULES.make("sdfa", {"loss": "mse-count", "adjoint": "triangle", "scale": 0.5})
    assert isinstance(rule.loss, MSECount)
    assert isinstance(rule.adjoint.spike_function.derivative, Triangle)
    assert (rule.signal.sign, rule.signal.back.gain) == (True, 0.5 * 6.0**0.5)
    assert RULES.make("fa", {"feedback": "sign-symmetric"}).signal.back.kind == "sign-symmetric"


def trained(rule, net, epochs, samples, lr):
    network = build(net, input_shape=(1, 8, 8), generator=torch.Generator().manual_seed(0))
    training = Training.start(network, rule, optimizer=OptimizerChoice("adam", lr))
    fit(training, Loader(Digits("train"), n_steps=10, batch=samples, shuffle=True), epochs=epochs)
    return training


@pytest.mark.parametrize("rule", [FA(), DFA()], ids=["fa", "dfa"])
@pytest.mark.slow
def test_the_gradient_turns_towards_that_of_bptt_within_an_epoch(rule):
    """The forward weights come to resemble the feedback weights, and so the angle falls below 90 degrees."""
    found = next(iter(Loader(Digits("test"), n_steps=10, batch=200).epoch()))
    data = Batch(found.inputs, found.targets)
    training = trained(rule, "64-100-10", 1, samples=8, lr=1e-3)
    network, (feedback,) = training.network, training.memory.values()
    aligned = only_update(rule, network, data, training.memory).grads["blocks.fc1.synapse.1.weight"]
    exact = only_update(BPTT(), network, data).grads["blocks.fc1.synapse.1.weight"]
    assert torch.cosine_similarity(aligned.flatten(), exact.flatten(), dim=0) > 0.1
    weight = network.blocks["fc2"].synapse[1].weight.detach()
    assert torch.cosine_similarity(weight.flatten(), feedback.flatten(), dim=0) > 0.1


@pytest.mark.slow
def test_narrow_hidden_blocks_learn_more_than_frozen_ones():
    test = Loader(Digits("test"), n_steps=10, batch=360)
    accuracy = {
        type(rule).__name__: evaluate(trained(rule, "64-16-16-10", 3, samples=32, lr=5e-3).network, test).accuracy
        for rule in (FA(), DFA(), ReadoutOnly())
    }
    assert accuracy["FA"] > accuracy["ReadoutOnly"] + 0.2, accuracy
    assert accuracy["DFA"] > accuracy["ReadoutOnly"] + 0.2, accuracy

"""Predictive coding under constraints and with layers of any distribution: what identities and golden files do not say."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.measure.payload import payload_bytes
from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Logistic, Tanh
from spikelearn.plasticity import DIVERGENCES, RULES, Batch, OptimizerChoice
from spikelearn.training import Training, learn

F64 = torch.float64


def network_of(*sizes, hidden=None, output=None, bias=False):
    torch.manual_seed(0)
    blocks = {
        f"b{n}": Block(
            nn.Linear(*pair, bias=bias), Rate(output or Linear()) if n == len(sizes) - 2 else Rate(hidden or Tanh())
        )
        for n, pair in enumerate(zip(sizes, sizes[1:], strict=False))
    }
    return Network(blocks).to(F64)


def batch_of(samples=6, inputs=5, classes=3):
    generator = torch.Generator().manual_seed(1)
    return Batch(torch.randn(1, samples, inputs, generator=generator, dtype=F64), torch.arange(samples) % classes)


def update_of(rule, network, batch, memory=None):
    memory = rule.init(network, torch.Generator().manual_seed(0)) if memory is None else memory
    *_, last = rule.updates(network, batch, memory, torch.Generator())
    return last


def watched(rule):
    """A list to which all states of the rule's inference are added."""
    seen, whole = [], rule.infer
    rule.infer = lambda *given: (seen.append(state) or state for state in whole(*given))
    return seen


@pytest.mark.parametrize("rule", ["pc-constrained:steps=3", "pc-relaxed:steps=3"])
def test_learned_weights_back_come_to_those_of_the_way_up(rule):
    network, batch = network_of(5, 8, 3), batch_of()
    decaying = OptimizerChoice("adamw", 0.01, {"weight_decay": 2.0})
    training = Training.start(network, RULES.make(rule), optimizer=decaying)
    weight, back = network.get_parameter("blocks.b1.synapse.weight"), training.memory["back_weights.b1"]
    before = F.cosine_similarity(weight.flatten(), back.flatten(), 0)
    for _ in range(100):
        learn(training, batch)
    assert F.cosine_similarity(weight.flatten(), back.flatten(), 0) > max(0.9, before + 0.1)


@pytest.mark.parametrize("rule", ["pc-constrained", "pc-relaxed"])
def test_random_weights_back_never_change(rule):
    training = Training.start(network_of(5, 8, 3), RULES.make(rule, {"feedback": "random"}))
    before = training.memory["back_weights.b1"].clone()
    assert not learn(training, batch_of()).own
    assert training.memory["back_weights.b1"].equal(before)


@pytest.mark.parametrize(("kind", "falls"), [("learned", True), ("ascending", False)])
def test_error_weights_lower_the_error_and_those_of_the_program_raise_it(kind, falls):
    network, batch = network_of(5, 8, 3), batch_of()
    rule = RULES.make("pc-relaxed", {"feedback": "transpose", "error_weights": kind})
    memory = rule.init(network, torch.Generator().manual_seed(0))
    last = watched(rule)
    changes = update_of(rule, network, batch, memory).own
    values, means = last[-1].values["b0"], last[-1].means["b0"]
    before, after = (
        (values - means @ weight).square().sum()
        for weight in (memory["error_weights.b0"], memory["error_weights.b0"] - 0.02 * changes["error_weights.b0"])
    )
    assert bool(after < before) is falls


def test_positive_values_are_kept_positive():
    network, batch = network_of(5, 8, 3, output=Logistic()), batch_of()
    rule = RULES.make("pc-constrained", {"rate_down": 0.5})
    seen = watched(rule)
    update_of(rule, network, batch)
    assert len(seen) == rule.steps + 1
    assert all(bool((value >= 0).all()) for state in seen for value in state.values.values())


def test_without_slopes_the_way_back_of_saturated_neurons_stays_open():
    network, batch = network_of(5, 8, 8, 3), batch_of()
    with torch.no_grad():
        network.get_parameter("blocks.b1.synapse.weight").mul_(1e6)
    first = "blocks.b0.synapse.weight"
    closed, opened = (
        update_of(RULES.make("pc-relaxed", {"feedback": "random", "slopes": slopes}), network, batch)
        .grads[first]
        .norm()
        for slopes in (True, False)
    )
    assert opened > 10 * closed


def test_biases_of_places_serve_as_many_samples():
    network, batch = network_of(5, 8, 3), batch_of(6)
    rule = RULES.make("pc-relaxed", {"sample_biases": 8})
    memory = rule.init(network, torch.Generator().manual_seed(0))
    update = update_of(rule, network, batch, memory)
    assert update.own["sample_bias.b1"].shape == (8, 3)
    assert update.own["sample_bias.b1"][:6].any(1).all()
    assert not update.own["sample_bias.b1"][6:].any()
    with pytest.raises(
        ValueError, match="biases for 8 places of a batch, but there are 9 samples: raise sample_biases"
    ):
        update_of(rule, network, batch_of(9), memory)
    with pytest.raises(ValueError, match="there are 9 samples"):
        rule.scores(network, batch_of(9).inputs, memory)


def test_scores_are_predictions_without_the_constant():
    network, batch = network_of(5, 8, 3, hidden=Logistic(), output=Logistic()), batch_of()
    rule = RULES.make("pc-constrained:errors=division,offset=1.5")
    first, second = (network.get_parameter(f"blocks.b{n}.synapse.weight") for n in (0, 1))
    expected = ((batch.inputs[0] @ first.T).sigmoid() + 1.5) @ second.T
    memory = rule.init(network, torch.Generator())
    torch.testing.assert_close(rule.scores(network, batch.inputs, memory), expected.sigmoid())
    torch.testing.assert_close(update_of(rule, network, batch, memory).scores, expected.sigmoid())


def test_weights_decay_by_default_where_those_back_are_learned():
    assert RULES.make("pc-constrained").default_optimizer.options == {"weight_decay": 0.01}
    assert RULES.make("pc-constrained:feedback=random").default_optimizer.options == {"weight_decay": 0.0}


@pytest.mark.parametrize("rule", ["pc-constrained", "pc-relaxed", "pc", "pc-prospective", "pc-kl:eta=0.1"])
def test_memory_does_not_grow_with_the_steps_of_the_values(rule):
    network, batch = network_of(5, 100, 100, 3), batch_of()
    live = []
    for steps in (5, 50):
        made = RULES.make(rule, {"steps" if "ed" in rule else "iterations": steps})
        memory = made.init(network, torch.Generator().manual_seed(0))
        live.append(payload_bytes(network, made, batch, memory, torch.Generator()).live)
    assert live[0] == live[1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("pc-constrained:errors=division", "positive is True and offset 0: set positive=true and offset=1"),
        ("pc-constrained:feedback=learned", "feedback"),
        ("pc-relaxed:error_weights=none", "error_weights"),
        ("pc-relaxed:clip_values=0", "clip_values"),
        ("pc-relaxed:sample_biases=0", "sample_biases"),
        ("pc-kl:distribution=poisson", "unknown distribution 'poisson', expected"),
        ("pc-kl:eta=0", "eta"),
    ],
)
def test_wrong_options_are_refused(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        RULES.make(text)


def test_distributions_are_named_or_given_as_objects():
    given = RULES.build("pc-kl", {"distribution": [DIVERGENCES.make("categorical"), DIVERGENCES.make("gaussian")]})
    named = RULES.make("pc-kl:distribution=categorical+gaussian")
    assert list(map(type, given.divergences)) == list(map(type, named.divergences))
    with pytest.raises(ValueError, match="expected names such as 'bernoulli' or"):
        RULES.build("pc-kl", {"distribution": [Linear()]})
    with pytest.raises(ValueError, match="distribution names none"):
        RULES.build("pc-kl", {"distribution": []})


def test_networks_that_do_not_fit_are_refused():
    network = network_of(5, 7, 3, bias=True)
    with pytest.raises(ValueError, match="gaussian-variance.*has 7 units, expected an even number"):
        update_of(RULES.make("pc-kl:distribution=gaussian-variance"), network, batch_of())
    with pytest.raises(ValueError, match="pc-kl has 4 distributions, one a block, but 2 blocks learn"):
        RULES.make("pc-kl:distribution=gaussian+gaussian+gaussian+gaussian").check(network)
    conv = Network({"b0": Block(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()), Rate())}, input_shape=(1, 5, 5))
    with pytest.raises(ValueError, match="pc-relaxed sends errors .* take a network of dense layers"):
        RULES.make("pc-relaxed").check(conv)
    with pytest.raises(ValueError, match="in place of the network's, but block 'b0' has a trainable bias"):
        RULES.make("pc-relaxed", {"sample_biases": 6}).check(network)
    for rule in ("pc-constrained", "pc-relaxed"):
        made, plain = RULES.make(rule), network_of(5, 7, 3)
        valid = torch.ones(1, 6, dtype=torch.bool)
        with pytest.raises(ValueError, match=f"{rule} looks at every step, but lengths or valid leave some out"):
            made.scores(plain, batch_of().inputs, made.init(plain, torch.Generator()), valid)


@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize("shape", [(1, 2, 4), (2, 3, 4, 3, 3)])
def test_closed_forms_are_the_derivatives(name, shape):
    torch.manual_seed(0)
    value, prediction = (torch.randn(shape, dtype=F64, requires_grad=True) for _ in range(2))
    divergence = DIVERGENCES.make(name)
    energy = divergence.of(value, prediction)
    assert energy.shape == shape[1:2]
    assert bool((energy > 0).all())
    found = divergence.slopes(value.detach(), prediction.detach())
    for closed, slope in zip(found, torch.autograd.grad(energy.sum(), (value, prediction)), strict=True):
        torch.testing.assert_close(closed, slope)
    at_rest = divergence.slopes(value.detach(), value.detach())
    assert max(float(part.abs().max()) for part in at_rest) < 1e-12


def test_weights_that_learn_in_every_step_are_those_of_the_authors_program():
    """``references/make_alonso.py`` has made the numbers, by the program."""
    found = np.load(Path(__file__).parent / "references" / "alonso_online.npz")
    case = {name: torch.as_tensor(found[name]) for name in found}
    network = network_of(6, 7, 5, 3, output=Logistic())
    options = {"online": True, "offset": 1.0, "steps": 4, "rate_up": 0.1, "rate_down": 0.2}
    # The program sums over the four samples: Adam on the mean is the same where what keeps it finite is smaller.
    adam = OptimizerChoice("adamw", 1e-3, {"weight_decay": 0.01, "eps": 1e-8 / 4})
    training = Training.start(network, RULES.make("pc-constrained", options), optimizer=adam)
    with torch.no_grad():
        for n in range(3):
            network.get_parameter(f"blocks.b{n}.synapse.weight").copy_(case[f"weight{n}_0"])
        for n in (1, 2):
            training.memory[f"back_weights.b{n}"].copy_(case[f"back{n}_0"])
    for stage, (inputs, labels) in enumerate(zip(case["inputs"], case["labels"], strict=True), start=1):
        learn(training, Batch(inputs[None], labels))
        for n in range(3):
            weight = network.get_parameter(f"blocks.b{n}.synapse.weight")
            torch.testing.assert_close(weight.detach(), case[f"weight{n}_{stage}"], rtol=0, atol=1e-9)
            assert (case[f"weight{n}_{stage}"] - case[f"weight{n}_{stage - 1}"]).abs().max() > 1e-3
        for n in (1, 2):
            torch.testing.assert_close(
                training.memory[f"back_weights.b{n}"], case[f"back{n}_{stage}"], rtol=0, atol=1e-9
            )

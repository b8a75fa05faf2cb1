from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikelearn import Digits, Loader, build, network_for
from spikelearn.measure import alignment
from spikelearn.network import Block, MembraneReadout, Network, RateReadout
from spikelearn.neurons import LIF, EscapeNoiseLIF, LeakyIntegrator, Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import BPTT, RULES, Batch, CrossEntropyRate, OptimizerChoice, Pepita
from spikelearn.plasticity.two_phase import pepita
from spikelearn.plasticity.two_phase.input_error import shifted_spikes
from spikelearn.runs import needs_of
from spikelearn.training import Training, fit, learn
from tests.helpers import NETWORKS, batch_for, dense, images, looped, only_update

F64 = torch.float64
PLACE = "back_weights.inputs"

#: The published form.
to_input = partial(Pepita, modulation="input", scale=0.05)


def rates(net="12-9-4", seed=0, **options):
    """A network of rectified units with a linear output, and a batch of one step."""
    generator = torch.Generator().manual_seed(seed)
    network = build(net, Rate, output=lambda: Rate(Linear()), generator=generator, **options).to(F64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)
    inputs = torch.rand(1, 8, 12, generator=generator, dtype=F64)
    return network, Batch(inputs, torch.arange(8) % 4)


def weights(network):
    return [p.detach() for p in network.parameters() if p.ndim > 1]


def hidden_change(rule, network, batch, memory=None):
    return next(iter(only_update(rule, network, batch, memory).grads.values()))


def cosine(a, b):
    return float(F.cosine_similarity(a.detach().flatten(), b.detach().flatten(), 0))


def gradient(network, batch):
    """Backpropagation's, of the first weights."""
    weight = next(network.parameters())
    x, (first, last) = batch.inputs[0], [p for p in network.parameters() if p.ndim > 1]
    biases = [block.synapse[-1].bias for block in network.blocks.values()]
    logits = F.linear(F.linear(x, first, biases[0]).relu(), last, biases[1])
    return torch.autograd.grad(F.cross_entropy(logits, batch.targets), weight)[0]


def test_the_first_layer_learns_as_by_adaptive_feedback_alignment_where_the_matrix_is_small():
    network, batch = rates()
    first, last = weights(network)
    x, cosines = batch.inputs[0], []
    a = F.linear(x, first, network.blocks["fc1"].synapse[-1].bias)
    error = F.linear(a.relu(), last, network.blocks["fc2"].synapse[-1].bias).softmax(1) - F.one_hot(batch.targets)
    for scale in (5.0, 0.5, 0.0005):
        rule = to_input(scale=scale, gain=1.0)
        memory = rule.init(network, torch.Generator().manual_seed(0))
        expected = -((a > 0) * (error @ memory[PLACE] @ first.t())).t() @ x / 8
        cosines.append(cosine(hidden_change(rule, network, batch, memory), expected))
    assert cosines == sorted(cosines)
    assert cosines[0] < 0.99
    assert cosines[-1] > 0.99999


@pytest.mark.parametrize(("sign", "agrees"), [("plus", True), ("minus", False)])
def test_an_error_that_arrives_as_minus_the_output_s_weights_teaches_what_backpropagation_would(sign, agrees):
    network, batch = rates()
    first, last = weights(network)
    memory = {PLACE: -0.05 * last @ torch.linalg.pinv(first).t()}
    found = cosine(hidden_change(to_input(sign=sign, gain=1.0), network, batch, memory), gradient(network, batch))
    assert found > 0.8 if agrees else found < -0.8


@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_without_a_matrix_the_output_learns_by_the_delta_rule_alone(gain):
    network, batch = rates(bias=False)
    rule = to_input(gain=gain)
    update = only_update(rule, network, batch, {PLACE: torch.zeros(4, 12, dtype=F64)})
    first, last = update.grads.values()
    assert not first.any()
    hidden = (batch.inputs[0] @ weights(network)[0].t()).relu()
    logits = gain * hidden @ weights(network)[1].t()
    torch.testing.assert_close(last, (logits.softmax(1) - F.one_hot(batch.targets)).t() @ hidden / 8)
    torch.testing.assert_close(update.loss, F.cross_entropy(logits, batch.targets))


@pytest.mark.parametrize(("modulation", "places"), [("input", 1000), ("current", 500)])
def test_the_matrix_is_uniform_up_to_its_bound(modulation, places):
    """U(-k sqrt(6/m), k sqrt(6/m)), of which the standard deviation is k sqrt(2/m)."""
    network = build("1000-500-10", Rate)
    (matrix,) = Pepita(modulation=modulation, scale=0.5).init(network, torch.Generator().manual_seed(0)).values()
    assert matrix.shape == (10, places)
    bound = 0.5 * (6 / places) ** 0.5
    assert 0.99 * bound < float(matrix.abs().max()) <= bound
    assert float(matrix.std()) == pytest.approx(bound / 3**0.5, rel=0.05)


@pytest.mark.slow
def test_the_matrix_turns_away_from_the_weights_while_they_learn():
    """What is added to the input must lower the error, so the weights come to oppose it."""
    network = network_for("pepita", "64-100-10", (1, 8, 8), neuron="rate", output="rate",
                          output_option={"activation": "linear"}, init="kaiming")  # fmt: skip
    training = Training.start(network, to_input(gain=1.0), optimizer=OptimizerChoice("sgd", 0.1, {"momentum": 0.9}))

    def angle():
        return cosine(training.memory[PLACE], torch.linalg.multi_dot([*reversed(weights(network))]))

    assert abs(angle()) < 0.15
    fit(training, Loader(Digits("train"), n_steps=1, batch=64, shuffle=True), epochs=20)
    assert angle() < -0.1


def test_masks_and_noise_of_neurons_and_of_the_encoder_are_the_same_in_both_presentations():
    """Where no error comes back, nothing differs, whatever was drawn."""
    torch.manual_seed(0)
    spikes = (torch.rand(10, 6, 6) < 0.5).to(F64)
    for rule in (to_input(dropout=0.4), to_input(modulation="spikes"), to_input()):
        network = dense("6-8-7-3", lambda: EscapeNoiseLIF.per_step(0.8))
        training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.1))
        training.memory[PLACE].zero_()
        update = learn(training, Batch(spikes, torch.arange(6) % 3))
        hidden = [grad for name, grad in update.grads.items() if ".fc3." not in name]
        assert not any(grad.any() for grad in hidden)
        assert update.grads["blocks.fc3.synapse.1.weight"].any()
        assert update.metrics == {"moved_fc1": 0.0, "moved_fc2": 0.0}


def test_dropout_is_drawn_by_sample_scaled_and_leaves_masks_of_the_batch():
    network, rule = dense("6-80-70-3"), to_input(scale=1.0, dropout=0.25)
    data = batch_for(network, samples=6)
    drawn = rule.draws(network, data, torch.Generator().manual_seed(0))
    assert {name: tuple(mask.shape) for name, mask in drawn.items()} == {"dropout.fc1": (6, 80), "dropout.fc2": (6, 70)}
    values = torch.cat([mask.flatten() for mask in drawn.values()])
    assert set(values.unique().tolist()) == {0.0, 1.0 / 0.75}
    # Of n masks the mean lies within five standard errors, sqrt(p / (1 - p) / n).
    assert abs(float(values.mean()) - 1.0) < 5 * (0.25 / 0.75 / len(values)) ** 0.5
    silent = {"fc2": torch.zeros(6, 70, dtype=F64)}
    update = only_update(rule, network, Batch(data.inputs, data.targets, silent, draws=drawn))
    assert not update.grads["blocks.fc3.synapse.1.weight"].any()
    assert update.grads["blocks.fc1.synapse.1.weight"].any()


@pytest.mark.parametrize(
    "rule",
    [
        to_input(scale=1.0, dropout=0.3),
        to_input("time-local", scale=1.0, dropout=0.3),
        to_input(modulation="spikes", scale=1.0),
    ],
    ids=["dropout", "time-local", "spikes"],
)
def test_what_is_drawn_is_handed_out_by_sample(rule):
    network = dense("6-8-7-3")
    data = batch_for(network, samples=6)
    drawn = rule.draws(network, data, torch.Generator().manual_seed(0))
    memory = rule.init(network, torch.Generator().manual_seed(1))

    def updates(rows):
        some = {name: value[rows] for name, value in drawn.items()}
        batch = Batch(data.inputs[:, rows], data.targets[rows], draws=some)
        return list(rule.updates(network, batch, memory, torch.Generator()))

    whole, one, two = updates(slice(None)), updates(slice(0, 3)), updates(slice(3, 6))
    for update, *halves in zip(whole, one, two, strict=True):
        for name, value in update.grads.items():
            assert value.any()
            torch.testing.assert_close(value, (halves[0].grads[name] + halves[1].grads[name]) / 2)


def test_spikes_are_shifted_in_rate_and_no_more_than_that():
    generator = torch.Generator().manual_seed(0)
    steps = 4000
    rate = torch.tensor([[0.0, 0.2, 0.5, 0.9, 1.0, 0.5, 0.3]], dtype=F64)
    shift = torch.tensor([[0.3, -0.1, 0.2, 0.4, -0.25, 0.0, -0.6]], dtype=F64)
    spikes = (torch.rand(steps, 1, 7, generator=generator, dtype=F64) < rate).to(torch.uint8)
    found = shifted_spikes(spikes, shift, torch.rand(steps, 1, 7, generator=generator, dtype=F64))
    assert found.dtype == torch.uint8
    expected = (spikes.to(F64).mean(0) + shift).clamp(0, 1)
    # A change of probability p at each of n steps: five standard errors of its mean are at most 5 / sqrt(4 n).
    assert (found.to(F64).mean(0) - expected).abs().max() < 5 / (4 * steps) ** 0.5
    more, less = (found > spikes).any(0)[0], (found < spikes).any(0)[0]
    assert more.tolist() == [True, False, True, True, False, False, False]
    assert less.tolist() == [False, True, False, False, True, False, True]
    with pytest.raises(ValueError, match="the inputs are no spikes .* use modulation=input"):
        shifted_spikes(torch.full((3, 1, 1), 0.5), shift[:, :1], torch.rand(3, 1, 1))


@pytest.mark.parametrize(("sign", "factor"), [("plus", 1.0), ("minus", -1.0)])
def test_spikes_come_where_the_projected_error_raises_them(sign, factor, monkeypatch):
    shown, whole = [], pepita.present
    monkeypatch.setattr(
        pepita, "present", lambda net, inputs, *given: shown.append(inputs) or whole(net, inputs, *given)
    )
    network = build("6-8-3", bias=False)
    batch = Batch(
        (torch.rand(40, 2, 6, generator=torch.Generator().manual_seed(0)) < 0.5).to(torch.uint8), torch.tensor([1, 1])
    )
    memory = {PLACE: torch.tensor([[0.0], [1.0], [0.0]]).expand(3, 6).clone()}
    only_update(Pepita(modulation="spikes", sign=sign), network, batch, memory)
    first, second = (inputs.float().mean() for inputs in shown)
    # The score of the right class is too low, so its error is below 0.
    assert factor * (second - first) < -0.1


def test_spikes_to_shift_are_asked_for():
    assert needs_of("pepita", "digits", {"modulation": "spikes"}) == {"encoder": "rate"}
    assert needs_of("pepita", "digits") == {}


def test_the_halves_of_the_time_local_form_add_up_to_the_mixed_one_while_weights_rest():
    network = dense("6-8-7-3")
    data, memory = batch_for(network), to_input(scale=1.0).init(network, torch.Generator().manual_seed(0))
    mixed = only_update(to_input("mixed"), network, data, memory).grads
    halves = list(to_input("time-local").updates(network, data, memory, torch.Generator()))
    for name, value in mixed.items():
        torch.testing.assert_close(value, halves[0].grads[name] + halves[1].grads[name])
    plain = only_update(to_input(), network, data, memory).grads
    assert not torch.allclose(mixed["blocks.fc1.synapse.1.weight"], plain["blocks.fc1.synapse.1.weight"])


def test_an_image_has_the_mean_over_positions_and_what_is_pooled_is_pooled_at_every_step(monkeypatch):
    network, seen = images(), []
    whole = pepita.present

    def present(network, inputs, *given):
        seen.append(network.run(inputs)[0])
        return whole(network, inputs, *given)

    monkeypatch.setattr(pepita, "present", present)
    data = batch_for(network, steps=10, samples=4)
    rule = to_input(scale=2.0)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    update = only_update(rule, network, data, memory)
    first, second = seen
    told = (10.0 * second["e"].spikes.mean(0)).softmax(1) - F.one_hot(data.targets)
    for name, block in network.blocks.items():
        post = told if name == "e" else first[name].spikes.mean(0) - second[name].spikes.mean(0)
        currents = torch.stack([block.synapse(step) for step in second[name].pre]).mean(0)
        value = (currents * post).sum() / (4 * post[0, :1].numel())
        own = dict(block.synapse.named_parameters())
        for key, expected in zip(own, torch.autograd.grad(value, list(own.values())), strict=True):
            assert expected.any()
            torch.testing.assert_close(update.grads[f"blocks.{name}.synapse.{key}"], expected)
    square = only_update(to_input(scale=2.0, positions="sqrt"), network, data, memory).grads
    torch.testing.assert_close(square["blocks.a.synapse.weight"], 12.0 * update.grads["blocks.a.synapse.weight"])


@pytest.mark.parametrize("modulation", ["input", "spikes", "current"])
@pytest.mark.parametrize("name", [name for name in NETWORKS if "readout" not in name and "norm" not in name])
def test_every_edge_of_any_network_learns(name, modulation):
    network = NETWORKS[name][0]()
    data = batch_for(network)
    rule = Pepita(modulation=modulation, scale=3.0)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    expected = {"back_weights.fc1", "back_weights.a"} if modulation == "current" else {PLACE}
    assert memory.keys() <= expected
    update = only_update(rule, network, data, memory)
    assert update.grads.keys() == dict(network.named_parameters()).keys()
    assert all(grad.any() for grad in update.grads.values())


def test_edges_that_go_back_meet_what_was_sent_a_step_before():
    network = looped()
    data, rule = batch_for(network), to_input(scale=3.0)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    update = only_update(rule, network, data, memory)
    first, _ = network.run(data.inputs)
    error = (10.0 * first["c"].spikes.mean(0)).softmax(1) - F.one_hot(data.targets)
    second, _ = network.run(data.inputs + error @ memory[PLACE])
    post = first["a"].spikes.mean(0) - second["a"].spikes.mean(0)
    expected = post.t() @ second["c"].spikes[:-1].sum(0) / (12 * 5)
    torch.testing.assert_close(update.grads["feedback.back.synapse.weight"], expected)


def test_its_changes_are_compared_with_those_of_bptt():
    network, batch = rates()
    first, last = weights(network)
    memory = {PLACE: -1e-3 * last @ torch.linalg.pinv(first).t()}
    reference = BPTT(CrossEntropyRate(gain=1.0))
    found = alignment(network, to_input(gain=1.0), batch, memory, torch.Generator(), reference)
    assert found.blocks["fc1"] == pytest.approx(1.0, abs=1e-3)
    assert found.blocks["fc2"] == pytest.approx(1.0, abs=1e-3)


def test_an_error_that_moves_nothing_is_said():
    rule = to_input()
    assert rule.warnings({"moved_fc1": 0.01}) == []
    (words,) = rule.warnings({"moved_fc1": 0.0001, "moved_fc2": 0.2})
    assert "in fc1: raise scale" in words


def refused(network, **options):
    with pytest.raises(ValueError) as refusal:
        to_input(**options).init(network, torch.Generator())
    return str(refusal.value)


def test_what_it_cannot_train_is_refused():
    assert "with weights of its own" in refused(dense(readout=RateReadout(nn.Linear(3, 3))))
    assert "with weights of its own" in refused(build("6-8-3", readout="ridge"))
    assert "batch norm would have" in refused(build("6-8-3", batch_norm=True))
    assert "'fc1' is a LeakyIntegrator, which sends nothing" in refused(build("6-8-3", LeakyIntegrator.per_step))
    image = Network({"a": Block(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()), LIF.per_step(0.8))})
    assert "how large its inputs are" in refused(image)
    network, _ = rates()
    assert "mirrors weights alone" in refused(network, feedback="mirrored")
    assert "sends noise through a layer by itself" in refused(build("6-8-3", bias=False), feedback="mirrored")
    conv = build("2C3-4", Rate, input_shape=(1, 8, 8), bias=False)
    assert "use dense layers, or feedback=fixed" in refused(conv, feedback="mirrored")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("form=other", "form is 'other'"),
        ("scale=0", "scale is 0"),
        ("dropout=1.0", "dropout is 1.0"),
        ("mirror_alone=-1", "mirror_alone is -1"),
        (
            "modulation=input,mirror_lr=0.2",
            "mirror_lr is 0.2, but feedback is 'fixed'.*: use feedback=mirrored, or leave",
        ),
        ("mirror_decay=0", "mirror_decay is 0, but feedback is 'fixed'"),
        ("mirror_noise=1", "mirror_noise is 1, but feedback is 'fixed'"),
        ("mirror_alone=5", "mirror_alone is 5, but feedback is 'fixed'"),
        ("feedback=mirrored,modulation=current", "use modulation=input, or feedback=fixed"),
    ],
)
def test_wrong_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        RULES.make(f"pepita:{options}")


def test_it_reads_potentials_too():
    network = dense(output=LeakyIntegrator.per_step)
    assert isinstance(network.readout, MembraneReadout)
    update = only_update(to_input(scale=3.0), network, batch_for(network))
    assert update.scores.shape == (5, 3)
    assert all(grad.any() for grad in update.grads.values())


def test_the_error_as_a_current_is_that_of_an_input_that_the_first_weights_would_make_of_it():
    """F to the input and F W^T to the first layer are one, where that layer is one of weights alone."""
    network, batch = rates(bias=False)
    inputs = to_input(scale=1.0).init(network, torch.Generator().manual_seed(0))[PLACE]
    first, _ = weights(network)
    by_input = only_update(to_input(), network, batch, {PLACE: inputs}).grads
    by_current = only_update(Pepita(modulation="current"), network, batch, {"back_weights.fc1": inputs @ first.T}).grads
    last = "blocks.fc2.synapse.1.weight"
    torch.testing.assert_close(by_current[last], by_input[last], rtol=1e-12, atol=1e-14)
    away = only_update(Pepita(modulation="current"), network, batch, {"back_weights.fc1": -inputs @ first.T}).grads
    assert not torch.allclose(away[last], by_input[last])


def test_the_sign_of_the_error_alone_is_projected(monkeypatch):
    network, batch = rates()
    seen, whole = [], pepita.with_error
    monkeypatch.setattr(pepita, "with_error", lambda *given: seen.append(given[3]) or whole(*given))
    for projected in ("error", "sign"):
        rule = to_input(projected=projected)
        only_update(rule, network, batch, rule.init(network, torch.Generator().manual_seed(0)))
    assert seen[1].equal(seen[0].sign())
    assert not seen[0].equal(seen[1])
    assert ("error" in to_input().factors, "error" in to_input(projected="sign").factors) == (True, False)

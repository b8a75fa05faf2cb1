"""Local readouts: what they see, what they tell a block, and the forms of the rule that is made of them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network, build
from spikelearn.neurons import LeakyIntegrator, SpikeResponse, SynapticTrace
from spikelearn.plasticity import (
    DECOLLE,
    Batch,
    CrossEntropyRate,
    InstantTrace,
    LocalReadout,
    SmoothL1Membrane,
    ThreeFactor,
)
from spikelearn.plasticity.three_factor.signals import local_readout
from spikelearn.tasks import Regress
from tests.helpers import batch_for, dense, largest_difference, only_update

F64 = torch.float64


def network_of(net="6-8-7-3", **options):
    options.setdefault("output", lambda: LeakyIntegrator.per_step(0.0))
    return dense(net, lambda: SpikeResponse.per_step(0.8, 0.5, 0.6), **options)


def images():
    return network_of("3C3-MP2-4C2-AP2-5-3", input_shape=(2, 10, 10))


def online(rule, network, data, memory):
    """The updates, which nothing applies, added up."""
    total = {}
    for update in rule.updates(network, data, memory, torch.Generator().manual_seed(1)):
        total = {name: total.get(name, 0.0) + grad for name, grad in update.grads.items()}
    return total


@pytest.mark.parametrize("make", [network_of, images])
def test_all_forms_are_one_sum(make):
    """With dropout, a pull of potentials and a burn-in, of dense layers and of images behind pools of two kinds."""
    network = make()
    data = batch_for(network)
    options = {"dropout": 0.4, "potential_strength": 0.3, "burn_in": 3}
    whole, stepped, each = (DECOLLE(form=form, **options) for form in ("sequence", "step", "online"))
    memory = whole.init(network, torch.Generator().manual_seed(2))
    expected = only_update(whole, network, data, memory)
    assert all(grad.any() for grad in expected.grads.values())
    found = only_update(stepped, network, data, memory)
    added = {name: grad / 9 for name, grad in online(each, network, data, memory).items()}
    for grads in (found.grads, added):
        torch.testing.assert_close(grads, expected.grads, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(found.loss, expected.loss)
    assert found.metrics == pytest.approx(expected.metrics)


def test_a_readout_sees_what_the_next_weights_meet():
    """Behind a max pool the spike of the highest potential, whose neuron alone is told anything."""
    network, signal = images(), LocalReadout()
    record, _ = network.run(batch_for(network).inputs)
    seen = record["conv1"]
    spikes, over = signal.seen(network, "conv1", seen.spikes.requires_grad_(), seen.v)
    pooled = F.max_pool2d(seen.v.flatten(0, 1), 2).unflatten(0, seen.v.shape[:2])
    assert over.equal(pooled)
    assert spikes.equal((pooled > 0).double())
    (told,) = torch.autograd.grad(spikes.sum(), seen.spikes)
    highest = F.interpolate(pooled.flatten(0, 1), scale_factor=2).view_as(seen.v) == seen.v
    assert told.equal(highest.double())
    met, _ = signal.seen(network, "conv2", record["conv2"].spikes, record["conv2"].v)
    assert met.equal(F.avg_pool2d(record["conv2"].spikes.flatten(0, 1), 2).unflatten(0, (12, 5)))
    memory = signal.init(network, torch.Generator().manual_seed(0))
    assert {name: tuple(value.shape) for name, value in memory.items()} == {
        **{"readout_weights.conv1": (3, 48), "readout_weights.conv2": (3, 4), "readout_weights.fc1": (3, 5)},
        **{f"readout_biases.{name}": (3,) for name in ("conv1", "conv2", "fc1")},
    }
    for name, value in memory.items():
        size = memory[name.replace("biases", "weights")].shape[1]
        assert 0.0 < value.abs().max() <= 0.5 / size**0.5


def test_a_block_is_told_the_error_of_its_own_readout_alone():
    """By hand, at the spikes; nothing of what blocks above do."""
    network, rule = network_of(), ThreeFactor(LocalReadout(), InstantTrace(), DECOLLE().adjoint)
    data = batch_for(network)
    memory = rule.init(network, torch.Generator().manual_seed(2))
    update = only_update(rule, network, data, memory)
    record, _ = network.run(data.inputs)
    read = record["fc1"].spikes @ memory["readout_weights.fc1"].t() + memory["readout_biases.fc1"]
    apart = read - F.one_hot(data.targets, 3)
    told = apart.clamp(-1.0, 1.0) / 3 @ memory["readout_weights.fc1"]
    psi = (1.0 + 10.0 * record["fc1"].v.abs()) ** -2
    gain = 0.2 * 0.5
    expected = torch.einsum("tbo,tbi->oi", told * psi, data.inputs) * gain / told.shape[:2].numel()
    torch.testing.assert_close(update.grads["blocks.fc1.synapse.1.weight"], expected, rtol=1e-12, atol=1e-15)
    with torch.no_grad():
        network.blocks["fc2"].synapse[1].weight.mul_(2.0)
        network.blocks["fc3"].synapse[1].weight.neg_()
    again = only_update(rule, network, data, memory)
    assert again.grads["blocks.fc1.synapse.1.weight"].equal(update.grads["blocks.fc1.synapse.1.weight"])
    assert not again.own


def test_a_pull_of_potentials_is_its_derivative():
    over = torch.randn(4, 3, 5, dtype=F64, requires_grad=True)
    shares = torch.rand(4, 3, dtype=F64)
    pull = local_readout._pull_of_potentials
    assert torch.autograd.gradcheck(lambda v: pull(v, shares), [over])
    high, low = torch.full((1, 2, 3), 0.3, dtype=F64), torch.full((1, 2, 3), -4.0, dtype=F64)
    one = torch.ones(1, 2, dtype=F64)
    assert float(pull(high, one)) == pytest.approx(0.31)
    assert float(pull(low, one)) == pytest.approx(0.003 * (0.1 - 1 / (1 + 2.718281828459045**4)))


def test_dropout_is_drawn_by_sample_and_step():
    network, signal = network_of(), LocalReadout(dropout=0.25)
    data = batch_for(network, 40, 30)
    draws = signal.draws(network, data, torch.Generator().manual_seed(3))
    assert set(draws) == {"dropout.fc1", "dropout.fc2"}
    spikes = torch.ones(40, 30, 8)
    kept = local_readout.kept_by(draws["dropout.fc1"], "fc1", spikes, 0.25)
    assert kept.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert kept.mean().item() == pytest.approx(1.0, abs=0.03)
    assert not kept[0].equal(kept[1])
    assert not kept[:, 0].equal(kept[:, 1])
    part = local_readout.kept_by(draws["dropout.fc1"][7:9] + 5, "fc1", spikes[5:6, 7:9], 0.25)
    assert part.equal(kept[5:6, 7:9])
    assert not LocalReadout().draws(network, data, torch.Generator())


def test_a_burn_in_runs_without_learning():
    network = network_of()
    data = batch_for(network)
    rule, late = (DECOLLE(dropout=0.0, form="sequence", burn_in=steps) for steps in (0, 5))
    memory = rule.init(network, torch.Generator().manual_seed(2))
    valid = torch.arange(12).unsqueeze(1).expand(12, 5) >= 5
    expected = only_update(rule, network, Batch(data.inputs, data.targets, valid=valid), memory)
    found = only_update(late, network, data, memory)
    torch.testing.assert_close(found.grads, expected.grads, rtol=1e-12, atol=1e-15)
    assert len(list(DECOLLE(burn_in=5).updates(network, data, memory, torch.Generator()))) == 7
    for form in ("online", "step", "sequence"):
        rule = DECOLLE(burn_in=12, form=form)
        with pytest.raises(ValueError, match="after a burn_in of 12 steps, but there are 12"):
            list(rule.updates(network, data, memory, torch.Generator()))


def test_a_skipped_burn_in_shows_the_first_step_and_goes_on_behind():
    network = network_of()
    data = batch_for(network)
    skipped = DECOLLE(dropout=0.0, form="sequence", burn_in=5, skipped_burn_in=True)
    memory = skipped.init(network, torch.Generator().manual_seed(2))
    found = only_update(skipped, network, data, memory)
    shown = Batch(torch.cat([data.inputs[:1], data.inputs[5:]]), data.targets)
    expected = only_update(DECOLLE(dropout=0.0, form="sequence", burn_in=1), network, shown, memory)
    assert largest_difference(found.grads, expected.grads) == 0
    valid = torch.ones(12, 5, dtype=torch.bool)
    with pytest.raises(ValueError, match="leave one of the two out"):
        only_update(skipped, network, Batch(data.inputs, data.targets, valid=valid), memory)


@pytest.mark.parametrize("form", ["online", "step", "sequence"])
def test_an_output_that_is_fixed_is_the_readout_of_the_block_before(form):
    network = network_of()
    rule = DECOLLE(dropout=0.0, fixed_output=True, form=form)
    memory = rule.init(network, torch.Generator().manual_seed(2))
    layer = network.blocks["fc3"].synapse[1]
    assert memory["readout_weights.fc2"].equal(layer.weight)
    assert memory["readout_biases.fc2"].equal(layer.bias)
    update = next(iter(rule.updates(network, batch_for(network), memory, torch.Generator())))
    assert {name.split(".")[1] for name in update.grads} == {"fc1", "fc2"}
    assert update.metrics["loss_fc2"] == pytest.approx(float(update.loss))
    with pytest.raises(ValueError, match=r"the output takes from fc2 by blocks.fc3, fc1 by feedforward.fc1_to_fc3"):
        rule.init(network_of("6-8-7-3(+fc1)"), torch.Generator())


def test_weights_behind_a_trace_see_what_neurons_filter_themselves():
    """Without bias, and while weights stay as they are."""
    torch.manual_seed(0)
    linear = nn.Linear(6, 5, bias=False).to(F64)
    readout = nn.Linear(5, 3).to(F64)
    out = Block(readout, LeakyIntegrator.per_step(0.0))
    own = Network({"a": Block(linear, SpikeResponse.per_step(0.8, 0.6, 0.5)), "out": out}, readout=MembraneReadout())
    traces = Block(nn.Identity(), SynapticTrace.per_step(0.8, 0.6))
    apart = {"p": traces, "a": Block(linear, SpikeResponse.per_step(0.0, 0.0, 0.5)), "out": out}
    apart = Network(apart, readout=MembraneReadout(), input_shape=(6,))
    data, rule = batch_for(own), DECOLLE(dropout=0.0, form="sequence")
    memory = rule.init(own, torch.Generator().manual_seed(2))
    assert rule.init(apart, torch.Generator().manual_seed(2)).keys() == memory.keys()
    one, two = only_update(rule, own, data, memory), only_update(rule, apart, data, memory)
    assert one.grads["blocks.a.synapse.weight"].any()
    torch.testing.assert_close(one.grads, two.grads, rtol=1e-12, atol=1e-15)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="one of potentials at every step"):
        LocalReadout(CrossEntropyRate())
    with pytest.raises(ValueError, match="scale is 0"):
        DECOLLE(scale=0)
    with pytest.raises(ValueError, match="dropout is 1.0"):
        DECOLLE(dropout=1.0)
    with pytest.raises(ValueError, match="potential_strength is -1"):
        DECOLLE(potential_strength=-1)
    with pytest.raises(ValueError, match="beta is 0"):
        SmoothL1Membrane(0)
    with pytest.raises(ValueError, match="form is 'whole'"):
        DECOLLE(form="whole")
    network = build("6-8-3", SpikeResponse, output=lambda: LeakyIntegrator.per_step(0.0))
    signal = LocalReadout()
    memory = signal.init(network, torch.Generator())
    numbers = Batch(torch.rand(4, 2, 6), torch.rand(2, 3), task=Regress())
    with pytest.raises(ValueError, match="reads the class of a sample, but the task is"):
        signal.teach("fc1", torch.ones(4, 2, 8), torch.ones(4, 2, 8), numbers, torch.ones(4, 2), memory)


def test_the_loss_online_is_the_mean_of_the_steps_so_far():
    network = network_of()
    data = batch_for(network)
    options = {"dropout": 0.0, "burn_in": 3}
    whole = DECOLLE(form="sequence", **options)
    memory = whole.init(network, torch.Generator().manual_seed(2))
    losses = [update.loss for update in DECOLLE(**options).updates(network, data, memory, torch.Generator())]
    assert len(losses) == 9
    for learned in (1, 4, 9):
        expected = only_update(whole, network, Batch(data.inputs[: 3 + learned], data.targets), memory).loss
        torch.testing.assert_close(losses[learned - 1], expected, rtol=1e-12, atol=1e-15)


def test_a_fixed_output_without_bias_is_a_readout_without_bias():
    memory = DECOLLE(fixed_output=True).init(network_of(bias=False), torch.Generator().manual_seed(2))
    assert memory["readout_biases.fc2"].equal(torch.zeros(3, dtype=F64))
    assert memory["readout_biases.fc1"].any()


def test_the_pull_of_potentials_is_added_by_its_strength():
    """By hand, where only the step itself is seen: strength times the derivative of the pull at every potential."""
    network = network_of()
    data = batch_for(network)

    def gradient(strength):
        rule = ThreeFactor(LocalReadout(potential_strength=strength), InstantTrace(), DECOLLE().adjoint)
        memory = rule.init(network, torch.Generator().manual_seed(2))
        return only_update(rule, network, data, memory).grads["blocks.fc1.synapse.1.weight"]

    record, _ = network.run(data.inputs)
    over = (record["fc1"].v - network.blocks["fc1"].neuron.v_threshold).detach().requires_grad_()
    steps, samples = over.shape[:2]
    pull = local_readout._pull_of_potentials(over, torch.full((steps, samples), 1 / steps, dtype=F64))
    (at,) = torch.autograd.grad(pull, over)
    gain = 0.2 * 0.5
    expected = torch.einsum("tbo,tbi->oi", at, data.inputs) * gain
    assert expected.any()
    torch.testing.assert_close(gradient(0.3) - gradient(0.0), 0.3 * expected, rtol=1e-9, atol=1e-14)

"""How large a step is: schedules, clipping, bounds, and sums over the batch."""

import math

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, TraceReadout, build
from spikelearn.neurons import LIF, CubaLIF
from spikelearn.plasticity import BPTT, IDE, TSSLBP, Batch, OptimizerChoice, Rule, Update
from spikelearn.runs import settings_from
from spikelearn.training import (
    SCHEDULES,
    Bounds,
    IncomingNorm,
    NonFiniteUpdate,
    Training,
    clip_norm,
    learn,
    load_checkpoint,
    make_optimizer,
    make_schedule,
    save_checkpoint,
)

LR = 0.2
BATCHES = 7
FACTORS = {
    "linear": lambda batch, epochs: 1 - batch / (BATCHES * epochs),
    "cosine": lambda batch, epochs: 0.5 * (1 + math.cos(math.pi * batch / (BATCHES * epochs))),
    "exponential": lambda batch, epochs: math.exp(-0.04 * (batch // BATCHES)),
    "step": lambda batch, epochs: 0.1 ** sum(batch // BATCHES >= milestone for milestone in (3, 6, 9)),
}


def optimizer_of(lr=LR):
    return make_optimizer(OptimizerChoice("sgd", lr), [torch.ones(1, requires_grad=True)])


def rates(name, batches, epochs, per_epoch=BATCHES):
    """The learning rate that each of so many batches is learned with."""
    optimizer = optimizer_of()
    schedule = make_schedule(name, optimizer, per_epoch * epochs, epochs)
    found = []
    for _ in range(batches):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule is not None:
            schedule.step()
    return found


@pytest.mark.parametrize("name", FACTORS)
def test_every_batch_of_ten_epochs_by_formula(name):
    expected = [LR * FACTORS[name](batch, 10) for batch in range(10 * BATCHES)]
    assert rates(name, 10 * BATCHES, 10) == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_one_cycle_by_formula():
    """From lr / 25 by half a cosine to lr after 30 % of the steps, and down to lr / 250,000."""
    total = 10 * BATCHES + 1
    top = 0.3 * total - 1

    def between(start, end, share):
        return end + (start - end) / 2 * (1 + math.cos(math.pi * share))

    expected = [
        between(LR / 25, LR, step / top) if step <= top else between(LR, LR / 25e4, (step - top) / (total - 1 - top))
        for step in range(10 * BATCHES)
    ]
    assert rates("one-cycle", 10 * BATCHES, 10) == pytest.approx(expected, rel=1e-9)


def test_options_are_written_as_those_of_any_component():
    assert rates("exponential:rate=0.5", 3 * BATCHES, 3)[-1] == pytest.approx(LR * math.exp(-1.0), rel=1e-9)
    assert rates("step:factor=0.5", 100, 100, per_epoch=1)[30] == pytest.approx(LR / 2, rel=1e-9)
    with pytest.raises(ValueError, match="schedule 'cosine' has no option 'rate'"):
        settings_from({"schedule": "cosine:rate=1"})


def test_schedules_that_more_epochs_do_not_change():
    assert [name for name in SCHEDULES if not SCHEDULES.get(name).stretched] == ["constant", "exponential"]


def test_constant_is_no_schedule():
    assert make_schedule("constant", optimizer_of(), 10, 2) is None


@pytest.mark.parametrize("name", ["exponential", "step"])
def test_rates_change_between_epochs_only(name):
    found = rates(name, 10 * BATCHES, 10)
    for epoch in range(10):
        assert len(set(found[epoch * BATCHES : (epoch + 1) * BATCHES])) == 1
    assert len(set(found)) == {"exponential": 10, "step": 4}[name]


def test_steps_of_a_hundred_epochs_are_at_30_60_and_90():
    found = rates("step", 100, 100, per_epoch=1)
    assert [epoch for epoch in range(1, 100) if found[epoch] != found[epoch - 1]] == [30, 60, 90]
    assert found[29] == pytest.approx(LR)
    assert found[30] == pytest.approx(LR / 10)
    assert found[-1] == pytest.approx(LR / 1000)
    later = rates("step:first=0.6", 100, 100, per_epoch=1)
    assert [epoch for epoch in range(1, 100) if later[epoch] != later[epoch - 1]] == [60, 90]
    assert later[-1] == pytest.approx(LR / 100)


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("name", ["linear", "cosine", "exponential", "step"])
def test_the_first_batch_is_learned_at_the_full_rate(name, epochs):
    assert rates(name, 1, epochs) == pytest.approx([LR])


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_the_end_is_zero_and_beyond_it_nothing_breaks(name):
    found = rates(name, 10 * BATCHES + 1, 10)
    assert found[-1] == pytest.approx(0.0, abs=1e-12)
    assert rates("linear", 10 * BATCHES + 5, 10)[-1] == 0.0


@pytest.mark.parametrize("name", ["linear", "exponential", "step", "cosine", "one-cycle"])
@pytest.mark.parametrize(("updates", "epochs"), [(1, 1), (0, 1), (3, 5)])
def test_very_short_runs(name, updates, epochs):
    optimizer = optimizer_of()
    schedule = make_schedule(name, optimizer, updates, epochs)
    for _ in range(updates):
        optimizer.step()
        schedule.step()
    assert 0 <= optimizer.param_groups[0]["lr"] <= LR


def test_an_unknown_schedule_names_the_nearest():
    with pytest.raises(ValueError, match="unknown schedule 'exponental', expected one of .*did you mean 'exponential'"):
        make_schedule("exponental", optimizer_of(), 10, 2)
    with pytest.raises(ValueError, match="unknown schedule 'steps'"):
        settings_from({"schedule": "steps"})


def batch(features=4, samples=6):
    return Batch((torch.rand(5, samples, features) < 0.5).float(), torch.arange(samples) % 3)


@pytest.mark.parametrize("name", ["linear", "exponential", "step", "cosine", "one-cycle"])
def test_a_resumed_schedule_goes_on_where_it_was(name, tmp_path):
    def begun():
        training = Training.start(build("4-3"), BPTT(), optimizer=OptimizerChoice("sgd", LR))
        training.schedule = make_schedule(name, training.optimizer, 10 * BATCHES, 10)
        return training

    def trained(training, batches):
        found = []
        for _ in range(batches):
            found.append(training.optimizer.param_groups[0]["lr"])
            learn(training, batch())
            training.schedule.step()
        return found

    one, two = begun(), begun()
    trained(one, 23)
    save_checkpoint(tmp_path / "checkpoint.pt", {"training": one.state_dict()})
    two.load_state_dict(load_checkpoint(tmp_path / "checkpoint.pt")["training"])
    found = trained(two, 30)
    assert found == trained(one, 30)
    assert found == pytest.approx(rates(name, 53, 10)[23:], rel=1e-9, abs=1e-15)
    with pytest.raises(ValueError, match="of a training with schedule"):
        Training.start(build("4-3"), BPTT(), optimizer=OptimizerChoice("sgd", LR)).load_state_dict(one.state_dict())


def test_rules_declare_how_their_rate_runs():
    assert settings_from({"rule": "ide"}).schedule_name() == "step"
    assert settings_from({"rule": "ide", "schedule": "cosine"}).schedule_name() == "cosine"
    assert settings_from({"rule": "bptt"}).schedule_name() == "cosine"
    assert IDE.default_schedule == "step"


# Clipping


class Scripted(Rule):
    """Yields one update whose gradients all have one value; its rate is 1 and its optimizer plain descent."""

    default_optimizer = OptimizerChoice("sgd", 1.0)

    def __init__(self, value=0.5):
        self.value = value

    def updates(self, network, batch, memory, generator):
        grads = {name: torch.full_like(p, self.value) for name, p in network.named_parameters()}
        yield Update(
            grads, torch.zeros(len(batch.targets), 3), torch.tensor(2.0), metrics={"m": 3.0}, rates={"fc1": 0.25}
        )


class Summing(Scripted):
    sums_over_batch = True


class Bounded(Scripted):
    default_bounds = (-0.1, 0.2)
    default_clip_norm = 1.5


def changes(training, data):
    before = {name: p.detach().clone() for name, p in training.network.named_parameters()}
    update = learn(training, data)
    return {name: p.detach() - before[name] for name, p in training.network.named_parameters()}, update


def total_norm(tensors):
    return float(torch.cat([x.flatten() for x in tensors]).norm())


def test_clip_norm_scales_all_gradients_together():
    network = build("4-3")
    weight, bias = network.parameters()
    weight.grad, bias.grad = torch.zeros_like(weight), torch.zeros_like(bias)
    weight.grad[0, 0], bias.grad[1] = 3.0, 4.0
    clip_norm(10.0)(network)
    assert (weight.grad[0, 0].item(), bias.grad[1].item()) == (3.0, 4.0)
    clip_norm(2.0)(network)
    assert weight.grad[0, 0].item() == pytest.approx(3 * 2 / 5, rel=1e-5)
    assert bias.grad[1].item() == pytest.approx(4 * 2 / 5, rel=1e-5)
    bias.grad = None
    clip_norm(0.6)(network)
    assert weight.grad.norm().item() == pytest.approx(0.6, rel=1e-5)


@pytest.mark.parametrize("largest", [0.0, -1.0, float("nan"), float("inf"), True])
def test_the_norm_is_a_positive_number(largest):
    with pytest.raises(ValueError, match="clip_norm is"):
        clip_norm(largest)


@pytest.mark.parametrize(
    ("clip", "norm"),
    [(None, math.sqrt(15) * 0.5), (1.0, 1.0), (100.0, math.sqrt(15) * 0.5), (math.inf, math.sqrt(15) * 0.5)],
)
def test_training_clips_where_it_is_told(clip, norm):
    moved, update = changes(Training.start(build("4-3"), Scripted(), clip=clip), batch())
    assert total_norm(moved.values()) == pytest.approx(norm, rel=1e-5)
    assert all((grad == 0.5).all() for grad in update.grads.values())


def test_a_rules_own_clipping_and_bounds_hold_unless_others_are_given():
    network = build("4-3")
    moved, _ = changes(Training.start(network, Bounded(), constraints=()), batch())
    assert total_norm(moved.values()) == pytest.approx(1.5, rel=1e-5)
    moved, _ = changes(Training.start(build("4-3"), Bounded(), constraints=(), clip=math.inf), batch())
    assert total_norm(moved.values()) == pytest.approx(math.sqrt(15) * 0.5, rel=1e-5)
    network = build("4-3")
    with torch.no_grad():
        network.get_parameter("blocks.fc1.synapse.1.weight").mul_(0.4)
    learn(Training.start(network, Bounded()), batch())
    weight = network.get_parameter("blocks.fc1.synapse.1.weight")
    assert -0.1 <= weight.min() <= weight.max() <= 0.2 + 1e-7
    network = build("4-3")
    learn(Training.start(network, Bounded(), constraints=[Bounds(-0.01, 0.01)]), batch())
    assert network.get_parameter("blocks.fc1.synapse.1.weight").abs().max() <= 0.01


def test_a_rules_own_bounds_must_not_cut_most_weights_unsaid():
    network = build("4-3")
    with torch.no_grad():
        network.get_parameter("blocks.fc1.synapse.1.weight").fill_(100.0)
    with pytest.raises(ValueError, match=r"keeps weights from -0.1 to 0.2, but 100 % of .*--init.*--bounds LOW HIGH"):
        Training.start(network, Bounded())


# Bounds


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-math.inf, 0.5, [-9.0, 0.0, 0.5]),
        (-0.5, math.inf, [-0.5, 0.0, 9.0]),
        (-math.inf, math.inf, [-9.0, 0.0, 9.0]),
        (0, 1, [0.0, 0.0, 1.0]),
    ],
)
def test_bounds_may_be_infinite(low, high, expected):
    network = build("3-1")
    weight = network.get_parameter("blocks.fc1.synapse.1.weight")
    with torch.no_grad():
        weight.copy_(torch.tensor([[-9.0, 0.0, 9.0]]))
    Bounds(low, high)(network, ["blocks.fc1.synapse.1.weight", "blocks.fc1.synapse.1.bias"])
    assert weight.tolist() == [expected]


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (1.0, 1.0, "low is 1.0 and high is 1.0, expected low < high"),
        (math.inf, math.inf, "expected low < high"),
        (math.nan, 1.0, "expected low < high"),
        (0.0, math.nan, "expected low < high"),
        ("0", 1.0, "low is '0', expected a number"),
        (0.0, True, "high is True, expected a number"),
        (None, 1.0, "low is None"),
    ],
)
def test_bounds_are_checked(low, high, message):
    with pytest.raises(ValueError, match=message):
        Bounds(low, high)


def test_bounds_leave_batch_norm_and_biases_alone():
    network = build("4-3", batch_norm=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(5.0)
    Bounds(-1.0, 1.0)(network, [name for name, _ in network.named_parameters()])
    values = {
        name.removeprefix("blocks.fc1.synapse."): float(p.detach().max()) for name, p in network.named_parameters()
    }
    assert values == {"1.weight": 1.0, "1.bias": 5.0, "2.weight": 5.0, "2.bias": 5.0}


def test_the_incoming_norm_leaves_batch_norm_alone():
    network = build("4-3", batch_norm=True)
    IncomingNorm(2.0)(network, [name for name, _ in network.named_parameters()])
    torch.testing.assert_close(network.blocks["fc1"].synapse[1].weight.detach().abs().sum(1), torch.full((3,), 2.0))
    assert network.blocks["fc1"].synapse[2].weight.tolist() == [1.0] * 3


# Sums over the batch


@pytest.mark.parametrize("samples", [1, 6])
def test_a_sum_over_the_batch_is_what_the_optimizer_gets(samples):
    moved, update = changes(Training.start(build("4-3"), Summing(0.125)), batch(samples=samples))
    for change in moved.values():
        torch.testing.assert_close(change, torch.full_like(change, -0.125 * samples))
    assert all((grad == 0.125).all() for grad in update.grads.values()), "the update is the mean, as the rule gave it"
    assert (float(update.loss), update.metrics, update.rates) == (2.0, {"m": 3.0}, {"fc1": 0.25})
    moved, _ = changes(Training.start(build("4-3"), Scripted(0.125)), batch(samples=samples))
    for change in moved.values():
        torch.testing.assert_close(change, torch.full_like(change, -0.125))


def test_the_sum_is_what_is_clipped():
    """The norm of the sum is 6 * 0.125 * sqrt(15) = 2.9, that of the mean 0.48: only the first is above 1."""
    moved, _ = changes(Training.start(build("4-3"), Summing(0.125), clip=1.0), batch())
    assert total_norm(moved.values()) == pytest.approx(1.0, rel=1e-5)
    moved, _ = changes(Training.start(build("4-3"), Scripted(0.125), clip=1.0), batch())
    assert total_norm(moved.values()) == pytest.approx(0.125 * math.sqrt(15), rel=1e-5)


def test_the_number_of_samples_is_reduced_with_the_rest():
    training = Training.start(build("4-3"), Summing(0.125))
    seen = []

    def reduce(tensors):
        seen.append(set(tensors))
        return tensors

    training.reduce = reduce
    learn(training, batch())
    assert len(seen) == 1
    assert "samples" in seen[0]


def test_a_sum_that_overflows_is_named_like_any_other():
    with pytest.raises(NonFiniteUpdate, match="is not finite"):
        learn(Training.start(build("4-3"), Summing(float("inf"))), batch())


def test_tssl_bp_trains_by_the_sum():
    """By hand: AdamW's first step is lr in every direction, so plain descent shows what it was given."""
    network = Network(
        {"a": Block(nn.Linear(4, 3), CubaLIF(5e-3, 3e-3, r=40.0, discretisation="euler"))}, readout=TraceReadout()
    )
    data = batch()
    (update,) = TSSLBP().updates(network, data, {}, torch.Generator())
    training = Training.start(network, TSSLBP(), optimizer=OptimizerChoice("sgd", 1e-3), clip=math.inf)
    moved, _ = changes(training, data)
    for name, change in moved.items():
        assert update.grads[name].abs().max() > 0
        torch.testing.assert_close(change, -1e-3 * 6 * update.grads[name], rtol=1e-4, atol=1e-7)


def test_frozen_blocks_stay_as_they_are_under_weight_decay_too():
    network = Network({"a": Block(nn.Linear(4, 5), LIF.per_step()), "b": Block(nn.Linear(5, 3), LIF.per_step())})
    network.blocks["a"].requires_grad_(False)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    choice = OptimizerChoice("adamw", 0.1, {"weight_decay": 0.5})
    learn(Training.start(network, BPTT(), optimizer=choice, clip=1.0), batch())
    same = [name for name, p in network.named_parameters() if p.equal(before[name])]
    assert same == ["blocks.a.synapse.weight", "blocks.a.synapse.bias"]

"""Losses on filtered spike trains, and the rule that descends them, by hand."""

import pytest
import torch
from torch import nn

from spikelearn.network import Activity, Block, MembraneReadout, Network, RateReadout, TraceReadout, build
from spikelearn.neurons import IF, LIF, TSSL, ATan, CubaLIF, LeakyIntegrator, Surrogate
from spikelearn.plasticity import LOSSES, RULES, TSSLBP, Batch, CrossEntropy, FilteredCount, VanRossum

F64 = torch.float64
#: 0-1-1-1-1 behind a = 2/3 a + 1/3 z, once and twice.
ONCE = [0.0, 1 / 3, 5 / 9, 19 / 27, 65 / 81]
TWICE = [0.0, 1 / 9, 7 / 27, 33 / 81, 131 / 243]


def output(spikes):
    """[T, B, C] -> Activity, with potentials that no loss on spikes may look at."""
    return Activity(torch.zeros(1), spikes, torch.full_like(spikes, torch.nan))


def value(loss, spikes, targets):
    return loss(output(spikes), torch.full((len(targets), spikes.shape[2]), torch.nan), targets)


def neuron(tau_syn=3e-3, **options):
    return lambda: CubaLIF(5e-3, tau_syn, **{"r": 5.0, "discretisation": "euler"} | options)


def network_of(tau_syn=3e-3, text="6-8-3", readout=None, **options):
    return build(text, neuron(tau_syn, **options), readout=readout or TraceReadout(tau_syn=tau_syn))


# Van Rossum


@pytest.mark.parametrize(("filterings", "expected"), [(1, ONCE), (2, TWICE)])
def test_desired_train_by_hand(filterings, expected):
    assert expected == pytest.approx(
        [[0, 0.3333, 0.5556, 0.7037, 0.8025], [0, 0.1111, 0.2593, 0.4074, 0.5391]][filterings - 1], abs=5e-5
    )
    found = VanRossum(target_filterings=filterings).target(torch.tensor([1, 0]), torch.zeros(5, 2, 3, dtype=F64))
    wanted = torch.zeros(5, 2, 3, dtype=F64)
    wanted[:, 0, 1] = wanted[:, 1, 0] = torch.tensor(expected, dtype=F64)
    torch.testing.assert_close(found, wanted)


def test_twice_is_the_default():
    assert VanRossum().target_filterings == 2
    assert FilteredCount().tau_syn == 4e-3
    assert VanRossum().tau_syn == 3e-3


def test_silence_costs_half_the_desired_trains_square():
    spikes, targets = torch.zeros(5, 2, 3, dtype=F64), torch.tensor([1, 2])
    for filterings, train in ((1, ONCE), (2, TWICE)):
        expected = 0.5 * sum(a * a for a in train)
        assert value(VanRossum(target_filterings=filterings), spikes, targets).item() == pytest.approx(
            expected, rel=1e-12
        )


def test_the_desired_spikes_cost_nothing_where_filtered_once():
    spikes = torch.zeros(5, 1, 3, dtype=F64)
    spikes[1:, 0, 2] = 1.0
    assert value(VanRossum(target_filterings=1), spikes, torch.tensor([2])).item() == pytest.approx(0.0, abs=1e-30)
    gap = sum((a - b) ** 2 for a, b in zip(ONCE, TWICE, strict=True))
    assert value(VanRossum(), spikes, torch.tensor([2])).item() == pytest.approx(0.5 * gap, rel=1e-12)


def test_a_spike_of_a_wrong_class_by_hand():
    """One spike at t = 3 of 5: a = 0 0 0 1/3 2/9."""
    spikes = torch.zeros(5, 1, 2, dtype=F64)
    silent = value(VanRossum(), spikes, torch.tensor([1]))
    spikes[3, 0, 0] = 1.0
    assert (value(VanRossum(), spikes, torch.tensor([1])) - silent).item() == pytest.approx(
        0.5 * (1 / 9 + 4 / 81), rel=1e-12
    )


def test_van_rossum_is_the_mean_over_the_batch():
    spikes, targets = (torch.rand(5, 6, 3, dtype=F64) < 0.5).to(F64), torch.arange(6) % 3
    alone = [value(VanRossum(), spikes[:, n : n + 1], targets[n : n + 1]) for n in range(6)]
    torch.testing.assert_close(value(VanRossum(), spikes, targets), torch.stack(alone).mean())


def test_gradient_of_van_rossum_in_the_filtered_train():
    """With tau = dt the filter is none: dL/dz = (z - y) / B."""
    loss = VanRossum(1e-3, pattern="0-1")
    spikes, targets = torch.rand(4, 3, 2, dtype=F64).requires_grad_(), torch.tensor([0, 1, 1])
    (grad,) = torch.autograd.grad(value(loss, spikes, targets), spikes)
    desired = torch.zeros(4, 3, 2, dtype=F64)
    for sample, target in enumerate(targets):
        desired[1::2, sample, target] = 1.0
    torch.testing.assert_close(grad, (spikes.detach() - desired) / 3)


@pytest.mark.parametrize(
    ("pattern", "steps", "expected"),
    [
        (None, 5, [0, 1, 1, 1, 1]),
        (None, 10, [0, 1] * 5),
        (None, 30, [0, 1] * 15),
        ("0-1-1-1-1", 10, [0, 1, 1, 1, 1] * 2),
        ("1-1-0", 3, [1, 1, 0]),
        ("1-1-0", 9, [1, 1, 0] * 3),
        ("0-1-0-1-0", 5, [0, 1, 0, 1, 0]),
    ],
)
def test_patterns_fill_the_presentation(pattern, steps, expected):
    assert VanRossum(pattern=pattern).desired_train(steps) == expected


@pytest.mark.parametrize(
    ("pattern", "steps", "message"),
    [
        (
            None,
            4,
            "the desired train 0-1-1-1-1 does not fill T = 4 steps: choose a multiple of 5 .--steps., or another pattern",
        ),
        (None, 9, "0-1-1-1-1 does not fill T = 9"),
        (None, 11, "the desired train 0-1 does not fill T = 11 steps: choose a multiple of 2"),
        ("1-1-0", 5, "1-1-0 does not fill T = 5 steps: choose a multiple of 3"),
    ],
)
def test_a_pattern_that_does_not_fill_it_is_named(pattern, steps, message):
    spikes = torch.zeros(steps, 1, 2)
    with pytest.raises(ValueError, match=message):
        value(VanRossum(pattern=pattern), spikes, torch.tensor([0]))


# Filtered count


def test_count_by_hand():
    """tau = 2 dt, T = 4. True class: spikes at 0 and 2 leave 15/16 + 3/4 = 27/16; other: at 3 leaves 1/2."""
    loss = FilteredCount(2.0, 0.25, 2e-3)
    spikes = torch.zeros(4, 1, 3, dtype=F64)
    spikes[[0, 2], 0, 1] = 1.0
    spikes[3, 0, 2] = 1.0
    missing, surplus = (2.0 - 27 / 16) / 4, (0.5 - 0.25) / 4
    expected = 0.5 * 4 * (missing**2 + surplus**2)
    assert value(loss, spikes, torch.tensor([1])).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("tau_syn", [1e-3, 2e-3, 4e-3])
def test_gradient_of_the_count_is_delta_at_every_step(tau_syn):
    """dL/da[t] = delta for every t; through the filter dL/dz[t] = delta (1 - lambda^(T - t))."""
    steps, targets = 8, torch.tensor([0, 1])
    spikes = torch.rand(steps, 2, 3, dtype=F64).requires_grad_()
    loss = FilteredCount(7.5, 0.1, tau_syn)
    (grad,) = torch.autograd.grad(value(loss, spikes, targets), spikes)
    counts = loss.filtered(spikes.detach()).sum(0)
    true = nn.functional.one_hot(targets, 3).bool()
    delta = torch.where(true, counts - 7.5, counts - 0.1) / steps / 2
    assert (delta[true] < 0).all()
    assert (delta[~true] > 0).all()
    left = 1 - (1 - 1e-3 / tau_syn) ** torch.arange(steps, 0, -1, dtype=F64)
    torch.testing.assert_close(grad, left.view(-1, 1, 1) * delta)


def test_the_count_is_one_sided():
    """The true class above its count, the others below theirs: no loss, no gradient."""
    loss = FilteredCount(2.0, 1.0, 1e-3)
    spikes = torch.zeros(6, 2, 3, dtype=F64)
    spikes[:5, 0, 0] = 1.0  # 5 above 2
    spikes[:2, 1, 1] = 1.0  # exactly 2
    spikes[3, :, 2] = 1.0  # exactly 1
    spikes.requires_grad_()
    found = value(loss, spikes, torch.tensor([0, 1]))
    assert found.item() == 0.0
    (grad,) = torch.autograd.grad(found, spikes)
    assert grad.abs().max() == 0


@pytest.mark.parametrize("loss", [FilteredCount(2.0, 0.5, 3e-3), VanRossum()])
def test_a_step_against_the_gradient_lowers_the_loss(loss):
    spikes, targets = torch.rand(5, 4, 3, dtype=F64).requires_grad_(), torch.arange(4) % 3
    before = value(loss, spikes, targets)
    (grad,) = torch.autograd.grad(before, spikes)
    after = value(loss, (spikes - 0.1 * grad).detach(), targets)
    assert after < before
    h = 1e-6
    direction = torch.randn(5, 4, 3, dtype=F64)
    slope = value(loss, (spikes + h * direction).detach(), targets) - value(
        loss, (spikes - h * direction).detach(), targets
    )
    assert (grad * direction).sum().item() == pytest.approx(slope.item() / (2 * h), rel=1e-6)


def test_outputs_of_any_shape_are_taken_as_classes():
    spikes, targets = (torch.rand(5, 2, 3, dtype=F64) < 0.5).to(F64), torch.tensor([0, 2])
    image = output(spikes.view(5, 2, 3, 1, 1))
    for loss in (VanRossum(), FilteredCount(2.0, 0.5)):
        torch.testing.assert_close(loss(image, torch.zeros(2, 3), targets), value(loss, spikes, targets))


# Options and refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VanRossum(0.0), "tau_syn is 0.0, expected a positive number"),
        (lambda: VanRossum(dt=-1e-3), "dt is -0.001"),
        (lambda: VanRossum(0.5e-3), "tau_syn is 0.0005 s with dt 0.001 s, expected tau_syn >= dt"),
        (lambda: FilteredCount(tau_syn=0.5e-3), "expected tau_syn >= dt"),
        (lambda: VanRossum(target_filterings=3), r"target_filterings is 3, expected 1 \(the paper\) or 2"),
        (lambda: VanRossum(target_filterings=True), "target_filterings is True"),
        (lambda: VanRossum(pattern="0-2"), "pattern is '0-2', expected 0 and 1 joined by hyphens"),
        (lambda: VanRossum(pattern="01"), "pattern is '01'"),
        (lambda: VanRossum(pattern=""), "pattern is ''"),
        (lambda: VanRossum(pattern="0-1-"), "pattern is '0-1-'"),
        (lambda: VanRossum(pattern=1), "pattern is 1"),
        (lambda: FilteredCount(3.0, 3.0), "expected 0 <= incorrect_count < correct_count"),
        (lambda: FilteredCount(3.0, 15.0), "correct_count is 3.0 and incorrect_count 15.0"),
        (lambda: FilteredCount(3.0, -1.0), "expected 0 <= incorrect_count"),
        (lambda: FilteredCount(float("inf")), "correct_count is inf, expected a finite number"),
        (lambda: FilteredCount("many"), "correct_count is 'many'"),
    ],
)
def test_options_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("loss", "make", "message"),
    [
        (VanRossum(), lambda: build("6-3", neuron()), r"'van-rossum' looks at filtered spikes, but the readout is a RateReadout: .*TraceReadout\(tau_syn=0.003\)"),
        (FilteredCount(), lambda: build("6-3", neuron(4e-3)), r"'filtered-count' looks at filtered spikes.*TraceReadout\(tau_syn=0.004\)"),
        (VanRossum(), lambda: network_of(readout=MembraneReadout()), "predicts from potentials"),
        (VanRossum(), lambda: build("6-3", output=LeakyIntegrator), "never fires"),
        (VanRossum(), lambda: network_of(readout=TraceReadout(tau_syn=4e-3)), "tau_syn = 0.003 s and the readout 0.004 s, expected the same"),
        (VanRossum(), lambda: network_of(tau_syn=4e-3, readout=TraceReadout(tau_syn=3e-3)), "tau_syn = 0.003 s and the last neurons 0.004 s"),
        (FilteredCount(), lambda: network_of(tau_syn=3e-3), "'filtered-count' has tau_syn = 0.004 s and the readout 0.003 s"),
        (VanRossum(), lambda: network_of(discretisation="exact"), 'filters by 1 - dt/tau_syn, the last neurons by exp.*discretisation="euler"'),
    ],
)  # fmt: skip
def test_networks_that_a_loss_says_nothing_about(loss, make, message):
    with pytest.raises(ValueError, match=message):
        loss.check(make())


@pytest.mark.parametrize("loss", [VanRossum(), FilteredCount(tau_syn=3e-3), VanRossum(3.0000000001e-3)])
def test_networks_that_fit_are_taken(loss):
    assert loss.check(network_of()) is None
    assert loss.check(build("6-3", lambda: LIF.per_step(), readout=TraceReadout(tau_syn=3e-3))) is None


def test_the_time_step_of_the_filter_is_that_of_the_neurons():
    """A filter of 3 ms in steps of 0.5 ms decays by 5/6 a step, one in steps of 1 ms by 2/3: not the same."""
    with pytest.raises(ValueError, match="dt"):
        VanRossum().check(network_of(dt=0.5e-3))


# TSSL-BP


def update_of(rule, network, batch):
    (update,) = rule.updates(network, batch, rule.init(network, torch.Generator()), torch.Generator())
    return update


def lively(network):
    """Weights large enough that all layers fire."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(4.0)
    return network.to(F64)


@pytest.mark.parametrize("loss", [VanRossum(), FilteredCount(2.0, 0.5, 3e-3)])
def test_gradients_add_up_over_the_batch(loss):
    network, rule = lively(network_of()), TSSLBP(loss)
    inputs, targets = torch.rand(5, 6, 6, dtype=F64), torch.arange(6) % 3
    whole = update_of(rule, network, Batch(inputs, targets))
    alone = [update_of(rule, network, Batch(inputs[:, n : n + 1], targets[n : n + 1])) for n in range(6)]
    for name, grad in whole.grads.items():
        assert grad.abs().max() > 0, name
        total = torch.stack([update.grads[name] for update in alone]).sum(0)
        torch.testing.assert_close(6 * grad, total, rtol=1e-12, atol=1e-14, msg=name)
    torch.testing.assert_close(whole.loss, torch.stack([update.loss for update in alone]).mean())
    torch.testing.assert_close(whole.scores, torch.cat([update.scores for update in alone]))


def test_scores_are_counts_of_filtered_spikes():
    network = lively(network_of())
    inputs, targets = torch.rand(5, 4, 6, dtype=F64), torch.arange(4) % 3
    update = update_of(TSSLBP(), network, Batch(inputs, targets))
    record, _ = network.run(inputs)
    torch.testing.assert_close(update.scores, VanRossum().filtered(record.output.spikes).sum(0).detach())
    torch.testing.assert_close(update.loss, value(VanRossum(), record.output.spikes.detach(), targets))


def test_the_shares_of_the_surrogate_by_hand():
    """One neuron that fires at t = 1 only: a = 0, 1/3, 2/9, 4/27, 8/81 against 1/12; silent at t = 0 alone."""
    synapse = nn.Linear(1, 2, bias=False, dtype=F64)
    with torch.no_grad():
        synapse.weight.copy_(torch.tensor([[4.0], [0.0]]))
    network = Network({"out": Block(synapse, neuron()())}, readout=TraceReadout(tau_syn=3e-3))
    inputs = torch.zeros(5, 1, 1, dtype=F64)
    inputs[1] = 1.0
    record, _ = network.run(inputs)
    fired = record["out"].spikes[:, 0, 0].tolist()
    low, silent = 0.0, 0
    for z in fired:
        low = 2 / 3 * low + z / 3
        silent += low < 1 / 12
    assert sum(fired) > 0
    update = update_of(TSSLBP(), network, Batch(inputs, torch.tensor([0])))
    assert update.metrics == {"surrogate_out": pytest.approx((silent + 5) / 10)}
    assert update_of(TSSLBP(adjoint=TSSL("never")), network, Batch(inputs, torch.tensor([0]))).metrics == {
        "surrogate_out": 0.0
    }
    assert update_of(TSSLBP(adjoint=TSSL("layer")), network, Batch(inputs, torch.tensor([0]))).metrics == {
        "surrogate_out": float(sum(fired) / 10 <= 0.1)
    }


def test_another_adjoint_would_be_another_rule():
    with pytest.raises(ValueError, match="expected an object of the class TSSL: .*other adjoints are bptt's"):
        TSSLBP(adjoint=Surrogate(ATan()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build("6-8-3", lambda: IF(), readout=TraceReadout()), "block 'fc1': .*not of IF: use CubaLIF"),
        (lambda: network_of(reset="subtract"), "block 'fc1': the adjoint tssl needs a reset to 0"),
        (lambda: network_of(v_reset=0.1), "block 'fc1': .*v_reset=0.1"),
        (lambda: network_of(v_leak=0.1), "block 'fc1': .*v_leak=0.1"),
        (lambda: build("6-3", neuron(), readout=RateReadout()), "looks at filtered spikes"),
    ],
)  # fmt: skip
def test_networks_that_tssl_bp_cannot_train(make, message):
    with pytest.raises(ValueError, match=message):
        TSSLBP().init(make(), torch.Generator())


def test_a_head_behind_the_trace_needs_a_loss_on_scores():
    network = lively(network_of(readout=TraceReadout(nn.Linear(3, 3), tau_syn=3e-3)))
    batch = Batch(torch.rand(5, 4, 6, dtype=F64), torch.arange(4) % 3)
    with pytest.raises(ValueError, match="does not depend on parameter 'readout.head.weight'"):
        update_of(TSSLBP(), network, batch)
    assert "readout.head.weight" in update_of(TSSLBP(CrossEntropy()), network, batch).grads


def test_losses_and_adjoints_have_names():
    loss = LOSSES.make("van-rossum:pattern=0-1,target_filterings=1,tau_syn=4e-3")
    assert (loss.pattern, loss.target_filterings, loss.tau_syn) == ("0-1", 1, 4e-3)
    rule = RULES.make("tssl-bp", {"loss": "filtered-count:correct_count=9", "adjoint": "tssl:warm_up=layer,cap=10"})
    assert rule.loss.correct_count == 9
    assert (rule.adjoint.warm_up, rule.adjoint.cap) == ("layer", 10)


def test_what_the_rule_declares():
    assert str(TSSLBP.default_optimizer) == "adamw lr=0.0005, weight_decay=0.01"
    assert (TSSLBP.default_clip_norm, TSSLBP.default_bounds, TSSLBP.sums_over_batch) == (1.0, (-4.0, 4.0), True)

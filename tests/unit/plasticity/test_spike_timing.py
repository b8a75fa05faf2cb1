"""Pairings, weight dependences and rewards of the rules of the times of spikes."""

import itertools
import math

import pytest
import torch

from spikelearn.network import build
from spikelearn.plasticity import (
    DEPENDENCES,
    MSTDP,
    MSTDPET,
    PAIRINGS,
    RULES,
    Batch,
    OnlineSTDP,
    Outcome,
    TargetSpikes,
    TripletSTDP,
)
from spikelearn.tasks import PerStep
from tests.golden.prescribed import WEIGHT, both_sides, prescribed
from tests.helpers import only_update

F64 = torch.float64
INFINITE = {"low": -math.inf, "high": math.inf}
PLUS, MINUS = 5e-3, 12e-3


def trains(seed, steps=40):
    drawn = torch.rand(steps, 2, generator=torch.Generator().manual_seed(seed), dtype=F64) < 0.3
    return drawn[:, :1].to(F64), drawn[:, 1:].to(F64)


def change(rule, pre, post, weight=0.5):
    """The change of one weight by the spikes [T, 1] of both sides."""
    network = prescribed(torch.full((1, 1), weight, dtype=F64))
    batch = Batch(both_sides(pre.unsqueeze(1), post.unsqueeze(1)), torch.zeros(1, dtype=torch.int64))
    return -float(only_update(rule, network, batch).grads[WEIGHT][0, 0])


def times(train):
    return train[:, 0].nonzero().flatten().tolist()


def is_pair(name, before, after, own, other):
    """Whether two spikes make a pair; ``own`` are the times of the earlier one's side, ``other`` of the later one's."""
    last = not any(before < t < after for t in own)
    first = not any(before < t < after for t in other)
    return {"all-to-all": True, "nearest-symmetric": last, "nearest-reduced": last and first}[name]


def expected(name, pre, post):
    """The sum over pairs, which are chosen from the trains as a whole."""
    total = 0.0
    for s, z in itertools.product(times(pre), times(post)):
        causal = name if name != "nearest-presynaptic" else None
        if s < z:
            nearest = (
                not any(s < t < z for t in times(post))
                if causal is None
                else is_pair(name, s, z, times(pre), times(post))
            )
            total += 0.3 * math.exp((s - z) * 1e-3 / PLUS) * nearest
        elif z < s:
            acausal = "nearest-symmetric" if causal is None else name
            total -= 0.2 * math.exp((z - s) * 1e-3 / MINUS) * is_pair(acausal, z, s, times(post), times(pre))
    return total


@pytest.mark.parametrize("name", list(PAIRINGS))
def test_a_pairing_is_the_sum_over_its_pairs(name):
    pre, post = trains(3)
    found = change(OnlineSTDP(0.3, 0.2, PLUS, MINUS, **INFINITE, pairing=PAIRINGS.make(name)), pre, post)
    assert found == pytest.approx(expected(name, pre, post), rel=1e-10)


def test_pairings_differ():
    pre, post = trains(3)
    sums = {round(expected(name, pre, post), 9) for name in PAIRINGS}
    assert len(sums) == len(PAIRINGS) == 4


@pytest.mark.parametrize("name", list(PAIRINGS))
def test_a_pair_of_one_step_counts_where_it_is_asked_for(name):
    pre = post = torch.tensor([[0.0], [1], [0]], dtype=F64)
    for coincident, pairs in ((False, 0.0), (True, 0.3 - 0.2)):
        rule = OnlineSTDP(0.3, 0.2, PLUS, MINUS, **INFINITE, pairing=PAIRINGS.make(name), coincident=coincident)
        assert change(rule, pre, post) == pytest.approx(pairs)


@pytest.mark.parametrize(
    ("text", "up", "down"),
    [
        ("additive", 1.0, 1.0),
        ("power", 0.75, 0.25),
        ("power:mu_plus=0,mu_minus=0", 1.0, 1.0),
        ("power:mu_plus=0.5,mu_minus=2", 0.75**0.5, 0.25**2),
        ("power-law", 0.5**0.4, 0.5),
        ("power-law:mu=0.5,w0=2", 2**0.5 * 0.5**0.5, 0.5),
    ],
)
def test_a_dependence_is_a_factor_on_each_side(text, up, down):
    """A weight of 0.5 between 0 and 2."""
    one, other = torch.tensor([[1.0], [0]], dtype=F64), torch.tensor([[0.0], [1]], dtype=F64)
    options = {"low": 0.0, "high": 2.0, "dependence": DEPENDENCES.make(text)}
    assert change(OnlineSTDP(0.01, 0.0, PLUS, MINUS, **options), one, other) == pytest.approx(
        0.01 * up * math.exp(-1 / 5)
    )
    assert change(OnlineSTDP(0.0, 0.01, PLUS, MINUS, **options), other, one) == pytest.approx(
        -0.01 * down * math.exp(-1 / 12)
    )
    found = change(TripletSTDP(scale=0.1, **options), other, one)
    assert found == pytest.approx(-0.1 * 7.1e-3 * down * math.exp(-1 / 33.7))


def test_a_constant_reward_without_waiting_is_pair_stdp():
    pre, post = trains(4)
    batch = Batch(both_sides(pre.unsqueeze(1), post.unsqueeze(1)), torch.zeros(1, dtype=torch.int64))
    rewarded = Batch(batch.inputs, batch.targets, rewards=torch.ones(len(pre), 1, dtype=F64))
    rule = MSTDP(learning_rate=1.0, a_plus=0.3, a_minus=-0.2, tau_plus=PLUS, tau_minus=MINUS, **INFINITE)
    network = prescribed(torch.full((1, 1), 0.5, dtype=F64))
    found = -float(only_update(rule, network, rewarded).grads[WEIGHT][0, 0])
    # Pairs of one step count as causal, and those of the last step are never paid.
    both = 0.3 * sum(t in times(post) for t in times(pre))
    last = len(pre) - 1
    assert last not in times(pre) + times(post), "choose other trains"
    assert found == pytest.approx(expected("all-to-all", pre, post) + both)


def test_a_late_reward_pays_what_has_waited_for_it():
    pre, post, rewards = torch.zeros(3, 30, 1, 1, dtype=F64).unbind(0)
    pre[2], post[4], rewards[20] = 1.0, 1.0, 2.0
    batch = Batch(both_sides(pre, post), torch.zeros(1, dtype=torch.int64), rewards=rewards[..., 0])
    network = prescribed(torch.full((1, 1), 0.5, dtype=F64))
    assert not only_update(MSTDP(**INFINITE), network, batch).grads[WEIGHT][0, 0]
    found = -float(only_update(MSTDPET(learning_rate=1.0, **INFINITE), network, batch).grads[WEIGHT][0, 0])
    assert found == pytest.approx(2.0 * math.exp(-2 / 20) * math.exp(-15 / 25) / 25)


def test_a_distal_reward_finds_the_synapse_that_earned_it():
    """Pairs at one of ten synapses are paid half a second to a second later, while all go on firing by chance.

    As Izhikevich, Cerebral Cortex 17, 2007, has it, in steps of 4 ms.
    """
    dt, steps, samples, size = 4e-3, 750, 96, 10
    generator = torch.Generator().manual_seed(0)
    pre = (torch.rand(steps, samples, size, generator=generator, dtype=F64) < 0.02).to(F64)
    post = (torch.rand(steps, samples, 1, generator=generator, dtype=F64) < 0.02).to(F64)
    # The first synapse fires its target every third time, one step later.
    caused = pre[:-1, :, :1] * (torch.rand(steps - 1, samples, 1, generator=generator, dtype=F64) < 0.33)
    post[1:] = torch.maximum(post[1:], caused)
    late = torch.randint(int(0.5 / dt), int(1.0 / dt), caused.shape[:2], generator=generator)
    rewards = torch.zeros(steps, samples, dtype=F64)
    for t, b in caused[..., 0].nonzero().tolist():
        if t + 1 + late[t, b] < steps:
            rewards[t + 1 + late[t, b], b] += 0.5
    network = prescribed(torch.full((1, size), 0.5, dtype=F64), dt)
    batch = Batch(both_sides(pre, post), torch.zeros(samples, dtype=torch.int64), rewards=rewards)
    rule = RULES.make("dopamine-stdp", {"learning_rate": 0.01, "a_minus": -1.5, "dt": dt, **INFINITE})
    change = -only_update(rule, network, batch).grads[WEIGHT][0, :size]
    assert float(change[0]) > 0
    assert float(change[1:].max()) < 0
    assert float(change[0]) > 3 * float(change[1:].abs().max())


def test_rewards_follow_the_spikes_of_the_output():
    network = prescribed(torch.zeros(3, 1, dtype=F64))
    post = torch.zeros(5, 2, 3, dtype=F64)
    post[0, 0, 1] = post[1, 0, 2] = post[2, 1, 0] = 1.0
    inputs = both_sides(torch.zeros(5, 2, 1, dtype=F64), post)
    batch = Batch(inputs, torch.tensor([1, 1]))

    def paid(reward, batch=batch):
        payments = reward.payments(network, batch)
        steps, state = [], None
        for t, x in enumerate(batch.inputs):
            record, state = network.step(x, state)
            steps.append(payments.at(t, record))
        return torch.stack(steps).t().tolist()

    assert paid(TargetSpikes()) == [[0, 1, -0.5, 0, 0], [0, 0, 0, -0.5, 0]]
    assert paid(TargetSpikes(punishment=2.0, delay=2)) == [[0, 0, 1, -2, 0], [0, 0, 0, 0, -2]]
    assert paid(Outcome()) == [[0, 0, 0, 0, -1], [0, 0, 0, 0, -1]]  # a tie is wrong
    assert paid(Outcome(3.0), Batch(inputs, torch.tensor([1, 0]))) == [[0, 0, 0, 0, -1], [0, 0, 0, 0, 3]]
    targets = torch.tensor([[2, 1], [2, 1], [2, 0], [2, 1], [2, 1]])
    assert paid(TargetSpikes(), Batch(inputs, targets, task=PerStep())) == [[0, -0.5, 1, 0, 0], [0, 0, 0, 1, 0]]
    with pytest.raises(ValueError, match="the reward outcome is for one class a sample"):
        paid(Outcome(), Batch(inputs, targets, task=PerStep()))


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        ("stdp-online", {"dependence": "power", "high": math.inf}, "of the distance to bounds: give finite ones"),
        ("triplet-stdp", {"dependence": "power-law", "low": -1.0}, "is of positive weights: set low to 0"),
        ("triplet-stdp", {"scale": 0.0}, "scale is 0.0"),
        ("triplet-stdp", {"parameters": "hippocampus:model=small"}, "model is 'small'"),
        ("mstdp", {"coincident": "twice"}, "coincident is 'twice'"),
        ("mstdpet", {"tau_eligibility": 0.0}, "tau_eligibility is 0.0"),
        ("mstdpet", {"weight_decay": 1.0}, "weight_decay is 1.0"),
        ("mstdp", {"reward": "target-spikes:delay=-1"}, "delay is -1"),
        ("clopath", {"amplitude": "sliding"}, "amplitude is 'sliding'"),
        ("clopath", {"tau_x": 0.0}, "tau_x is 0.0"),
        ("stdp-online", {"dendritic_delay": -1}, "dendritic_delay is -1"),
        ("triplet-stdp", {"in_turn": True, "online": False}, "in_turn is of changes at every step"),
        ("urbanczik-senn", {"tau_filter": -1.0}, "tau_filter is -1.0"),
    ],
)
def test_wrong_options_are_named(rule, options, message):
    with pytest.raises(ValueError, match=message):
        RULES.make(rule, options)


def test_triplets_of_a_presentation_learn_convolutions_and_no_max_pool():
    network = build("2C3-3", input_shape=(1, 6, 6))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_().mul_(4)
    inputs = (torch.rand(8, 2, 1, 6, 6, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    update = only_update(TripletSTDP(online=False), network, Batch(inputs, torch.tensor([0, 1])))
    assert all(grad.abs().max() > 0 for grad in update.grads.values())
    with pytest.raises(ValueError, match=r"triplet-stdp learns nn\.Linear"):
        TripletSTDP().check(network)
    pooled = build("2C3-MP2-3", input_shape=(1, 6, 6))
    with pytest.raises(ValueError, match="is not linear in its input"):
        TripletSTDP(online=False).check(pooled)

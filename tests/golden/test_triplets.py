"""Triplet STDP against NEST: weights after every presynaptic spike, traces of every step, and pairs at frequencies."""

import itertools

import pytest
import torch

from spikelearn.plasticity import RULES, TRIPLETS, Batch, GivenTriplets
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load
from tests.golden.prescribed import WEIGHT, both_sides, prescribed

TOLERANCE = 1e-11
NAMES = ("A2_plus", "A2_minus", "A3_plus", "A3_minus", "tau_plus", "tau_minus", "tau_x", "tau_y")

#: {parameter set of a file: the registered one}.
SETS = {
    f"{short}_{model}{ending}": f"{name}:model={model},pairing={pairing}"
    for short, name in (("visual", "visual-cortex"), ("hippocampal", "hippocampus"))
    for model in ("full", "minimal")
    for ending, pairing in (("", "all-to-all"), ("_nearest", "nearest-spike"))
}
SETS["hippocampal"] = "hippocampus:model=full"


def parameters_of(case):
    """The numbers of the file."""
    given = {name.lower(): case[name] * (1e-3 if name.startswith("tau") else 1.0) for name in NAMES}
    return GivenTriplets(**given)


def rule_of(case, **more):
    options = more | {
        "parameters": parameters_of(case),
        "low": -float("inf"),
        "high": float("inf"),
        "dt": 1e-3 * case["dt"],
    }
    return RULES.make("triplet-stdp", options)


def batch_of(pre, post):
    """One sample of independent synapses [T, n]: of a square of weights they are the diagonal."""
    return Batch(both_sides(pre.unsqueeze(1), post.unsqueeze(1)), torch.zeros(1, dtype=torch.int64))


def events(case):
    return list(zip(case["event_step"].tolist(), case["event_synapse"].tolist(), strict=True))


@pytest.mark.parametrize("path", golden_files("triplet_*.npz"))
def test_a_named_set_is_that_of_the_file(path):
    case = load(path)
    named, given = TRIPLETS.make(SETS[case["parameter_set"]]), parameters_of(case)
    assert named.fit == pytest.approx(given.fit)
    assert (named.pairing, named.tau_plus, named.tau_minus) == pytest.approx(
        (given.pairing, given.tau_plus, given.tau_minus)
    )


@pytest.mark.parametrize("path", golden_files("triplet_[!f]*.npz"))
def test_every_step(path):
    case = load(path)
    size = case["n_synapses"]
    network, rule = prescribed(torch.diag(case["w_init"]), 1e-3 * case["dt"]), rule_of(case)
    rule.check(network)
    weights = []
    for t, moment in enumerate(rule.walk(network, batch_of(case["pre_spikes"], case["post_spikes"]))):
        assert moment.record["post"].spikes[0, 0].equal(case["post_spikes"][t])
        weights.append(moment.weights[WEIGHT][:, :size].diagonal().clone())
        assert_relative(weights[t], case["w"][t], TOLERANCE, f"w at step {t}")
        for name in ("r1", "r2", "o1", "o2"):
            found = moment.traces[WEIGHT][name][0, :size]
            assert_relative(found, case[name][t], TOLERANCE, f"{name} at step {t}")
    for number, (step, synapse) in enumerate(events(case)):
        # NEST writes a weight at presynaptic spikes alone.
        assert_relative(weights[step][synapse], case["event_weight"][number], TOLERANCE, f"event {number}")
        change = weights[step][synapse] - case["w_init"][synapse]
        assert abs(float(change - case["event_dw"][number])) < 1e-13, f"event {number}"
    assert int((case["pre_spikes"] * case["post_spikes"]).sum()) == case["coincident_events"]
    case.read |= {"T", "seed", "rule", "parameter_set"}
    case.assert_all_read()


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("path", golden_files("triplet_[!f]*.npz"))
def test_learning(path, online):
    case = load(path)
    network, size = prescribed(torch.diag(case["w_init"]), 1e-3 * case["dt"]), case["n_synapses"]
    learn(Training.start(network, rule_of(case, online=online)), batch_of(case["pre_spikes"], case["post_spikes"]))
    assert_relative(network.get_parameter(WEIGHT).detach()[:, :size].diagonal(), case["w"][-1], TOLERANCE, "w")


def paired(case):
    """Spikes [T, 10] of pairs, a column for each lag and frequency, and of the presynaptic spike at which NEST reads.

    That one is the same for all, a step less than the gap after the last presynaptic spike of the slowest pairs.
    """
    first, count = case["first_pre_ms"], case["n_pairs"]
    lags, periods = case["delta_t_ms"].tolist(), case["period_ms"].tolist()
    last = first + (count - 1) * max(periods) + case["final_pre_gap_ms"] - 1
    pre = torch.zeros(last + 1, len(lags) * len(periods), dtype=torch.float64)
    post = torch.zeros_like(pre)
    for column, (lag, period) in enumerate(itertools.product(lags, periods)):
        times = first + period * torch.arange(count)
        pre[times, column], post[times + lag, column] = 1.0, 1.0
    pre[last] = 1.0
    return pre, post


@pytest.mark.parametrize("path", golden_files("triplet_frequency*.npz"))
def test_pairs_at_frequencies(path):
    case = load(path)
    assert case["dt"] == 1.0
    assert case["period_ms"].tolist() == (1000 / case["rho_hz"]).round().int().tolist()
    pre, post = paired(case)
    size = pre.shape[1]
    # The spikes are prescribed, so that the weights may as well change at the end.
    network = prescribed(torch.eye(size))
    learn(Training.start(network, rule_of(case, online=False)), batch_of(pre, post))
    change = network.get_parameter(WEIGHT).detach()[:, :size].diagonal() - 1.0
    assert float((change - case["dw"].flatten()).abs().max()) < 1e-12
    case.read |= {"rule", "parameter_set"}
    case.assert_all_read()

"""MSTDP and MSTDPET against BindsNET's program: traces, eligibilities and weights of every step."""

import pytest
import torch

from spikelearn.plasticity import RULES, Batch
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load
from tests.golden.prescribed import WEIGHT, both_sides, prescribed

TOLERANCE = 1e-11
FILES = golden_files("mstdpet_*.npz")


def rule_of(case):
    """The program has milliseconds, and with ``sum`` one learning rate for the sum over the samples."""
    dt = 1e-3 * case["dt"]
    taus = {"tau_plus": 1e-3 * case["tc_plus"], "tau_minus": 1e-3 * case["tc_minus"]}
    given = {"a_plus": case["a_plus"], "a_minus": case["a_minus"], "low": case["wmin"], "high": case["wmax"], "dt": dt}
    tau = 1e-3 * case["tc_e_trace"]
    taus |= {"tau_eligibility": tau} if case["rule"] == "mstdpet" else {}
    rate = case["nu"] * (case["B"] if case["batch_reduction"] == "sum" else 1)
    return RULES.make(
        case["rule"],
        {**given, **taus, "learning_rate": rate, "weight_decay": case["weight_decay"], "coincident": "both"},
    )


def batch_of(case):
    rewards = case["reward"].unsqueeze(1).expand(-1, case["B"])
    inputs = both_sides(case["pre_spikes"], case["post_spikes"])
    return Batch(inputs, torch.zeros(case["B"], dtype=torch.int64), rewards=rewards)


@pytest.mark.parametrize("path", FILES)
def test_every_step(path):
    case = load(path)
    rule, network, batch = rule_of(case), prescribed(case["w_init"].t(), 1e-3 * case["dt"]), batch_of(case)
    rule.check(network)
    size, dt = case["w_init"].shape[0], case["dt"]
    for t, moment in enumerate(rule.walk(network, batch)):
        traces, at = moment.traces[WEIGHT], f"at step {t}"
        assert moment.record["post"].spikes[0].equal(case["post_spikes"][t])
        assert_relative(moment.weights[WEIGHT][:, :size].t(), case["w"][t], TOLERANCE, f"w {at}")
        assert_relative(traces["p_plus"][:, :size], case["p_plus"][t], TOLERANCE, f"p_plus {at}")
        assert_relative(traces["p_minus"], case["p_minus"][t], TOLERANCE, f"p_minus {at}")
        pairs = rule.pairs(traces)[:, :, :size].transpose(1, 2)
        assert_relative(pairs, case["eligibility"][t], TOLERANCE, f"eligibility {at}")
        if case["rule"] == "mstdpet" and t:
            # The program's is per millisecond, and starts at 0.
            trace = traces["eligibility"][:, :, :size].transpose(1, 2) / dt
            assert_relative(trace[0], case["eligibility_trace"][t], TOLERANCE, f"trace {at}")
    case.read |= {"T", "seed"}
    if case["rule"] == "mstdp":
        case.read |= {"tc_e_trace"}
    case.assert_all_read("eligibility_trace")


@pytest.mark.parametrize("path", FILES)
def test_learning(path):
    """Training leaves the weights where the program does."""
    case = load(path)
    network = prescribed(case["w_init"].t(), 1e-3 * case["dt"])
    learn(Training.start(network, rule_of(case)), batch_of(case))
    learned = network.get_parameter(WEIGHT).detach()[:, : case["w_init"].shape[0]].t()
    assert_relative(learned, case["w"][-1], TOLERANCE, "w")

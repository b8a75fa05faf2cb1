"""Arms on another network than the reference, and the arm that trains it by the reference's rule."""

import tomllib

import pytest

from spikelearn.bench.analyse.other_networks import other_networks
from spikelearn.bench.analyse.results import read_results
from spikelearn.bench.analyse.summary import summarise
from spikelearn.bench.plan.reading import plan_from
from spikelearn.network import READOUTS, FittedReadout
from spikelearn.plasticity import RULES, Batch
from spikelearn.report.findings import findings_of
from spikelearn.runs import needs_of, prepare
from spikelearn.training import learn
from tests.unit.bench.made import write_comparison

NEEDY = [rule for rule in RULES if needs_of(rule, "digits")]
COMMON = {"net": "64-10-10", "steps": 30, "epochs": 1, "data_fraction": 0.1, "batch": 8}


def found_in(folder, arms):
    write_comparison(folder, arms, seeds=range(2), epochs=4)
    (table,) = summarise(read_results(folder)).tables
    return other_networks(table, "bptt")


@pytest.mark.parametrize("rule", NEEDY)
def test_the_lines_make_an_arm_that_trains_the_same_network(rule, tmp_path):
    points = plan_from({"rules": ["bptt", rule], "seeds": 1, "common": COMMON}).points()
    own = {point.arm: point.trial.settings.model_dump(mode="json", exclude_none=True) for point in points}
    for name in ("rule", "data", "seed", "device"):
        for values in own.values():
            values.pop(name)
    (one,) = found_in(tmp_path, {"bptt": own["bptt"], rule: {"rule": rule, **own[rule]}})
    assert (one.arm, one.companion, one.name) == (rule, None, f"bptt-on-{rule}")
    if issubclass(READOUTS.get(own[rule].get("readout", "rate")), FittedReadout):
        assert one.lines is None, "bptt descends no loss of what such a readout predicts"
        return
    lines = tomllib.loads(one.lines)
    plan = plan_from({"rules": ["bptt", rule, one.name], "seeds": 1, "common": COMMON, **lines})
    made = {point.arm: point.trial.settings for point in plan.points()}
    theirs, companion = made[rule], made[one.name]
    assert companion.rule == "bptt"
    assert str(companion.make_network()) == str(theirs.make_network())
    for name in ("net", "encoder", "encoder_option", "steps", "readout", "init"):
        assert getattr(companion, name) == getattr(theirs, name), name
    training, loaders = prepare(companion)
    learn(training, Batch(*next(loaders["train"].epoch())))


def test_an_arm_of_the_reference_s_rule_on_that_network_is_found(tmp_path):
    network = {"neuron": "cuba-lif", "readout": "trace"}
    arms = {"bptt": {}, "tssl-bp": network, "same": {"rule": "bptt", **network}, "dfa": {"lr": 0.1}}
    (one,) = found_in(tmp_path, arms)
    assert (one.arm, one.companion, one.lines) == ("tssl-bp", "same", None)
    assert one.own == network
    assert one.reference == {"neuron": "lif", "readout": None}
    results = read_results(tmp_path)
    texts = [f.text for f in findings_of(results, summarise(results)) if "another network" in f.text]
    assert texts == [
        "tssl-bp runs on another network than bptt (neuron, readout), so a difference may be one of the network, not "
        "of the rule; same trains that network by bptt."
    ]


def test_what_a_plan_cannot_say_has_no_lines(tmp_path):
    """The reference names a setting that the arm leaves to its default, and TOML has no word for nothing."""
    (one,) = found_in(tmp_path, {"bptt": {"readout": "membrane"}, "dfa": {}})
    assert one.own == {"readout": None}
    assert one.lines is None

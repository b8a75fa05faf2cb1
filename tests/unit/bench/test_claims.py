"""Claims: all can be asked, and a verdict follows from what was seen."""

import pytest

from spikelearn.bench.analyse.verdicts import judge
from spikelearn.bench.plan.claims import Claim, read_claim
from spikelearn.bench.plan.reading import plan_from, read_suite
from spikelearn.catalogue import CLAIMS
from spikelearn.neurons.activations.linear import Linear
from spikelearn.neurons.activations.triangle import MeanTriangle
from spikelearn.report.findings.verdicts import outcome_sentence, read_verdicts, verdict_values, write_verdicts


@pytest.mark.parametrize("name", CLAIMS.names())
def test_every_claim_can_be_laid_out(name):
    claim = read_claim(name)
    arms = {*claim.plan.rules}
    for check in claim.check:
        assert {arm for arm in (check.arm, check.than, *check.arms) if arm} <= arms
        for place in (check.at, check.against):
            assert place.axis is None or str(place.value) in map(str, claim.plan.axes[place.axis])
            assert place.condition is None or place.condition in claim.plan.conditions()
    assert claim.plan.points()


@pytest.mark.parametrize(
    ("plan", "image"),
    [(read_claim("bio-study").plan, (1, 28, 28)), (read_suite("bio-study-cifar10"), (3, 32, 32))],
    ids=["claim", "suite"],
)
def test_the_layer_that_a_ridge_regression_reads_is_rectified_where_other_arms_end_linearly(plan, image):
    settings = {p.arm: p.trial.settings for p in plan.points()}
    hebbian, bp = (settings[arm].network_of(image) for arm in ("hebbian-conv", "bp"))
    assert {type(block.neuron.activation) for block in hebbian.blocks.values()} == {MeanTriangle}
    assert type(list(bp.blocks.values())[-1].neuron.activation) is Linear


def test_an_unknown_claim_is_named():
    with pytest.raises(ValueError, match="unknown claim 'pruning'.*global-pruning"):
        read_claim("pruning")


class Found:
    """Points as ``Results`` has them: {(arm, axis, value, condition): accuracies, 0 to 1}."""

    def __init__(self, accuracies):
        import pandas as pd

        rows = [
            {
                "arm": arm,
                "data": "digits",
                "axis": axis,
                "value": value,
                "condition": condition,
                "when": "after" if condition else "during",
                "seed": seed,
                "score": accuracy,
            }
            for (arm, axis, value, condition), values in accuracies.items()
            for seed, accuracy in enumerate(values)
        ]
        self.points = pd.DataFrame(rows)


def claim(*checks):
    return Claim(
        name="made",
        number=1,
        statement="s",
        source="t",
        expected="e",
        check=checks,
        plan=plan_from({"rules": ["bptt", "fa"]}),
    )


HIGH, LOW, SAME = (
    [0.90, 0.91, 0.905, 0.90, 0.908],
    [0.80, 0.812, 0.805, 0.803, 0.81],
    [0.901, 0.909, 0.905, 0.90, 0.908],
)


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        ({"kind": "better", "arm": "a", "than": "b"}, "reproduced"),
        ({"kind": "better", "arm": "b", "than": "a"}, "not reproduced"),
        ({"kind": "better", "arm": "a", "than": "c"}, "not reproduced"),
        ({"kind": "not worse", "arm": "c", "than": "a"}, "reproduced"),
        ({"kind": "not worse", "arm": "b", "than": "a"}, "not reproduced"),
        ({"kind": "not worse", "arm": "b", "than": "a", "within": 11.0}, "reproduced"),
        ({"kind": "not worse", "arm": "b", "than": "a", "within": 5.0}, "not reproduced"),
        ({"kind": "reaches", "arm": "a", "accuracy": 90.5, "within": 0.1}, "reproduced"),
        ({"kind": "reaches", "arm": "b", "accuracy": 90.5, "within": 0.1}, "not reproduced"),
        ({"kind": "reaches", "arm": "nobody", "accuracy": 90.5}, "not decided"),
        ({"kind": "count", "arms": ["a", "c"], "than": "b", "count": 2}, "reproduced"),
        ({"kind": "count", "arms": ["a", "b"], "than": "c", "count": 1}, "not reproduced"),
        (
            {"kind": "same arm", "arm": "a", "at": {"condition": "x"}, "against": {"axis": "steps", "value": 5}},
            "reproduced",
        ),
        ({"kind": "same arm", "arm": "a", "at": {"condition": "x"}}, "not reproduced"),
    ],
)
def test_verdicts(check, verdict):
    found = Found(
        {
            ("a", None, None, None): HIGH,
            ("b", None, None, None): LOW,
            ("c", None, None, None): SAME,
            ("a", None, None, "x"): LOW,
            ("a", "steps", "5", None): LOW,
        }
    )
    judged = judge(claim(check), found)
    assert judged.verdict == verdict
    assert outcome_sentence(judged.outcomes[0])


WIDE = {"axis": "steps", "value": 5}


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        ({"at": WIDE}, "reproduced"),
        ({"against": WIDE}, "not reproduced"),
        ({"at": {"axis": "steps", "value": 6}}, "not decided"),
    ],
)
def test_verdicts_on_alignment(check, verdict):
    found = Found({("a", None, None, None): HIGH, ("a", "steps", "5", None): HIGH})
    found.points["alignment"] = [0.4 if base else 0.9 for base in found.points["axis"].isna()]
    judged = judge(claim({"kind": "aligned", "arm": "a", **check}), found)
    assert judged.verdict == verdict
    words = outcome_sentence(judged.outcomes[0])
    assert "not measured" in words if verdict == "not decided" else "cosine of a to bptt" in words
    assert verdict == "not decided" or ("0.900 at steps 5" in words and "0.400" in words)


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        ({"arm": "a", "cost": "signal_dense", "share": 0.01}, "reproduced"),
        ({"arm": "a", "cost": "signal_dense", "share": 0.005}, "not reproduced"),
        ({"arm": "a", "cost": "saved_bytes", "share": 0.5}, "not decided"),  # not measured in any seed
        ({"arm": "nobody", "cost": "signal_dense", "share": 0.5}, "not decided"),
    ],
)
def test_verdicts_on_costs(check, verdict):
    found = Found({("a", None, None, None): HIGH, ("b", None, None, None): LOW})
    ours = found.points["arm"] == "a"
    found.points["signal_dense"] = [6.0 if own else 1000.0 for own in ours]
    found.points["saved_bytes"] = float("nan")
    judged = judge(claim({"kind": "costs", "than": "b", **check}), found)
    assert judged.verdict == verdict
    if verdict != "not decided":
        assert judged.outcomes[0].ratio == pytest.approx(0.006)
        words = outcome_sentence(judged.outcomes[0])
        assert words.startswith("products that carry the learning signal: a 0.006 times those of b, expected")


def test_a_check_of_costs_names_its_cost():
    with pytest.raises(ValueError, match="cost is 'speed', expected one of seconds"):
        claim({"kind": "costs", "arm": "a", "than": "b", "cost": "speed"})
    with pytest.raises(ValueError, match="else none"):
        claim({"kind": "better", "arm": "a", "than": "b", "cost": "seconds"})


def test_some_of_several():
    found = Found({("a", None, None, None): HIGH, ("b", None, None, None): LOW})
    better = {"kind": "better", "arm": "a", "than": "b"}
    worse = {"kind": "better", "arm": "b", "than": "a"}
    missing = {"kind": "better", "arm": "a", "than": "z"}
    assert judge(claim(better, worse), found).verdict == "partly reproduced"
    assert judge(claim(better, missing), found).verdict == "partly reproduced"
    assert judge(claim(missing), found).verdict == "not decided"


def test_the_table(tmp_path):
    found = Found({("a", None, None, None): HIGH, ("b", None, None, None): LOW})
    written = write_verdicts(
        tmp_path, [verdict_values(judge(claim({"kind": "better", "arm": "a", "than": "b"}), found))]
    )
    text = written["markdown"].read_text()
    assert "**reproduced**" in text
    assert "(made/report.html)" in text
    assert "a less b: +9.86 points" in text
    assert read_verdicts(tmp_path)[0]["verdict"] == "reproduced"


def test_a_damaged_list_of_verdicts_is_refused(tmp_path):
    assert read_verdicts(tmp_path) == []
    (tmp_path / "claims.json").write_text('[{"name": "made"}]')
    with pytest.raises(ValueError, match="holds no list of verdicts: remove it"):
        read_verdicts(tmp_path)


@pytest.mark.parametrize(
    "check",
    [
        {"kind": "better", "arm": "a", "than": "b"},
        {"kind": "not worse", "arm": "b", "than": "a"},
        {"kind": "same arm", "arm": "a", "at": {"condition": "x"}},
        {"kind": "count", "arms": ["a"], "than": "b", "count": 1},
    ],
)
def test_one_seed_decides_no_difference(check):
    found = Found({("a", None, None, None): [0.9], ("b", None, None, None): [0.8], ("a", None, None, "x"): [0.8]})
    assert judge(claim(check), found).verdict == "not decided"

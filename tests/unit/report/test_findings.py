"""What is said of made-up comparisons whose truth is known."""

import pytest

from spikelearn.bench.analyse.results import read_results
from spikelearn.bench.analyse.summary import summarise
from spikelearn.report.findings import findings_of
from tests.unit.bench.made import accuracy_of, write_comparison

ARMS = {"bptt": 0.97, "tssl-bp": 0.97, "dfa": 0.94, "readout-only": 0.88}


def _read(folder):
    """The numbers of a comparison, and what is said of them."""
    results = read_results(folder)
    summary = summarise(results)
    return summary, findings_of(results, summary)


def _found(folder, arms, levels, slopes=None, **options):
    write_comparison(folder, arms, accuracy=accuracy_of(levels, slopes), **options)
    return _read(folder)


def _texts(findings, kind):
    return [finding.text for finding in findings if finding.kind == kind]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return _found(tmp_path_factory.mktemp("plain"), list(ARMS), ARMS)


def test_verdicts_become_sentences(plain):
    _, findings = plain
    (worse,) = _texts(findings, "worse")
    assert worse.startswith("Worse than bptt: dfa (−")
    assert "; readout-only (−" in worse
    assert "p < 0.001" in worse
    (equal,) = _texts(findings, "equivalent")
    assert equal.startswith("Within 0.3 points of bptt: tssl-bp")
    assert {finding.where for finding in findings if finding.kind != "ranks"} == {"digits, 64-100-10"}
    assert not _texts(findings, "better")


def test_a_lead_is_shown_or_not(tmp_path):
    summary, findings = _found(tmp_path / "a", ["bptt", "dfa"], {"bptt": 0.94, "dfa": 0.97})
    lead = summary.tables[0].row("dfa").difference.mean.mean
    (best,) = _texts(findings, "best")
    assert best.startswith("dfa has the highest mean accuracy: 96.98 % (")
    assert best.endswith(f"; its lead over bptt of {lead:.2f} points is shown.")

    def scattered(arm, data, net, axis, value, seed):
        return 0.95 + ([0.02, -0.01, 0.03, -0.02, 0.01][seed] if arm == "dfa" else 0.0)

    write_comparison(tmp_path / "b", ["bptt", "dfa"], accuracy=scattered)
    summary, findings = _read(tmp_path / "b")
    assert summary.tables[0].rows[0].arm == "dfa"
    assert _texts(findings, "best")[0].endswith("its lead over bptt of 0.60 points is not shown.")
    (told,) = _texts(findings, "no difference shown")
    assert told.startswith("No difference from bptt of 0.3 points or more is shown for dfa (+0.60 points, −1.")


def test_many_arms_of_one_verdict_share_what_they_have_in_common(tmp_path):
    levels = {"bptt": 0.97, "a": 0.9, "b": 0.91, "c": 0.92, "d": 0.93}
    (worse,) = _texts(_found(tmp_path, list(levels), levels)[1], "worse")
    assert worse.startswith("Worse than bptt: d −4.")
    assert worse.endswith(" points, each with p < 0.001.")
    assert worse.count("p <") == 1
    (few,) = _texts(_found(tmp_path / "few", list(levels), levels, seeds=[0])[1], "not compared")
    assert (
        few == "Not compared with bptt: all 4 other arms (one seed that both have, from which nothing can be tested)."
    )


def test_ways_to_fixed_accuracies(plain):
    told = _texts(plain[1], "efficiency")
    assert told[0].startswith("Epochs to 98 % of bptt (")
    assert "never: dfa and readout-only" in told[0]
    assert told[1].startswith("Samples presented")


def test_plateaus_are_told_with_their_accuracy(plain):
    summary, findings = plain
    (told,) = _texts(findings, "plateau")
    row = summary.tables[0].row("dfa")
    epochs, accuracy = (row.measures[name].mean for name in ("epochs_to_plateau", "plateau"))
    assert f"dfa after {epochs:.1f} epochs at {100 * accuracy:.2f} %" in told


def test_a_control_near_the_reference_is_a_ceiling(tmp_path, plain):
    _, near = _found(tmp_path, ["bptt", "readout-only"], {"bptt": 0.97, "readout-only": 0.965})
    words = "nothing can be concluded about hidden layers"
    (told,) = _texts(near, "ceiling")
    assert words in told
    assert not _texts(plain[1], "ceiling")


def test_arms_that_do_not_beat_the_control(tmp_path):
    levels = {"bptt": 0.97, "stdp": 0.80, "dfa": 0.8802, "readout-only": 0.88}
    told = _texts(_found(tmp_path, list(levels), levels)[1], "control")
    assert told == [
        "Against readout-only, which trains no hidden layer: bptt is better; stdp is worse; "
        "dfa is not shown to differ by 0.3 points or more."
    ]


def test_without_a_control_it_is_said(tmp_path):
    _, findings = _found(tmp_path, ["bptt", "dfa"], ARMS)
    assert any("No arm that trains the readout alone" in text for text in _texts(findings, "warning"))


def test_warnings(tmp_path):
    def change(record):
        if record["arm"] == "other":
            record["fingerprints"]["weights"] = "another"

    arms = {"bptt": {}, "other": {"rule": "dfa", "lr": 0.01}, "stdp": {}, "dfa": {}, "readout-only": {}}
    _, findings = _found(
        tmp_path,
        arms,
        {**ARMS, "other": 0.9, "stdp": 0.11},
        seeds=range(4),
        failed={("dfa", 2): "the loss is NaN."},
        left_out=[{"arm": "ide", "reason": "its identity does not hold"}],
        change=change,
    )
    warnings = " ".join(_texts(findings, "warning"))
    assert "Fewer than 5 seeds: bptt, other, readout-only and stdp with 4; dfa with 3." in warnings
    assert "At the level of guessing (10 %): stdp." in warnings
    assert "Settings differ from the common conditions: other in lr." in warnings
    assert "but not for" in warnings
    assert "Not trained with the initial weights of bptt: other." in warnings
    assert "ide was left out: its identity does not hold." in warnings
    assert "Trials without results, failed: dfa 1 (the first: the loss is NaN)." in warnings
    assert "without seed 2" in " ".join(_texts(findings, "worse"))


def test_a_rise_that_has_not_ended_is_said(tmp_path):
    _, findings = _found(tmp_path, ["bptt", "readout-only"], ARMS, epochs=4)
    assert any("still rising at the last epoch" in text for text in _texts(findings, "warning"))
    assert not _texts(findings, "plateau")


def test_along_an_axis(tmp_path):
    """dfa loses less than bptt with the value, so that it is better from some value on."""
    levels, slopes = {"bptt": 0.97, "dfa": 0.95, "stdp": 0.1}, {"bptt": 0.5, "dfa": 0.1}
    _, findings = _found(tmp_path, list(levels), levels, slopes, axes={"hardness": (0.01, 0.2)})
    better, worse = _texts(findings, "axis")
    assert better.startswith("Along hardness (trained), better than bptt: dfa (+")
    assert "points at 0.2)" in better
    assert "dfa (−" in worse
    (order,) = _texts(findings, "robustness")
    assert "ranking, at 0.2: dfa 2.00 points (" in order
    assert order.index("dfa 2.00 points") < order.index("bptt 10.00 points")
    assert "stdp" not in order  # at the level of guessing there is nothing to lose


def test_ranks_over_data_sets(tmp_path):
    _, findings = _found(tmp_path, list(ARMS), ARMS, seeds=range(2), data=("digits", "mnist", "fashion-mnist"))
    assert len(_texts(findings, "ranks")) == 2


def test_without_the_reference(tmp_path):
    gone = {("bptt", seed): "memory" for seed in range(5)}
    _, findings = _found(tmp_path, ["bptt", "dfa", "readout-only"], ARMS, failed=gone)
    assert any("The reference bptt has no results" in text for text in _texts(findings, "warning"))


def test_one_seed_and_one_arm(tmp_path):
    _, findings = _found(tmp_path, ["bptt"], ARMS, seeds=[3])
    assert "bptt alone has results: 97." in _texts(findings, "best")[0]
    assert "1 seed, no interval" in _texts(findings, "best")[0]

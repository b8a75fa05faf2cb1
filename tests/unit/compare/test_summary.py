"""What is said of made-up comparisons whose truth is known."""

import json

import numpy as np
import pytest

from spikelearn.compare.results import read_results
from spikelearn.compare.summary import summarise
from tests.unit.compare.made import write_comparison

#: Of five seeds, added to every arm alike.
BY_SEED = [0.001, -0.002, 0.0, 0.002, -0.001]


def _accuracy(levels, slopes=None, spread=0.0005):
    """Levels by arm, less slopes by arm along an axis of numbers; the arm's own noise is small and fixed."""

    def accuracy(arm, data, net, axis, value, seed):
        noise = spread * np.sin(7.0 * seed + 3.0 * len(arm))
        lost = (slopes or {}).get(arm, 0.0) * float(value) if axis else 0.0
        return float(levels[arm] + BY_SEED[seed % 5] + noise - lost)

    return accuracy


def _summary(folder, arms, levels, slopes=None, spread=0.0005, **options):
    write_comparison(folder, arms, accuracy=_accuracy(levels, slopes, spread), **options)
    return summarise(read_results(folder))


def _texts(summary, kind):
    return [finding.text for finding in summary.findings if finding.kind == kind]


ARMS = {"bptt": 0.97, "tssl-bp": 0.97, "dfa": 0.94, "readout-only": 0.88}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return _summary(tmp_path_factory.mktemp("plain"), list(ARMS), ARMS)


def test_the_table_is_in_the_order_of_means(plain):
    (table,) = plain.tables
    assert [row.arm for row in table.rows][2:] == ["dfa", "readout-only"]
    row = table.row("dfa")
    values = [100 * _accuracy(ARMS)("dfa", "", "", None, None, seed) for seed in range(5)]
    assert row.accuracy.mean == pytest.approx(np.mean(values))
    assert row.accuracy.sd == pytest.approx(np.std(values, ddof=1))
    assert (row.same_weights, row.same_order) == (True, True)
    assert table.row("bptt").difference is None
    assert table.chance == 10


def test_verdicts_become_sentences(plain):
    assert [row.difference.verdict for row in plain.tables[0].rows if row.difference] == [
        "equivalent",
        "worse",
        "worse",
    ]
    (worse,) = _texts(plain, "worse")
    assert worse.startswith("Worse than bptt: dfa (−")
    assert "; readout-only (−" in worse
    assert "p < 0.001" in worse
    (equal,) = _texts(plain, "equivalent")
    assert equal.startswith("Within 0.3 points of bptt: tssl-bp")
    assert {finding.where for finding in plain.findings if finding.kind != "ranks"} == {"digits, 64-100-10"}
    assert not _texts(plain, "better")


def test_a_lead_is_shown_or_not(tmp_path):
    shown = _summary(tmp_path / "a", ["bptt", "dfa"], {"bptt": 0.94, "dfa": 0.97})
    lead = shown.tables[0].row("dfa").difference.mean.mean
    (best,) = _texts(shown, "best")
    assert best.startswith("dfa has the highest mean accuracy: 96.98 % (")
    assert best.endswith(f"; its lead over bptt of {lead:.2f} points is shown.")

    def scattered(arm, data, net, axis, value, seed):
        return 0.95 + ([0.02, -0.01, 0.03, -0.02, 0.01][seed] if arm == "dfa" else 0.0)

    write_comparison(tmp_path / "b", ["bptt", "dfa"], accuracy=scattered)
    unshown = summarise(read_results(tmp_path / "b"))
    assert unshown.tables[0].rows[0].arm == "dfa"
    assert _texts(unshown, "best")[0].endswith("its lead over bptt of 0.60 points is not shown.")
    (told,) = _texts(unshown, "no difference shown")
    assert told.startswith("No difference from bptt of 0.3 points or more is shown for dfa (+0.60 points, −1.")


def test_many_arms_of_one_verdict_share_what_they_have_in_common(tmp_path):
    levels = {"bptt": 0.97, "a": 0.9, "b": 0.91, "c": 0.92, "d": 0.93}
    (worse,) = _texts(_summary(tmp_path, list(levels), levels), "worse")
    assert worse.startswith("Worse than bptt: d −4.")
    assert worse.endswith(" points, each with p < 0.001.")
    assert worse.count("p <") == 1
    (few,) = _texts(_summary(tmp_path / "few", list(levels), levels, seeds=[0]), "not compared")
    assert (
        few == "Not compared with bptt: all 4 other arms (one seed that both have, from which nothing can be tested)."
    )


def test_ways_to_fixed_accuracies(plain):
    (table,) = plain.tables
    assert list(table.targets) == [f"{share} % of bptt" for share in (90, 95, 97, 98)]
    mean = table.row("bptt").accuracy.mean
    assert table.targets["95 % of bptt"] == pytest.approx(0.95 * mean / 100)
    cost = table.row("dfa").costs["95 % of bptt"]
    assert (cost.seeds, cost.reached) == (5, 5)
    assert cost.samples == pytest.approx(1258 * cost.epochs)
    never = table.row("readout-only").costs["95 % of bptt"]
    assert (never.reached, never.epochs, never.seconds) == (0, None, None)
    told = _texts(plain, "efficiency")
    assert told[0].startswith("Epochs to 98 % of bptt (")
    assert "never: dfa and readout-only" in told[0]
    assert told[1].startswith("Samples presented")


def test_absolute_targets(tmp_path):
    write_comparison(tmp_path, seeds=range(2))
    (table,) = summarise(read_results(tmp_path), targets=[0.8, 0.999]).tables
    assert table.row("bptt").costs["80 %"].reached == 2
    assert table.row("bptt").costs["99.9 %"].reached == 0


def test_plateaus_are_told_with_their_accuracy(plain):
    (told,) = _texts(plain, "plateau")
    row = plain.tables[0].row("dfa")
    epochs, accuracy = (row.measures[name].mean for name in ("epochs_to_plateau", "plateau"))
    assert f"dfa after {epochs:.1f} epochs at {100 * accuracy:.2f} %" in told


def test_a_control_near_the_reference_is_a_ceiling(tmp_path, plain):
    near = _summary(tmp_path, ["bptt", "readout-only"], {"bptt": 0.97, "readout-only": 0.965})
    words = "nothing can be concluded about hidden layers"
    (told,) = _texts(near, "ceiling")
    assert words in told
    assert not _texts(plain, "ceiling")


def test_arms_that_do_not_beat_the_control(tmp_path):
    levels = {"bptt": 0.97, "stdp": 0.80, "dfa": 0.8802, "readout-only": 0.88}
    told = _texts(_summary(tmp_path, list(levels), levels), "control")
    assert told == [
        "Against readout-only, which trains no hidden layer: bptt is better; stdp is worse; "
        "dfa is not shown to differ by 0.3 points or more."
    ]


def test_without_a_control_it_is_said(tmp_path):
    summary = _summary(tmp_path, ["bptt", "dfa"], ARMS)
    assert any("No arm that trains the readout alone" in text for text in _texts(summary, "warning"))


def test_warnings(tmp_path):
    def change(record):
        if record["arm"] == "other":
            record["fingerprints"]["weights"] = "another"

    arms = {"bptt": {}, "other": {"rule": "dfa", "lr": 0.01}, "stdp": {}, "dfa": {}, "readout-only": {}}
    summary = _summary(
        tmp_path,
        arms,
        {**ARMS, "other": 0.9, "stdp": 0.11},
        seeds=range(4),
        failed={("dfa", 2): "the loss is NaN."},
        left_out=[{"arm": "ide", "reason": "its identity does not hold"}],
        change=change,
    )
    warnings = " ".join(_texts(summary, "warning"))
    assert "Fewer than 5 seeds: bptt, other, readout-only and stdp with 4; dfa with 3." in warnings
    assert "At the level of guessing (10 %): stdp." in warnings
    assert "Settings differ from the common conditions: other in lr." in warnings
    assert "but not for" in warnings
    assert "Not trained with the initial weights of bptt: other." in warnings
    assert "ide was left out: its identity does not hold." in warnings
    assert "Trials without results, failed: dfa 1 (the first: the loss is NaN)." in warnings
    assert "without seed 2" in " ".join(_texts(summary, "worse"))


def test_a_rise_that_has_not_ended_is_said(tmp_path):
    summary = _summary(tmp_path, ["bptt", "readout-only"], ARMS, epochs=4)
    assert any("still rising at the last epoch" in text for text in _texts(summary, "warning"))
    assert not _texts(summary, "plateau")


def test_along_an_axis(tmp_path):
    """dfa loses less than bptt with the value, so that it is better from some value on."""
    levels, slopes = {"bptt": 0.97, "dfa": 0.95, "stdp": 0.1}, {"bptt": 0.5, "dfa": 0.1}
    summary = _summary(tmp_path, list(levels), levels, slopes, axes={"hardness": (0.01, 0.2)})
    (axis,) = summary.axes
    assert (axis.axis, axis.when, axis.values) == ("hardness", "during", ("0.01", "0.2"))
    verdicts = [cell.difference.verdict for cell in axis.rows["dfa"]]
    assert verdicts == ["worse", "better"]
    assert axis.rows["bptt"][1].lost.mean == pytest.approx(10.0)
    assert axis.rows["dfa"][1].lost.mean == pytest.approx(2.0)
    better, worse = _texts(summary, "axis")
    assert better.startswith("Along hardness (trained), better than bptt: dfa (+")
    assert "points at 0.2)" in better
    assert "dfa (−" in worse
    (order,) = _texts(summary, "robustness")
    assert "base point, at 0.2: dfa 2.00 points (" in order
    assert order.index("dfa 2.00 points") < order.index("bptt 10.00 points")
    assert "stdp" not in order  # at the level of guessing there is nothing to lose


def test_after_training(tmp_path):
    summary = _summary(tmp_path, ["bptt", "dfa"], ARMS, after={"noise": ["gaussian:sd=0.1", "gaussian:sd=0.3"]})
    (axis,) = summary.axes
    assert (axis.when, axis.values) == ("after", ("gaussian:sd=0.1", "gaussian:sd=0.3"))
    pace = 0.9 + 0.3 * len("dfa")
    assert axis.rows["dfa"][1].lost.mean == pytest.approx(100 * 0.02 * 2 / pace)


def test_ranks_over_data_sets(tmp_path):
    summary = _summary(tmp_path, list(ARMS), ARMS, seeds=range(2), data=("digits", "mnist", "fashion-mnist"))
    assert summary.ranks.ranks["readout-only"] == 4.0
    assert len(_texts(summary, "ranks")) == 2
    assert len(summary.tables) == 3


def test_without_the_reference(tmp_path):
    gone = {("bptt", seed): "memory" for seed in range(5)}
    summary = _summary(tmp_path, ["bptt", "dfa", "readout-only"], ARMS, failed=gone)
    assert summary.tables[0].row("dfa").difference.verdict == "not compared"
    assert summary.tables[0].targets == {}
    assert any("The reference bptt has no results" in text for text in _texts(summary, "warning"))


def test_one_seed_and_one_arm(tmp_path):
    summary = _summary(tmp_path, ["bptt"], ARMS, seeds=[3])
    assert "bptt alone has results: 97." in _texts(summary, "best")[0]
    assert "1 seed, no interval" in _texts(summary, "best")[0]


def test_nothing_finished(tmp_path):
    write_comparison(tmp_path, ["bptt"], seeds=[0], unfinished=[("bptt", 0)])
    with pytest.raises(ValueError, match="no finished trial"):
        summarise(read_results(tmp_path))


def test_it_is_plain_json(tmp_path):
    summary = _summary(
        tmp_path,
        ["bptt", "stdp"],
        {"bptt": 0.9, "stdp": 0.9},
        axes={"epochs": (2, 3)},
        failed={("stdp", 1): "why"},
        missing={"stdp": ["learning", "energy", "activity"]},
    )
    text = json.dumps(summary.as_json(), allow_nan=False)
    assert json.loads(text)["tables"][0]["rows"][0]["arm"] in ("bptt", "stdp")

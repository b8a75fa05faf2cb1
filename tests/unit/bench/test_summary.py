"""Numbers of made-up comparisons whose truth is known."""

import json

import numpy as np
import pytest

from spikelearn.bench.analyse.results import read_results
from spikelearn.bench.analyse.summary import summarise
from tests.unit.bench.made import accuracy_of, write_comparison

ARMS = {"bptt": 0.97, "tssl-bp": 0.97, "dfa": 0.94, "readout-only": 0.88}


def _summary(folder, arms, levels, slopes=None, **options):
    write_comparison(folder, arms, accuracy=accuracy_of(levels, slopes), **options)
    return summarise(read_results(folder))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return _summary(tmp_path_factory.mktemp("plain"), list(ARMS), ARMS)


def test_the_table_is_in_the_order_of_means(plain):
    (table,) = plain.tables
    assert [row.arm for row in table.rows][2:] == ["dfa", "readout-only"]
    row = table.row("dfa")
    values = [100 * accuracy_of(ARMS)("dfa", "", "", None, None, seed) for seed in range(5)]
    assert row.score.mean == pytest.approx(np.mean(values))
    assert row.score.sd == pytest.approx(np.std(values, ddof=1))
    assert (row.same_weights, row.same_order) == (True, True)
    assert table.row("bptt").difference is None
    assert table.chance == 10


def test_verdicts_on_arms(plain):
    verdicts = [row.difference.verdict for row in plain.tables[0].rows if row.difference]
    assert verdicts == ["equivalent", "worse", "worse"]


def test_ways_to_fixed_accuracies(plain):
    (table,) = plain.tables
    assert list(table.targets) == [f"{share} % of bptt" for share in (90, 95, 97, 98)]
    mean = table.row("bptt").score.mean
    assert table.targets["95 % of bptt"] == pytest.approx(0.95 * mean / 100)
    cost = table.row("dfa").costs["95 % of bptt"]
    assert (cost.seeds, cost.reached) == (5, 5)
    assert cost.samples == pytest.approx(1258 * cost.epochs)
    never = table.row("readout-only").costs["95 % of bptt"]
    assert (never.reached, never.epochs, never.seconds) == (0, None, None)


def test_absolute_targets(tmp_path):
    write_comparison(tmp_path, seeds=range(2))
    (table,) = summarise(read_results(tmp_path), targets=[0.8, 0.999]).tables
    assert table.row("bptt").costs["80 %"].reached == 2
    assert table.row("bptt").costs["99.9 %"].reached == 0


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


def test_after_training(tmp_path):
    summary = _summary(tmp_path, ["bptt", "dfa"], ARMS, after={"noise": ["gaussian:sd=0.1", "gaussian:sd=0.3"]})
    (axis,) = summary.axes
    assert (axis.when, axis.values) == ("after", ("gaussian:sd=0.1", "gaussian:sd=0.3"))
    pace = 0.9 + 0.3 * len("dfa")
    assert axis.rows["dfa"][1].lost.mean == pytest.approx(100 * 0.02 * 2 / pace)


def test_ranks_over_data_sets(tmp_path):
    summary = _summary(tmp_path, list(ARMS), ARMS, seeds=range(2), data=("digits", "mnist", "fashion-mnist"))
    assert summary.ranks.ranks["readout-only"] == 4.0
    assert len(summary.tables) == 3


def test_without_the_reference(tmp_path):
    gone = {("bptt", seed): "memory" for seed in range(5)}
    summary = _summary(tmp_path, ["bptt", "dfa", "readout-only"], ARMS, failed=gone)
    assert summary.tables[0].row("dfa").difference.verdict == "not compared"
    assert summary.tables[0].targets == {}


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

"""A comparison of a task that is no classes: measures, statistics and the page go by its own measure."""

import csv
import json

import pytest

from spikelearn.bench import compare, plan_from, read_results, summarise, write_csv
from spikelearn.bench.analyse.curves import plateau, reached
from spikelearn.bench.analyse.statistics import differences
from spikelearn.bench.tune.tuning import tune
from spikelearn.report import findings_of, write_report
from tests.in_this_process import trials_in_this_process
from tests.unit.tasks.made import written

COMMON = {
    "net": "64-8-64", "task": "autoencode", "steps": 2, "epochs": 2, "data_fraction": 0.1, "batch": 32, "threads": 1,
}  # fmt: skip
PLAN = {
    "rules": ["bptt", "dfa", "readout-only"],
    "data": ["digits"],
    "seeds": 2,
    "common": {**COMMON, "test_curve": True},
    "arms": {"bptt": {"lr": 0.01}},
    "axes": {"steps": [3]},
    "after": {"weights": ["gaussian:sd=0.1"]},
    "measure": False,
    "tuned": False,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared") / "out"
    with trials_in_this_process():
        compare(plan_from(PLAN), folder)
    return read_results(folder)


def test_the_lowest_error_is_the_best(results):
    assert results.measure.name == "mse"
    assert not results.missing
    (table,) = summarise(results).tables
    means = [row.score.mean for row in table.rows]
    assert means == sorted(means)
    assert table.rows[0].arm == "bptt"
    assert table.chance is None
    assert all(row.test_interval is None for row in table.rows)
    trial, record = next(iter(results.records.items()))
    raw = json.loads((results.folder / "trials" / trial / "trial.json").read_text())
    assert record.task == "autoencode"
    assert "accuracy" not in raw
    assert {"train_mse", "validation_mse", "test_mse"} <= raw["curve"][-1].keys()
    assert record.score == raw["mse"]
    best = {record.seed: record.score for record in results.records.values() if record.arm == "bptt"}
    assert means[0] == pytest.approx(
        results.points[results.points["axis"].isna()].groupby("arm")["score"].mean()["bptt"]
    )
    assert len(best) == 2


def test_findings_and_files_name_the_measure(results, tmp_path):
    summary = summarise(results, threshold=1.0)
    findings = findings_of(results, summary)
    best = next(one.text for one in findings if one.kind == "best")
    assert best.startswith("bptt has the lowest mean mean squared error: 0.")
    assert "accuracy" not in " ".join(one.text for one in findings)
    found = summary.as_json()
    assert found["measure"] == "mse"
    assert found["tables"][0]["rows"][0]["score"]["mean"] == summary.tables[0].rows[0].score.mean
    json.dumps(found)
    write_csv(results, tmp_path / "points.csv")
    columns = next(csv.reader((tmp_path / "points.csv").open()))
    assert {"mse", "train_mse", "validation_mse"} <= set(columns)
    assert not [name for name in columns if "accuracy" in name]


def test_the_page_speaks_of_errors(results):
    paths = write_report(results.folder, results)
    text = paths["md"].read_text()
    assert "Test mean squared error (lower is better)" in text
    assert "Test mean squared error by steps" in text
    assert "points of accuracy" not in text
    assert "Accuracy" not in text
    assert paths["html"].stat().st_size > 10_000


def test_a_plan_of_two_measures_is_refused(tmp_path):
    data = written(tmp_path / "data.npz", "regress")
    plan = plan_from({"rules": ["bptt"], "data": ["digits", data], "seeds": 1, "on": {data: {"net": "4-2"}}})
    with pytest.raises(ValueError, match="digits by accuracy and .* by mse, expected one measure"):
        plan.points()
    plan = plan_from({**PLAN, "reference_network": "mlp"})
    with pytest.raises(ValueError, match="trains on classes alone, but the task is 'autoencode'"):
        plan.ordinary()


def test_verdicts_follow_the_direction():
    values = {"a": {0: 1.0, 1: 1.01, 2: 0.99, 3: 1.0}, "b": {0: 2.0, 1: 2.02, 2: 2.0, 3: 1.99}}
    assert differences(values, "a", higher=False)["b"].verdict == "worse"
    assert differences(values, "b", higher=False)["a"].verdict == "better"
    assert differences(values, "a")["b"].verdict == "better"


def test_ways_and_plateaus_of_errors():
    assert reached([3.0, 2.0, 1.0], 2.0, higher=False).epochs == 2
    assert reached([3.0, 2.0, 1.0], 0.5, higher=False) is None
    assert plateau([3.0, 1.0, 1.0, 1.01, 1.0, 1.0, 1.0], 0.02).epochs == 4


def test_tuning_takes_the_lowest_error(tmp_path):
    common = {**COMMON, "data": "digits", "data_fraction": 0.2}
    found = tune("bptt", common, tmp_path, trials=3)
    assert found.search["validation_mse"] <= found.search["validation_mse_of_defaults"]
    import optuna

    study = optuna.load_study(study_name=found.search["study"], storage=f"sqlite:///{tmp_path / 'tune.db'}")
    values = [trial.value for trial in study.trials]
    assert found.search["validation_mse"] == min(values)
    assert min(values) < max(values)

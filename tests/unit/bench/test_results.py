"""Reading a comparison's folder, whole and damaged."""

import json
import math
import re

import pytest

from spikelearn.bench.analyse.files import write_csv, write_parquet
from spikelearn.bench.analyse.results import read_results
from spikelearn.bench.analyse.summary import summarise
from spikelearn.documents import sealed, write_json
from tests.unit.bench.made import write_comparison

ARMS = {"bptt": {}, "slow": {"rule": "bptt", "lr": 1e-4}, "stdp": {}}


@pytest.fixture
def folder(tmp_path):
    return write_comparison(
        tmp_path,
        ARMS,
        seeds=range(2),
        epochs=6,
        axes={"data_fraction": (0.1, 1.0), "neuron_option": ({"decay": 0.5},)},
        after={"noise": ["gaussian:sd=0.1", "gaussian:sd=0.3"], "chip": ["adc:bits=4,rows=128"]},
        missing={"stdp": ["learning", "peak_bytes"]},
    )


def _record(folder, arm="bptt", seed=0):
    index = json.loads((folder / "index.json").read_text())
    point = next(p for p in index["points"] if (p["arm"], p["seed"], p["axis"]) == (arm, seed, None))
    return folder / "trials" / point["trial"] / "trial.json"


def test_a_row_for_every_place_condition_and_seed(folder):
    points = read_results(folder).points
    during, after = (points[points["when"] == when] for when in ("during", "after"))
    assert len(during) == 3 * 2 * (1 + 2 + 1)
    assert len(after) == 3 * 2 * 3
    assert not points.duplicated(["arm", "data", "net", "axis", "value", "when", "seed"]).any()


def test_a_value_that_the_base_point_has_shares_its_trial(folder):
    points = read_results(folder).points
    base = points[points["axis"].isna()].set_index(["arm", "seed"])
    same = points[(points["axis"] == "data_fraction") & (points["value"] == "1.0")].set_index(["arm", "seed"])
    assert same["trial"].equals(base["trial"])
    assert same["score"].equals(base["score"])


def test_values_are_text_and_numbers_are_beside_them(folder):
    points = read_results(folder).points
    found = {(row.axis, row.value): row.number for row in points.dropna(subset="axis").itertuples()}
    assert found["data_fraction", "0.1"] == 0.1
    assert math.isnan(found["neuron_option", "decay=0.5"])
    assert found["noise", "gaussian:sd=0.3"] == 0.3
    assert math.isnan(found["chip", "adc:bits=4,rows=128"])


def test_measures_are_those_of_the_record(folder):
    record = json.loads(_record(folder).read_text())
    points = read_results(folder).points
    row = points[points["axis"].isna() & (points["arm"] == "bptt") & (points["seed"] == 0)].iloc[0]
    epochs = record["curve"][1:]
    assert row["score"] == record["accuracy"]
    assert row["learning_macs"] == record["learning"]["multiply_accumulates"]
    assert row["forward_with_memory_pj"] == record["energy"]["forward_with_memory_pj"]
    assert row["peak_bytes"] == record["peak_bytes"]
    assert row["samples"] == sum(entry["samples"] for entry in epochs)
    assert row["seconds_per_epoch"] == pytest.approx(record["seconds"]["training"] / 6)
    assert row["plateau"] == pytest.approx(sum(entry["test_accuracy"] for entry in epochs[-3:]) / 3)
    assert row["no_plateau"] == "still rising"
    assert row["rate"] == pytest.approx((record["activity"]["fc1"]["rate"] + record["activity"]["out"]["rate"]) / 2)
    assert row["alignment"] == 1.0


def test_what_was_not_measured_is_nan(folder):
    points = read_results(folder).points
    stdp = points[points["arm"] == "stdp"]
    assert stdp[["learning_acs", "learning_macs", "peak_bytes", "alignment", "loss"]].isna().all(None)
    assert stdp["forward_acs"].notna().any()


def test_curves_are_summed_up_and_blocks_begin_before_training(folder):
    results = read_results(folder)
    curve = results.curves.query("arm == 'slow' and seed == 1 and axis.isna()")
    assert curve["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert curve["samples"].tolist() == [1258.0 * epoch for epoch in range(1, 7)]
    assert curve["seconds"].iloc[-1] == pytest.approx(6 * curve["seconds"].iloc[0])
    blocks = results.blocks.query("arm == 'stdp' and seed == 0 and axis.isna() and block == 'fc1'")
    assert blocks["epoch"].tolist() == list(range(7))
    assert blocks["rate"].tolist() == pytest.approx([0.08 + 0.001 * epoch for epoch in range(7)])
    assert blocks["alignment"].isna().all()


def test_failed_and_unfinished_trials_are_listed(tmp_path):
    write_comparison(tmp_path, seeds=range(2), failed={("dfa", 1): "the loss is NaN"}, unfinished=[("bptt", 0)])
    found = {(item.arm, item.seed): (item.state, item.reason) for item in read_results(tmp_path).missing}
    assert found == {("dfa", 1): ("failed", "the loss is NaN"), ("bptt", 0): ("unfinished", "it has not ended")}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "trial.json is damaged: no JSON"),
        (lambda path: path.write_text("[]"), "no JSON object"),
        (lambda path: path.write_text("[" * 100_000 + "]" * 100_000), "trial.json is damaged: no JSON"),
        (lambda path: path.write_text(path.read_text().replace('"accuracy": 0.9', '"accuracy": 0.8', 1)), "checksum"),
        (lambda path: path.write_text(path.read_text().replace('"samples": 1258', '"samples": 1e400', 1)), "too large"),
        (lambda path: _change(path, accuracy="high"), "accuracy: input should be a valid number"),
        (lambda path: _change(path, accuracy=math.nan), "accuracy: input should be a valid number"),
        (lambda path: _change(path, settings=[1]), "settings"),
        (lambda path: _change(path, arm="dfa"), "arm 'dfa'"),
        (lambda path: _change(path, format=1), "format is 1, expected 2"),
        (lambda path: (path.parent / "weights.safetensors").unlink(), "weights.safetensors is missing"),
        (lambda path: _append(path.parent / "recording.npz"), "recording.npz is not as it was"),
        (lambda path: _append(path.parent / "looks.jsonl"), "looks.jsonl is not as it was"),
    ],
)
def test_a_damaged_trial_is_left_out_with_the_reason(folder, damage, reason):
    damage(_record(folder))
    results = read_results(folder)
    (found,) = results.missing
    assert (found.state, found.arm, found.seed) == ("damaged", "bptt", 0)
    assert reason in found.reason
    assert len(found.places) == 2  # the base point, and the value of the axis that is the same
    assert found.trial not in set(results.points["trial"])


@pytest.mark.parametrize("value", [None, "text", [1, None, {}], {"fc1": None}, 3])
def test_parts_of_another_kind_count_as_not_measured(folder, value):
    parts = ("curve", "after", "forward", "energy", "seconds", "activity", "writes", "fingerprints", "optimizer")
    _change(_record(folder), **dict.fromkeys(parts, value))
    results = read_results(folder)
    assert not results.missing
    points = results.points.query("arm == 'bptt' and seed == 0 and axis.isna()")
    assert points[["forward_acs", "forward_pj", "seconds", "rate", "writes_share", "plateau"]].isna().all(None)
    assert "bptt" in {row.arm for table in summarise(results).tables for row in table.rows}


def test_a_folder_that_is_no_comparison(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        read_results(tmp_path)
    (tmp_path / "index.json").write_text('{"format": 1')
    with pytest.raises(ValueError, match="is damaged"):
        read_results(tmp_path)
    (tmp_path / "index.json").write_text('{"format": 7, "points": []}')
    with pytest.raises(ValueError, match="format 7"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ({"arm": "bptt"}, "points.0.data is missing"),
        ({"trial": "../elsewhere"}, "points.0.trial"),
        ({"trial": ".."}, "points.0.trial"),
        ({"seed": "0"}, "points.0.seed"),
        (3, "points.0"),
    ],
)
def test_an_index_that_was_changed_is_refused(folder, place, key):
    path = folder / "index.json"
    index = json.loads(path.read_text())
    whole = {**index["points"][0], **place} if isinstance(place, dict) and "arm" not in place else place
    changed = {**index, "points": [whole]}
    path.write_text(json.dumps(changed))
    with pytest.raises(ValueError, match="checksum does not match: the command of the comparison writes it anew"):
        read_results(folder)
    write_json(path, sealed(changed))
    with pytest.raises(ValueError, match=re.escape(key)):
        read_results(folder)


def test_a_plan_that_was_changed_is_said(folder):
    (folder / "plan.toml").write_text("not = [toml")
    results = read_results(folder)
    assert results.notes[0].startswith("plan.toml cannot be read")
    assert len(results.points) == 3 * 2 * (4 + 3)
    (folder / "plan.toml").write_text("seeds = 3")
    assert read_results(folder).notes == ("plan.toml was changed after the comparison",)


def test_cells_that_begin_like_formulas_are_text_in_a_spreadsheet(folder, tmp_path):
    import pandas as pd

    results = read_results(folder)
    bad = ["=1+1", "+cmd", "-2+3", "@sum", "\t=1"]
    points = results.points.iloc[: len(bad) + 1].copy()
    points["arm"], points["value"] = [*bad, "-x"], ["-0.5", "1e-3", "+2", "none", "a=b", "-"]
    points["loss"] = -0.5
    results.__dict__["points"] = points
    write_csv(results, tmp_path / "results.csv")
    read = pd.read_csv(tmp_path / "results.csv", dtype={"arm": str, "value": str})
    assert read["arm"].tolist() == [f"'{text}" for text in [*bad, "-x"]]
    assert read["value"].tolist() == ["-0.5", "1e-3", "+2", "none", "a=b", "'-"]
    assert (read["loss"] == -0.5).all()


def test_a_deepened_network_stands_beside_the_one_it_was_made_from(tmp_path):
    write_comparison(tmp_path, seeds=[0], axes={"depth": (2,)})
    path = tmp_path / "index.json"
    index = json.loads(path.read_text())
    for point in index["points"]:
        if point["axis"] == "depth":
            point["net"] = "64-100-100-10"
    write_json(path, sealed(index))
    assert set(read_results(tmp_path).points["net"]) == {"64-100-10"}, "as an index of an earlier version, without base"
    for point in index["points"]:
        point["base"] = "64-100-10"
        if point["axis"] == "depth":
            point["net"] = "64-90-10"
    write_json(path, sealed(index))
    assert set(read_results(tmp_path).points["net"]) == {"64-100-10"}


def test_factorial_values(tmp_path):
    write_comparison(tmp_path, seeds=[0], axes={"epochs": (2, 3), "data_fraction": (0.5,)}, factorial=True)
    points = read_results(tmp_path).points
    assert set(points["axis"].dropna()) == {"epochs x data_fraction"}
    assert set(points["value"].dropna()) == {"epochs=2, data_fraction=0.5", "epochs=3, data_fraction=0.5"}


def test_files_hold_the_table(folder, tmp_path):
    import pandas as pd

    results = read_results(folder)
    write_csv(results, tmp_path / "results.csv")
    write_parquet(results, tmp_path / "results.parquet")
    named = results.points.rename(columns=lambda name: name.replace("score", "accuracy"))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "results.parquet"), named)
    read = pd.read_csv(tmp_path / "results.csv", dtype={"value": str})
    assert list(read.columns) == list(named.columns)
    assert read["accuracy"].equals(results.points["score"])
    assert not list(tmp_path.glob(".part-*"))


def test_a_table_without_rows_is_written(tmp_path):
    import pandas as pd

    write_comparison(tmp_path, ["bptt"], seeds=[0], failed={("bptt", 0): "no"})
    results = read_results(tmp_path)
    write_parquet(results, tmp_path / "results.parquet")
    assert len(pd.read_parquet(tmp_path / "results.parquet")) == len(results.curves) == 0


def _change(path, **values):
    """Other values, under a checksum that is right."""
    write_json(path, sealed({**json.loads(path.read_text()), **values}))


def _append(path):
    path.write_bytes(path.read_bytes() + b" ")

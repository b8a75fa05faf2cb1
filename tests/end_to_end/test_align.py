"""The command that follows how well rules agree with backpropagation through time."""

import csv
import json

import pytest

from spikelearn.cli.app import run

FLAGS = ["--data-fraction", "0.1", "--epochs", "1", "--steps", "5"]


def test_rules_train_side_by_side_and_a_run_lends_its_network(tmp_path, capsys):
    source, out = tmp_path / "run", tmp_path / "aligned"
    assert run(["train", "--net", "64-20-12-10", *FLAGS, "--out", str(source)]) == 0
    capsys.readouterr()
    assert run(["align", str(source), "--rules", "bptt", "fa", "sign-symmetry", "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["rows"]
    at = {(row["rule"], row["epoch"], row["block"]): row for row in found}
    assert {block for _, _, block in at} == {"fc1", "fc2", "fc3"}
    assert {epoch for _, epoch, _ in at} == {0, 1}
    for block in ("fc1", "fc2", "fc3"):
        assert at["bptt", 1, block]["cosine"] == pytest.approx(1.0)
        assert at["bptt", 1, block]["ratio"] == pytest.approx(1.0)
    assert abs(at["fa", 0, "fc1"]["cosine"]) < 0.5 < at["sign-symmetry", 0, "fc1"]["cosine"]
    assert at["fa", 0, "fc3"]["cosine"] == pytest.approx(1.0)
    with (out / "alignment.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(found)
    assert (out / "alignment.png").stat().st_size > 10_000
    assert (out / "fa" / "result.json").is_file()
    assert run(["align", str(source), "--rules", "fa", "--out", str(out)]) == 2
    assert "holds something already" in capsys.readouterr().err


def test_a_rule_without_targets_has_a_reason(tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    assert run(["align", "--rules", "stdp", "--readout", "ridge", "--net", "64-20-10", *FLAGS, *out]) == 0
    assert "unsupervised" in capsys.readouterr().out
    assert not (tmp_path / "out" / "alignment.png").exists()


@pytest.mark.parametrize("flags", [["--net", "64-10"], ["--rules", "fa", "--rule", "fa"]])
def test_rules_are_named(flags, capsys):
    assert run(["align", *flags]) == 2
    assert "name the rules with --rules" in capsys.readouterr().err

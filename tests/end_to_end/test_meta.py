"""The command that learns coefficients, and a training with what it leaves."""

import json

from spikelearn.cli.app import run

NET = ["--data", "digits", "--net", "64-20-10"]
SMALL = ["--episodes", "3", "--classes", "3", "--shots", "2", "--queries", "3", "--tested", "2"]


def test_coefficients_are_learned_and_used(tmp_path, capsys):
    out = tmp_path / "found.json"
    assert run(["meta", *NET, *SMALL, "--outer-lr", "0.01", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    written = json.loads(out.read_text())
    assert written["coefficients"] == told["coefficients"]
    assert all(value != first for value, first in zip(told["coefficients"].values(), (0.01, 0.0, 0.0), strict=True))
    assert written["about"]["settings"]["net"] == "64-20-10"
    assert len(told["losses"]) == 3
    folder = str(tmp_path / "run")
    flags = ["--rule-option", f"coefficients={out}", "--epochs", "1", "--data-fraction", "0.1", "--out", folder]
    assert run(["train", "--rule", "meta-plasticity", *NET, *flags]) == 0
    assert run(["evaluate", folder]) == 0


def test_what_an_episode_cannot_have_is_refused(tmp_path, capsys):
    out = ["--out", str(tmp_path / "found.json")]
    assert run(["meta", *NET, *SMALL, "--lr", "0.1", "--epochs", "3", *out]) == 2
    assert "drop --epochs, --lr" in capsys.readouterr().err
    assert run(["meta", *NET, *SMALL, "--rule", "bptt", *out]) == 2
    assert "learns the coefficients of meta-plasticity: drop --rule" in capsys.readouterr().err
    assert run(["meta", *NET, *SMALL, "--shots", "5000", *out]) == 2
    assert "classes have as many" in capsys.readouterr().err
    assert not (tmp_path / "found.json").exists()

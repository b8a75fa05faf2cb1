"""The command that learns a credit network, and a training with what it leaves."""

import json

from spikelearn.cli.app import run

NET = ["--data", "digits", "--net", "64-20-10"]
SMALL = ["--episodes", "2", "--classes", "3", "--shots", "4", "--queries", "3", "--tested", "1", "--pairs", "1"]
SIZES = ["--rule-option", "per_block=3", "--rule-option", "hidden=2"]


def test_a_credit_network_is_learned_and_used(tmp_path, capsys):
    out = tmp_path / "found.json"
    assert run(["credits", *NET, *SIZES, *SMALL, "--batch", "6", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["steps"] == 2
    assert len(told["losses"]) == 2
    assert told["learned"] != told["first"]
    assert set(json.loads(out.read_text())["credit_network"]) == {
        "credits.straight.fc1", "credits.through.fc1", "credits.hidden", "credits.bias",
    }  # fmt: skip
    folder = str(tmp_path / "run")
    flags = ["--rule-option", f"network={out}", "--epochs", "1", "--data-fraction", "0.1", "--out", folder]
    assert run(["train", "--rule", "tdca", *NET, *SIZES, *flags]) == 0
    out.unlink()
    assert run(["evaluate", folder]) == 0


def test_what_a_credit_network_does_not_fit_is_refused(tmp_path, capsys):
    out = tmp_path / "found.json"
    assert run(["credits", *NET, *SMALL, "--epochs", "3", "--schedule", "cosine", "--out", str(out)]) == 2
    assert "drop --epochs, --schedule" in capsys.readouterr().err
    assert run(["credits", *NET, *SMALL, "--rule", "bptt", "--out", str(out)]) == 2
    assert "credits are learned for tdca: drop --rule" in capsys.readouterr().err
    out.write_text(json.dumps({"credit_network": {"credits.straight.fc1": [[0.0, 1.0]] * 20}}))
    assert run(["train", "--rule", "tdca", *NET, "--rule-option", f"network={out}", "--out", str(tmp_path / "r")]) == 2
    assert "expected [16]" in capsys.readouterr().err

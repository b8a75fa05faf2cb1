"""Every model is listed, tells its numbers, and draws its figure by one command."""

import pytest

from spikelearn.cli.app import run
from spikelearn.museum import MODELS

#: {model: a part of its drawing, by constants of its module, its scale, and what is told of it}.
PARTS = {
    "brunel2000": ({"DRAWN": 0.02, "BEFORE": 0.01}, 0.01, "mean-field"),
    "clopath2010": (
        {"HELD": 200.0, "FREQUENCIES": (20.0, 50.0), "EXPERIMENT": {10.0: ((1, 1), (1, 1)), -10.0: ((1, 1), (1, 1))}},
        0.4,
        "post after pre",
    ),
    "florian2007": ({"EPOCHS": 2}, 0.2, "reward of an epoch"),
    "izhikevich2007": ({"STRETCHES": 2, "STEPS": 600}, 0.02, "rewarded synapse: 0 to"),
    "vogels2011": ({"SECONDS": 1.5}, 0.1, "target 5 Hz"),
}


def test_every_model_is_here():
    assert list(PARTS) == sorted(MODELS)


@pytest.mark.parametrize("name", PARTS)
def test_the_command_draws(name, tmp_path, capsys, monkeypatch):
    constants, scale, words = PARTS[name]
    for constant, value in constants.items():
        monkeypatch.setattr(f"spikelearn.museum.{name}.{constant}", value)
    path = tmp_path / "seen.png"
    assert run(["presets", name, "--draw", str(path), "--scale", str(scale)]) == 0
    assert words in capsys.readouterr().out
    assert path.read_bytes().startswith(b"\x89PNG")
    assert run(["presets", name]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert all(f"{quantity}: {value}" in told for quantity, value in MODELS.get(name).numbers.items())
    with pytest.raises(ValueError, match="scale"):
        MODELS.build(name, {"scale": 0.0})


def test_what_cannot_be_drawn(tmp_path, capsys):
    path = str(tmp_path / "seen.png")
    assert run(["presets", "ide/fashion-mnist", "--draw", path]) == 2
    assert "expected one of brunel2000" in capsys.readouterr().err
    assert run(["presets", "florian2007", "--draw", str(tmp_path / "seen.docx")]) == 2
    assert "expected .png, .pdf, .svg" in capsys.readouterr().err
    assert run(["presets", "florian2007", "--draw", path, "--scale", "1.5"]) == 2
    assert "scale is 1.5" in capsys.readouterr().err
    assert run(["presets", "florian2007", "--scale", "0.5"]) == 2
    assert "no picture was named: add --draw FILE" in " ".join(capsys.readouterr().err.split())
    assert run(["presets", "brunel2001"]) == 2
    assert "unknown preset" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

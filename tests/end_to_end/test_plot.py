"""spikelearn plot why: of a run and of settings; what is refused."""

import json

import pytest
from PIL import Image

from spikelearn.cli.app import run

FLAGS = [
    "--rule",
    "stdp-online",
    "--data",
    "digits",
    "--steps",
    "8",
    "--data-fraction",
    "0.03",
    "--validation",
    "0",
    "--epochs",
    "1",
]


def test_a_run_and_its_settings(tmp_path, capsys):
    assert run(["train", *FLAGS, "--out", str(tmp_path / "run")]) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    capsys.readouterr()
    picture = tmp_path / "why.png"
    assert run(["plot", "why", str(tmp_path / "run"), "--out", str(picture), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rule"] == "stdp-online"
    assert sum(found["terms"].values()) == pytest.approx(found["after"] - found["before"], abs=1e-6)
    assert found["after"] != found["before"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert run(["plot", "why", str(tmp_path / "run"), "--synapse", found["synapse"], "--out", str(picture)]) == 0
    words = capsys.readouterr().out
    assert words.startswith(f"{found['synapse']} by stdp-online: weight ")
    assert " potentiation\n" in words
    assert run(["plot", "why", str(tmp_path / "run"), "--synapse", "nowhere:1,2", "--out", str(picture)]) == 2
    assert "expected BLOCK:POST,PRE" in capsys.readouterr().err
    assert run(["plot", "why", str(tmp_path / "run"), "--sample", "5000", "--out", str(picture)]) == 2
    assert "sample is 5000, expected 0 to" in capsys.readouterr().err


@pytest.mark.parametrize("figure", ["window", "pairing"])
def test_what_pairs_do_is_drawn_of_settings(figure, tmp_path, capsys):
    plan = tmp_path / "plan.toml"
    plan.write_text('rule = "stdp-online"\ndata = "digits"\nnet = "64-10"\nsteps = 4\n')
    assert run(["plot", figure, str(plan), "--out", str(tmp_path / "seen.png")]) == 0
    assert capsys.readouterr().out == f"picture {tmp_path / 'seen.png'}\n"
    assert (tmp_path / "seen.png").read_bytes().startswith(b"\x89PNG")
    assert run(["plot", figure, str(plan), "--synapse", "out:1,2"]) == 2
    assert "--synapse and --sample are of plot why" in capsys.readouterr().err


def test_settings_of_another_rule_and_another_figure(tmp_path, capsys):
    plan = tmp_path / "plan.toml"
    plan.write_text('rule = "bptt"\ndata = "digits"\nnet = "64-10"\nsteps = 4\n')
    assert run(["plot", "why", str(plan), "--out", str(tmp_path / "why.png")]) == 2
    assert "bptt does not change weights at every step" in capsys.readouterr().err
    assert run(["plot", "movie", str(plan), "--frames", "0"]) == 2
    assert "frames is 0" in capsys.readouterr().err
    assert run(["plot", "movie", str(plan), "--out", "seen.png"]) == 2
    assert "expected one that ends in .gif" in capsys.readouterr().err
    assert run(["plot", "raster", str(plan), "--out", "seen.docx"]) == 2
    assert "expected .png, .pdf, .svg" in capsys.readouterr().err
    assert run(["plot", "how", str(plan)]) == 2
    assert "plot was given 'how', expected why, window, pairing" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["plan.toml"]


def test_activity_and_weights_of_a_run_and_of_a_simulation(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["train", *FLAGS, "--neuron", "adaptive-lif", "--out", "run"]) == 0
    words = ["simulate", "run", "--plastic", "--seconds", "0.3", "--out", "simulated"]
    kept = ["fc1:spikes", "fc1:v:0-4:every=5", "fc1:weight:every=50", "fc1:threshold:every=10", "inputs:spikes"]
    assert run([*words, "--record", *kept]) == 0
    figures = ("raster", "membranes", "thresholds", "rates", "histograms", "weights", "weight-histograms", "changes")
    for source in ("run", "simulated"):
        for figure in figures:
            assert run(["plot", figure, source, "--out", f"{source}-{figure}.png"]) == 0, capsys.readouterr().err
            assert (tmp_path / f"{source}-{figure}.png").read_bytes().startswith(b"\x89PNG")
        assert run(["plot", "movie", source, "--frames", "4", "--out", f"{source}.gif"]) == 0
        assert Image.open(tmp_path / f"{source}.gif").n_frames == 4
    assert run(["plot", "why", "run", "--out", "why.html"]) == 0
    page = (tmp_path / "why.html").read_text()
    assert "Plotly.newPlot" in page
    assert "<script src" not in page
    capsys.readouterr()
    assert run(["plot", "raster", "simulated", "--from", "0.2", "--to", "0.5"]) == 2
    assert "of the 0.3 s recorded" in capsys.readouterr().err
    assert run(["plot", "raster", "run", "--from", "0.2"]) == 2
    assert "--from and --to are of recordings" in capsys.readouterr().err

"""The examples run, each for one epoch."""

import importlib.util
import runpy
from pathlib import Path

import pytest

import spikelearn
from spikelearn import DATASETS, NEURONS, RULES

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def one_epoch(monkeypatch, tmp_path):
    whole = spikelearn.fit
    monkeypatch.setattr(spikelearn, "fit", lambda *a, **options: whole(*a, **{**options, "epochs": 1}))
    monkeypatch.chdir(tmp_path)
    for registry in (DATASETS, NEURONS, RULES):
        monkeypatch.setattr(registry, "_components", dict(registry._components))


@pytest.mark.parametrize("name", ["quickstart", "extend/neuron", "extend/rule", "extend/dataset"])
def test_example(name, one_epoch, capsys):
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert "test accuracy" in capsys.readouterr().out


def test_demo(monkeypatch, tmp_path, capsys):
    pytest.importorskip("snntorch")
    pytest.importorskip("norse")
    spec = importlib.util.spec_from_file_location("demo", EXAMPLES / "demo.py")
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    runs = {name: settings.model_copy(update={"epochs": 1, "lr": 5e-3}) for name, settings in demo.RUNS.items()}
    monkeypatch.setattr(demo, "RUNS", runs)
    monkeypatch.chdir(tmp_path)
    assert demo.main() == 0
    words = capsys.readouterr().out
    assert "readout-only (control)" in words
    assert words.count("0 of ") == 4
    assert (tmp_path / "demo" / "digits-events-bptt" / "pictures" / "raster.png").exists()

"""Components of one's own through the command line: every command finds them, in every process."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch

from spikelearn import BPTT, DATASETS, NEURONS, RULES, ArrayDataset, Loader, Training, build, fit
from spikelearn.bench.plan.reading import plan_from
from spikelearn.cli.app import run
from spikelearn.loading import ENCODERS
from spikelearn.network import INITIALISERS
from spikelearn.plasticity import LOSSES
from spikelearn.training import RunFolder

EXAMPLES = Path(__file__).parents[2] / "examples" / "extend"
REGISTRIES = (DATASETS, ENCODERS, INITIALISERS, LOSSES, NEURONS, RULES)
SMALL = ["--net", "64-12-10", "--steps", "4", "--epochs", "1"]

MORE = """
from spikelearn.loading.encoders import ENCODERS, Direct
from spikelearn.network.initialisers import INITIALISERS, Kaiming
from spikelearn.plasticity.losses import LOSSES, CrossEntropyRate

ENCODERS.register("own-encoder")(type("OwnEncoder", (Direct,), {}))
INITIALISERS.register("own-init")(type("OwnInit", (Kaiming,), {}))
LOSSES.register("own-loss")(type("OwnLoss", (CrossEntropyRate,), {}))
"""


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    """A folder with the examples in it, in which nothing is registered yet."""
    for name in ("rule", "neuron", "dataset"):
        shutil.copy(EXAMPLES / f"{name}.py", tmp_path)
    (tmp_path / "more.py").write_text(MORE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with monkeypatch.context() as patched:
        fresh(patched)
        yield


@pytest.fixture
def forget(monkeypatch):
    """What a new process has: nothing of one's own."""
    return lambda: fresh(monkeypatch)


def fresh(monkeypatch):
    for registry in REGISTRIES:
        known = {n: c for n, c in registry._components.items() if c.__module__.startswith("spikelearn.")}
        monkeypatch.setattr(registry, "_components", known)
    for name in [name for name in sys.modules if name.startswith("spikelearn_imports_")]:
        del sys.modules[name]


def error_of(capsys, *arguments):
    capsys.readouterr()
    assert run(list(arguments)) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return " ".join(captured.err.split())


def test_a_run_with_an_own_rule_and_neuron_is_found_again(forget, tmp_path, capsys):
    imports = ["--import", "rule.py", "--import", "neuron.py"]
    chosen = ["--rule", "broadcast", "--neuron", "resting-lif", *SMALL]
    assert "one of your own is brought in with --import FILE" in error_of(capsys, "train", *chosen)
    assert run(["train", *imports, *chosen, "--out", "run"]) == 0
    for command in (["evaluate", "run"], ["inspect", "run"], ["export", "run", "--format", "safetensors"]):
        forget()
        assert run(command) == 0
    forget()
    (tmp_path / "moved").mkdir()
    (tmp_path / "rule.py").rename(tmp_path / "moved" / "rule.py")
    assert "rule.py, which holds components" in error_of(capsys, "evaluate", "run")
    assert run(["evaluate", "run", "--import", "moved/rule.py"]) == 0


def test_a_changed_file_is_said_on_resume(forget, tmp_path, capsys):
    assert run(["train", "--import", "rule.py", "--rule", "broadcast", *SMALL, "--out", "run"]) == 0
    (tmp_path / "run" / "result.json").unlink()  # as if it had been killed at the end
    (tmp_path / "rule.py").write_text((tmp_path / "rule.py").read_text() + "# changed\n")
    forget()
    capsys.readouterr()
    assert run(["train", "--resume", "run"]) == 0
    assert "rule.py has changed since it was recorded" in capsys.readouterr().err


def test_own_data_encoders_initialisers_and_losses(tmp_path, capsys):
    (tmp_path / "dataset.py").write_text((tmp_path / "dataset.py").read_text().replace("400 if", "40 if"))
    bars = ["--data", "moving-bars", "--net", "288-8-4", *SMALL[2:]]
    assert run(["train", "--import", "dataset.py", *bars]) == 0
    chosen = ["--encoder", "own-encoder", "--init", "own-init", "--rule-option", "loss=own-loss", *SMALL]
    assert run(["train", "--import", "more.py", *chosen]) == 0
    capsys.readouterr()
    assert run(["datasets", "--import", "dataset.py", "moving-bars"]) == 0
    assert "Bars that move left" in capsys.readouterr().out
    assert run(["rules", "broadcast"]) == 2
    assert run(["neurons", "--import", "neuron.py", "--json"]) == 0


@pytest.mark.slow
def test_a_comparison_with_an_own_rule_from_a_plan(forget, tmp_path, capsys):
    common = '[common]\nnet = "64-8-10"\nsteps = 4\nepochs = 1\ndata-fraction = 0.1\n'
    plan = tmp_path / "plans" / "mine.toml"
    plan.parent.mkdir()
    plan.write_text('import = ["rule.py"]\nrules = ["readout-only", "broadcast"]\nseeds = 1\n' + common)
    shutil.copy("rule.py", plan.parent)
    assert run(["compare", str(plan), "--out", "out", "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert (result["finished"], result["failed"]) == (2, 0)
    assert list(result["notes"]) == ["broadcast"]
    assert "no identity" in result["notes"]["broadcast"]
    # The comparison's own plan goes on with it, and finds everything done.
    forget()
    assert run(["compare", "out/plan.toml", "--out", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["finished"] == 2
    assert len(list((tmp_path / "out" / "trials").iterdir())) == 2


def test_a_changed_rule_makes_other_trials_and_a_moved_one_does_not(forget, tmp_path):
    def names(file):
        forget()
        return [point.trial.id for point in plan_from({"rules": ["broadcast"], "seeds": 2, "import": [file]}).points()]

    first = names("rule.py")
    (tmp_path / "moved").mkdir()
    shutil.copy("rule.py", "moved/rule.py")
    assert names("moved/rule.py") == first
    (tmp_path / "rule.py").write_text((tmp_path / "rule.py").read_text() + "# changed\n")
    assert not set(names("rule.py")) & set(first)


def test_tuning_an_own_rule(tmp_path):
    flags = ["--import", "rule.py", "--rules", "broadcast", "--trials", "1", "--epochs", "1", "--data", "digits"]
    assert run(["tune", *flags, "--net", "64-8-10", "--set", "steps=4", "data-fraction=0.1"]) == 0
    assert (tmp_path / "tuned" / "broadcast.toml").is_file()


@pytest.mark.parametrize("command", [["train"], ["rules"], ["compare", "--rules", "bptt"], ["evaluate", "run"]])
def test_a_file_that_cannot_be_imported_is_refused(command, tmp_path, capsys):
    (tmp_path / "broken.py").write_text("x = 1\nx.y\n")
    assert "broken.py, line 2: AttributeError" in error_of(capsys, *command, "--import", "broken.py")
    assert "none.py does not exist" in error_of(capsys, *command, "--import", "none.py")
    assert not (tmp_path / "runs").exists()


def test_what_fit_wrote_is_inspected_and_needs_no_data(forget, tmp_path, capsys):
    network = build("12-8-3", input_shape=(3, 4))
    data = ArrayDataset(torch.rand(20, 6, 3, 4), torch.arange(20) % 3, sequence=True)
    fit(Training.start(network, BPTT()), Loader(data, 6, 10), epochs=1, folder=RunFolder(tmp_path / "fitted"))
    assert run(["inspect", "fitted", "--pictures"]) == 0
    assert capsys.readouterr().out.count("picture ") == 4
    assert run(["train", "--import", "rule.py", "--rule", "broadcast", *SMALL, "--out", "run"]) == 0
    (tmp_path / "rule.py").unlink()
    forget()
    capsys.readouterr()
    assert run(["inspect", "run", "--pictures"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("picture ") == 5
    assert "class 0: " in captured.out
    assert "rule.py, which holds components" in captured.err
    assert "sources to cite" not in captured.out

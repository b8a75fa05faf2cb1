"""``spikelearn compare``: flags, plan files, what it leaves, what it refuses."""

import json
import shutil

import pytest
from filelock import FileLock

from spikelearn.bench import LocalEngine, TrialFolder, read_claim, read_results
from spikelearn.cli.app import run
from spikelearn.cli.common import spread
from spikelearn.runs import train
from tests.in_this_process import trials_in_this_process

SMALL = ["net=64-8-10", "steps=4", "epochs=1", "data-fraction=0.1"]


def error_of(capsys, *arguments):
    assert run(["compare", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return " ".join(captured.err.split())


@pytest.fixture
def _here():
    with trials_in_this_process():
        yield


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A comparison made from flags."""
    folder = tmp_path_factory.mktemp("compared") / "out"
    flags = [
        "--rules",
        "bptt",
        "readout-only",
        "--data",
        "digits",
        "--seeds",
        "2",
        "--set",
        *SMALL,
        "--out",
        str(folder),
    ]
    assert run(["compare", *flags]) == 0
    return folder, flags


def test_everything_is_left_in_the_folder(compared):
    folder, _ = compared
    names = {path.name for path in folder.iterdir()}
    assert {
        "plan.toml",
        "index.json",
        "report.html",
        "report.md",
        "report.tex",
        "results.csv",
        "results.parquet",
    } <= names
    assert len(list((folder / "trials").iterdir())) == 4
    results = read_results(folder)
    assert set(results.points["arm"]) == {"bptt", "readout-only"}
    assert results.points["score"].between(0, 1).all()
    prints = results.points.groupby("seed")[["weights_fingerprint", "order_fingerprint"]].nunique()
    assert (prints == 1).all().all(), "equal conditions: the same weights and samples for both arms"
    page = (folder / "report.html").read_text()
    assert "readout-only" in page


def test_what_has_ended_is_not_run_again(compared, capsys):
    folder, flags = compared
    before = {path: path.stat().st_mtime_ns for path in folder.glob("trials/*/trial.json")}
    assert run(["compare", *flags, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["finished"], found["failed"], found["left_out"]) == (4, 0, {})
    assert {path: path.stat().st_mtime_ns for path in folder.glob("trials/*/trial.json")} == before


def test_a_row_can_be_repeated_by_its_command(compared, tmp_path, monkeypatch):
    folder, _ = compared
    trial = TrialFolder(next((folder / "trials").iterdir()))
    record = json.loads(trial.record.read_text())
    monkeypatch.chdir(folder)
    words = record["command"].split()
    assert words[0] == "spikelearn"
    assert run([*words[1:], "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "weights.safetensors").read_bytes() == trial.weights.read_bytes()


@pytest.mark.usefixtures("_here")
def test_a_plan_in_a_file_and_an_arm_that_is_left_out(tmp_path, capsys):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'rules = ["bptt", "fast"]\nseeds = 1\nmeasure = false\n[common]\nnet = "64-8-10"\nsteps = 4\nepochs = 1\n'
        'data_fraction = 0.1\n[arms.fast]\nrule = "tssl-bp"\nneuron = "lif"\n[after]\nnoise = ["gaussian:sd=0.3"]\n'
    )
    assert run(["compare", str(plan), "--out", str(tmp_path / "out")]) == 0
    words, ahead = capsys.readouterr()
    assert "left out: fast:" in words
    assert ahead.index("left out fast:") < ahead.index("start ")
    assert "1 trial finished" in words
    assert "gaussian" in (tmp_path / "out" / "report.md").read_text()


def test_the_report_alone(compared, capsys):
    folder, _ = compared
    (folder / "report.html").unlink()
    assert run(["report", str(folder)]) == 0
    assert (folder / "report.html").exists()
    assert str(folder / "report.html") in capsys.readouterr().out


@pytest.mark.usefixtures("_here")
def test_claims_are_asked_and_judged(tmp_path, monkeypatch, capsys):
    small = read_claim("global-pruning")
    common = {"net": "64-8-8-10", "steps": 4, "epochs": 1, "data_fraction": 0.1}
    plan = small.plan.model_copy(update={"data": ("digits",), "seeds": (0, 1), "common": common, "rules": ("bptt",)})
    monkeypatch.setattr("spikelearn.cli.claims.read_claim", lambda _: small.model_copy(update={"plan": plan}))
    assert run(["compare", "--suite", "claims/global-pruning", "--out", str(tmp_path)]) == 0
    (verdict,) = json.loads((tmp_path / "claims.json").read_text())
    assert verdict["verdict"] in ("reproduced", "partly reproduced", "not reproduced")
    assert len(verdict["checks"]) == len(small.check)
    assert (tmp_path / "global-pruning" / "report.html").exists()
    assert verdict["verdict"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to compare"),
        (["--rules", "bppt"], "did you mean 'bptt'"),
        (["--rules", "bptt", "--data", "digit"], "did you mean 'digits'"),
        (["--suite", "quik"], "did you mean 'quick'"),
        (["--suite", "claims/none"], "unknown claim 'none'"),
        (["--suite", "claims", "--seeds", "2"], "drop it"),
        (["none.toml"], "none.toml does not exist"),
        (["none.toml", "--suite", "quick"], "name one of them"),
        (["--rules", "bptt", "--seeds", "0"], "1 to 10,000 seeds"),
        (["--rules", "bptt", "--set", "epochs"], "expected key=value"),
        (["--rules", "bptt", "--axis", "epoch=1,2"], "did you mean 'epochs'"),
        (["--rules", "bptt", "--engine", "slurm"], "expected local or ray"),
        (["--rules", "bptt", "--address", "auto"], "only --engine ray"),
        (["--rules", "bptt", "--jobs", "0"], "jobs"),
        (["--rules", "bptt", "--cpus", "2"], "only --engine ray uses"),
        (["--rules", "bptt", "--engine", "ray", "--jobs", "2"], "only --engine local uses"),
        (["--rules", "bptt", "--set", "net=5"], "net is 5, expected an architecture string"),
        (["--rules", "bptt", "--set", "data=mnist"], "[common] sets data, which a plan names under data"),
        (["--rules", "bptt", "--axis", "hardware=bits:bits=8,device:bits=5,c2c=-1"], "c2c is -1"),
        (["--rules", "bptt", "readout-only", "--net", "64-8-9", "--out", "new"], "checks: network '64-8-9' has 9"),
        (["--rules", "bptt", "--out", "/dev/null"], "/dev/null is a file"),
    ],
)
def test_what_is_refused(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert message in error_of(capsys, *arguments)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_and_one_in_which_nothing_was_begun(tmp_path, capsys):
    lock = FileLock(tmp_path / "compare.lock")
    with lock:
        assert "is in use by another comparison" in error_of(
            capsys, "--rules", "bptt", "--set", *SMALL, "--out", str(tmp_path)
        )
    # A lock alone is what is left of a comparison that was killed before its first trial.
    assert "has 9 outputs" in error_of(capsys, "--rules", "bptt", "--net", "64-8-9", "--out", str(tmp_path))


def test_trials_that_fail_have_an_exit_code_of_their_own(tmp_path, capsys, monkeypatch):
    flags = ["--rules", "bptt", "dfa", "--seeds", "1", "--untuned", "--set", *SMALL, "--out", str(tmp_path / "out")]
    assert run(["compare", "--help"]) == 0
    assert "3 trials failed" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setattr(LocalEngine, "run", lambda _, trials, work, **__: (work(trial) for trial in trials))
    monkeypatch.setattr("spikelearn.bench.run.run_trial.train", failing)
    assert run(["compare", *flags]) == 3
    assert "0 trials finished, 2 failed" in capsys.readouterr().out
    monkeypatch.setattr(
        "spikelearn.bench.run.run_trial.train", lambda s, f, **o: (failing if s.rule == "dfa" else train)(s, f, **o)
    )
    assert run(["compare", *flags]) == 3
    seen = capsys.readouterr()
    assert "1 trial finished, 1 failed" in seen.out
    assert "made to fail" in seen.out
    assert (tmp_path / "out" / "report.html").exists()
    monkeypatch.setattr("spikelearn.bench.run.run_trial.train", train)
    assert run(["compare", *flags]) == 0


def failing(*_, **__):
    raise ValueError("made to fail")


def test_results_of_another_plan_are_not_dropped(compared, capsys):
    folder, flags = compared
    fewer = [*flags[: flags.index("readout-only")], *flags[flags.index("readout-only") + 1 :]]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "holds results of 2 trials that this plan does not have" in error_of(capsys, *fewer)
    (folder / "plan.toml").write_text((folder / "plan.toml").read_text() + "# mine\n")
    assert "is not as a comparison wrote it" in error_of(capsys, *flags)
    (folder / "plan.toml").write_bytes(before[folder / "plan.toml"])
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["plan.toml", "report.md", "results.csv", "trials/mine.txt", "index.json"])
def test_files_of_somebody_else_are_left_alone(tmp_path, capsys, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("years = 3")
    words = error_of(capsys, "--rules", "bptt", "--set", *SMALL, "--out", str(tmp_path))
    assert "something else" in words or "is not as a comparison wrote it" in words
    assert path.read_text() == "years = 3"
    assert not list(tmp_path.glob("*.lock"))


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    "names", [["weights.safetensors", "trial.json", "recording.npz"], ["looks.jsonl", "settings.toml"]]
)
def test_trials_that_were_changed_run_again_and_no_others(compared, tmp_path, names):
    folder, flags = compared
    copy = shutil.copytree(folder, tmp_path / "copy")
    trials = sorted((copy / "trials").iterdir())
    changed, others = trials[: len(names)], trials[len(names) :]
    for trial, name in zip(changed, names, strict=True):
        content = (trial / name).read_bytes()
        broken = content.replace(b": 0.", b": 0.1", 1) if name == "trial.json" else content[:-9] + content[-8:]
        (trial / name).write_bytes(broken)
    assert run(["report", str(copy)]) == 0
    assert all(name in (copy / "report.md").read_text() for name in names)
    stamps = [other.joinpath("trial.json").stat().st_mtime_ns for other in others]
    assert run(["compare", *flags[:-1], str(copy)]) == 0
    assert stamps == [other.joinpath("trial.json").stat().st_mtime_ns for other in others]
    for trial in changed:
        found, expected = TrialFolder(trial).read(), TrialFolder(folder / "trials" / trial.name).read()
        assert found.score == expected.score


def test_a_folder_of_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("years of work")
    assert "something else" in error_of(capsys, "--rules", "bptt", "--set", *SMALL, "--out", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_several_values_behind_one_flag():
    words = ["compare", "p.toml", "--rules", "a", "b", "--seeds", "3", "--data", "c", "--json"]
    assert spread(words, ("--rules", "--data")) == [
        "compare", "p.toml", "--rules", "a", "--rules", "b", "--seeds", "3", "--data", "c", "--json",
    ]  # fmt: skip


@pytest.mark.usefixtures("_here")
def test_settings_and_networks_that_are_named_go_before_those_of_a_data_set(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'rules = ["readout-only"]\nseeds = 1\nmeasure = false\n[common]\nepochs = 1\nbatch = 64\n'
        '[on.digits]\nnet = "64-9-10"\nsteps = 9\ndata_fraction = 0.05\nneuron_option = {decay = 0.5, v_threshold = 0.5}\n'
    )
    out = tmp_path / "out"
    named = ["--net", "64-5-10", "--set", "steps=3", "neuron-option.decay=0.8"]
    assert run(["compare", str(plan), *named, "--out", str(out)]) == 0
    settings = TrialFolder(next((out / "trials").iterdir())).read().settings
    assert (settings["net"], settings["steps"], settings["data_fraction"]) == ("64-5-10", 3, 0.05)
    assert settings["neuron_option"] == {"decay": 0.8, "v_threshold": 0.5}

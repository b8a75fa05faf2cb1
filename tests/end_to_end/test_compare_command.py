"""``spikelearn compare``: flags, plan files, what it leaves, what it refuses."""

import json

import pytest
from filelock import FileLock

from spikelearn.cli.app import run
from spikelearn.cli.common import spread
from spikelearn.compare import TrialFolder, claims, read_results

SMALL = ["net=64-8-10", "steps=4", "epochs=1", "data-fraction=0.1"]


def error_of(capsys, *arguments):
    assert run(["compare", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return " ".join(captured.err.split())


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
    assert results.points["accuracy"].between(0, 1).all()
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
    record = trial.read()
    monkeypatch.chdir(folder)
    words = record["command"].split()
    assert words[0] == "spikelearn"
    assert run([*words[1:], "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "weights.safetensors").read_bytes() == trial.weights.read_bytes()


def test_a_plan_in_a_file_and_an_arm_that_is_left_out(tmp_path, capsys):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'rules = ["bptt", "fast"]\nseeds = 1\nmeasure = false\n[common]\nnet = "64-8-10"\nsteps = 4\nepochs = 1\n'
        'data_fraction = 0.1\n[arms.fast]\nrule = "tssl-bp"\nneuron = "lif"\n[after]\nnoise = ["gaussian:sd=0.3"]\n'
    )
    assert run(["compare", str(plan), "--out", str(tmp_path / "out")]) == 0
    words = capsys.readouterr().out
    assert "left out: fast:" in words
    assert "1 trial finished" in words
    assert "gaussian" in (tmp_path / "out" / "report.md").read_text()


def test_the_report_alone(compared, capsys):
    folder, _ = compared
    (folder / "report.html").unlink()
    assert run(["report", str(folder)]) == 0
    assert (folder / "report.html").exists()
    assert str(folder / "report.html") in capsys.readouterr().out


def test_claims_are_asked_and_judged(tmp_path, monkeypatch, capsys):
    small = claims.read_claim("global-pruning")
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


def test_a_folder_of_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("years of work")
    assert "something else" in error_of(capsys, "--rules", "bptt", "--set", *SMALL, "--out", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_several_values_behind_one_flag():
    words = ["compare", "p.toml", "--rules", "a", "b", "--seeds", "3", "--data", "c", "--json"]
    assert spread(words, ("--rules", "--data")) == [
        "compare", "p.toml", "--rules", "a", "--rules", "b", "--seeds", "3", "--data", "c", "--json",
    ]  # fmt: skip

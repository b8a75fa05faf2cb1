"""The command line trains: files, flags, and mistakes in one sentence."""

import json
import tomllib

import pytest

from spikelearn.cli.app import run
from tests.end_to_end.quick import QUICK, one_object, sentence


def test_train_json(tmp_path, capsys):
    assert run(["train", *QUICK, "--out", str(tmp_path / "run"), "--json"]) == 0
    result = one_object(capsys)
    assert result["run"] == str(tmp_path / "run")
    assert 0.1 < result["test_accuracy"] <= 1.0
    assert result["optimizer"].startswith("adam lr=0.005")


def test_export_refuses_a_subtractive_reset(tmp_path, capsys):
    out = str(tmp_path / "run")
    flags = ["--neuron-option", "decay=0.9", "--neuron-option", "reset=subtract"]
    assert run(["train", *QUICK, *flags, "--out", out]) == 0
    capsys.readouterr()
    assert run(["export", out, "--verify"]) == 2
    assert "resets by subtraction, which NIR cannot say" in sentence(capsys)
    assert run(["export", out, "--format", "safetensors", "--json"]) == 0
    assert one_object(capsys)["file"].endswith("network.safetensors")


def test_an_unverified_export_has_its_own_exit_code(tmp_path, capsys):
    pytest.importorskip("snntorch")
    out = str(tmp_path / "run")
    assert run(["train", *QUICK, "--neuron", "if", "--out", out]) == 0
    capsys.readouterr()
    assert run(["export", out, "--verify", "--json"]) == 1
    assert "import failed" in one_object(capsys)["peers"]["snntorch"]["reason"]


def test_stdp_with_a_teacher_learns_as_the_readme_says(tmp_path, capsys):
    flags = "--rule stdp --rule-option teacher=4 --rule-option a_minus=0.0004 --net 64-10 --epochs 2 --encoder rate"
    more = "--encoder-option max_rate=0.5 --bounds 0 1 --incoming-norm 4 --json --out"
    assert run(["train", *flags.split(), *more.split(), str(tmp_path / "run")]) == 0
    assert one_object(capsys)["test_accuracy"] > 0.5


def test_a_file_and_flags_that_win(tmp_path, capsys):
    config = tmp_path / "run.toml"
    config.write_text(
        'net = "64-10"\nsteps = 5\nepochs = 9\nbatch = 100\nrule = "stdp"\n[rule-option]\nteacher = 1.0\n'
    )
    out = tmp_path / "run"
    assert run(["train", "--config", str(config), "--epochs", "1", "--out", str(out)]) == 0
    settings = tomllib.loads((out / "settings.toml").read_text())
    assert settings["epochs"] == 1
    assert settings["rule"] == "stdp"
    assert settings["rule_option"] == {"teacher": 1.0}


#: Ways whose runs have pictures of their own: what is drawn of the others are the same spikes, potentials and weights.
DRAWN = ("leaky-integrator", "cuba-lif", "latency", "4C3p-P2-10", "digits-events", "--validation")


@pytest.mark.parametrize(
    "flags",
    [
        ["--rule", "readout-only"],
        ["--rule", "stdp", "--rule-option", "teacher=2", "--bounds", "-1", "1"],
        ["--rule-option", "loss=mse-count", "--rule-option", "adjoint=triangle:width=2"],
        ["--rule-option", "adjoint=rectangle:width=0.3,derivative-bytes=true"],
        ["--rule-option", "loss=cross-entropy-membrane", "--output", "leaky-integrator"],
        ["--neuron", "cuba-lif", "--neuron-option", "tau_syn=0.002", "--neuron-option", "r=40"],
        ["--encoder", "latency", "--optimizer", "sgd", "--lr", "0.01", "--optimizer-option", "momentum=0.9"],
        ["--net", "4C3p-P2-10", "--patience", "1"],
        ["--data", "digits-events", "--net", "512-10"],
        ["--validation", "0"],
    ],
    ids=" ".join,
)
def test_every_way_to_train(flags, tmp_path, capsys):
    quick = ["--net", "64-20-10", "--steps", "4", "--epochs", "1", "--batch", "200"]
    assert run(["train", *quick, *flags, "--out", str(tmp_path / "run"), "--json"]) == 0
    assert one_object(capsys)["test_samples"] == 360
    assert run(["evaluate", str(tmp_path / "run"), "--json"]) == 0
    one_object(capsys)
    pictures = ["--pictures"] if set(DRAWN) & set(flags) else []
    assert run(["inspect", str(tmp_path / "run"), *pictures]) == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--net", "64-10x-3"], "cannot read '10x' at character 4"),
        (["--net", "64-5"], "has 5 outputs and data set 'digits' has 10 classes"),
        (["--net", "65-10"], "takes 65 input values, the data have 64"),
        (["--rule", "bpt"], "did you mean 'bptt'"),
        (["--rule-option", "los=x"], "has no option 'los'"),
        (["--rule-option", "loss"], "expected key=value"),
        (["--neuron", "lift"], "unknown neuron 'lift'"),
        (["--data", "digit"], "unknown data set 'digit'"),
        (["--data", "mnist", "--net", "784-10", "--data-root", "/nowhere/at/all"], "which is not a folder"),
        (["--encoder", "x"], "unknown encoder"),
        (["--data", "digits-events", "--net", "512-10", "--encoder", "rate"], "recordings of events"),
        (["--epochs", "0"], "epochs is 0"),
        (["--epochs", "many"], "epochs"),
        (["--batch", "-1"], "batch is -1"),
        (["--validation", "1"], "validation is 1.0"),
        (["--patience", "2", "--validation", "0"], "patience is 2: it needs validation samples"),
        (["--optimizer", "adm"], "unknown optimizer 'adm'"),
        (["--lr", "0"], "lr is 0.0"),
        (["--lr", "1e38"], "lr is 1e+38"),
        (["--seed", "18446744073709551616"], "seed is"),
        (["--steps", "99999999999999"], "steps is"),
        (["--net", "64-99999999999-10"], "sizes go up to 1,000,000"),
        (["--net", "\u00b2-10"], "cannot read '\u00b2'"),
        (["--net", "[/red]"], "cannot read '[/red]'"),
        (["--output-option", "decay=0.5"], "it needs another neuron for the last block"),
        (
            ["--neuron-option", "decay=0.5", "--neuron-option", "inclusive=maybe"],
            "inclusive is 'maybe', expected true or false",
        ),
        (["--optimizer-option", "capturable=true"], "has no option 'capturable'"),
        (["--optimizer-option", "betas=3"], "cannot be made with"),
        (["--data-root", "~nosuchuser/x"], "home folder is not known"),
        (["--data-root", ""], "is '', which is not a folder"),
        (["--device", "meta"], "expected cpu, cuda or cuda:N"),
        (["--schedule", "steps"], "unknown schedule 'steps'"),
        (["--device", "tpu"], "device is 'tpu', expected cpu"),
        (["--bounds", "1", "-1"], "low < high"),
        (["--config", "missing.toml"], "does not exist"),
        (["--resume", "missing"], "holds no run"),
        (["--unknown"], "--unknown"),
        (["--preset", "ide/fashion"], "unknown preset 'ide/fashion', expected one of"),
        (["--preset", "tssl-bp/mnst"], "did you mean 'tssl-bp/mnist'"),
        (["--preset", "ide/mnist", "--data", "digits-events", "--epochs", "1"], "recordings of events"),
        (["--net", "64-30(F30)-20-10", "--rule", "ide"], "ide differentiates at the equilibrium"),
        (["--net", "64-30(F20)-10"], "gives a current of shape [20], but the first block 'fc1' has the shape [30]"),
        (["--net", "64-30(F30-10"], "cannot read '30(F30' at character 4"),
        (["--rule", "tssl-bp", "--readout", "rate"], "looks at filtered spikes, but the readout is a RateReadout"),
        (["--readout", "trace"], "readout 'trace' filters spikes as a synapse does"),
        (["--readout", "linear", "--net", "64-10"], "does not suit the readout 'linear', which takes the last number"),
        (["--readout", "lineer"], "unknown readout 'lineer'"),
        (["--delay", "-1"], "delay is -1"),
        (["--init", "kaimng"], "did you mean 'kaiming'"),
        (["--init-option", "scale=2"], "initialiser 'uniform' has no option 'scale'"),
        (["--freeze", "fc3"], "freeze names block 'fc3', expected one of fc1, fc2"),
        (["--freeze", "fc1", "--freeze", "fc2"], "finds no trainable parameter"),
        (["--clip-norm", "0"], "clip_norm is 0.0"),
        (["--clip-norm", "nan"], "clip_norm is nan"),
        (["--data-option", "stabilised=true"], "data set 'digits' has no option 'stabilised'"),
        (["--data-option", "split=test"], "has no option 'split'"),
        (["--encoder", "direct", "--encoder-option", "std=0"], "std is 0, expected a positive number"),
        (["--bounds", "nan", "1"], "low < high"),
        (["--readout", "rate", "--rule-option", "loss=cross-entropy-membrane"], "predicts from spikes"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_every_mistake_is_one_sentence(flags, words, tmp_path, capsys):
    out = tmp_path / "run"
    assert run(["train", *flags, "--out", str(out)] if "--resume" not in flags else ["train", *flags]) == 2
    assert words in sentence(capsys)
    assert not (out / "checkpoint.pt").exists()


def test_frozen_blocks_keep_the_weights_that_were_drawn(tmp_path):
    from safetensors.torch import load_file

    from spikelearn.runs import read_settings, settings_from

    out = tmp_path / "run"
    assert run(["train", *QUICK[:-4], "--epochs", "1", "--batch", "100", "--freeze", "fc1", "--out", str(out)]) == 0
    settings = settings_from(read_settings(out / "settings.toml"))
    assert settings.freeze == ("fc1",)
    drawn, learned = settings.make_network().state_dict(), load_file(out / "weights.safetensors")
    same = {name: learned[name].equal(value) for name, value in drawn.items()}
    assert all(kept == name.startswith("blocks.fc1.") for name, kept in same.items()), same


def test_a_schedule_runs_over_the_epochs(tmp_path):
    """The rate of every epoch's end is in its row: that of the next one."""
    out = tmp_path / "run"
    flags = ["--net", "64-10", "--steps", "2", "--batch", "500", "--lr", "0.1", "--epochs", "4", "--schedule", "step"]
    assert run(["train", *flags, "--out", str(out)]) == 0
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["lr"] for row in rows] == pytest.approx([0.1, 0.01, 0.001, 0.0001])
    assert json.loads((out / "result.json").read_text())["schedule"] == "step"


def test_bounds_and_clipping_of_the_rule_can_be_taken_away(tmp_path):
    from safetensors.torch import load_file

    flags = ["--preset", "tssl-bp/fashion-mnist-mlp", "--data", "digits", "--net", "64-10", "--epochs", "1"]
    wild = ["--batch", "200", "--lr", "3"]
    for name, more in {"bounded": [], "free": ["--bounds", "-inf", "inf", "--clip-norm", "inf"]}.items():
        assert run(["train", *flags, *wild, *more, "--out", str(tmp_path / name)]) == 0
    bounded, free = (load_file(tmp_path / name / "weights.safetensors") for name in ("bounded", "free"))
    (weight,) = bounded
    assert bounded[weight].abs().max() == 4.0
    assert free[weight].abs().max() > 4.0


def test_a_loss_that_is_no_number_is_named_with_its_place_and_leaves_the_folder_free(tmp_path, capsys):
    out = tmp_path / "run"
    flags = ["--net", "64-10", "--rule-option", "loss=cross-entropy-membrane", "--output", "leaky-integrator"]
    overflow = ["--encoder", "direct", "--encoder-option", "gain=3e38"]
    assert run(["train", *QUICK, *flags, *overflow, "--out", str(out)]) == 2
    words = sentence(capsys)
    assert "epoch 1, batch 1 of" in words
    assert "the loss is inf: lower the learning rate" in words or "the loss is nan: lower the learning rate" in words
    assert run(["train", *QUICK, *flags, "--out", str(out)]) == 0

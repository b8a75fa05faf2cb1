"""The command line on embedded data."""

import json
import tomllib

import pytest

from spikelearn.cli.app import run

QUICK = ["--net", "64-20-10", "--steps", "5", "--epochs", "2", "--batch", "100", "--lr", "0.005"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert run(["train", *QUICK, "--out", str(out)]) == 0
    return out


def one_object(capsys):
    out = capsys.readouterr().out
    assert out.count("\n") == 1, "not one line on standard output"
    return json.loads(out)


def sentence(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert captured.err.splitlines()[-1] == lines[0]
    assert "Traceback" not in captured.err
    return lines[0]


def test_a_run_leaves_its_files(finished):
    assert {p.name for p in finished.iterdir()} >= {
        "settings.toml", "metrics.jsonl", "checkpoint.pt", "weights.safetensors", "result.json", "recording.npz",
    }  # fmt: skip
    assert tomllib.loads((finished / "settings.toml").read_text())["net"] == "64-20-10"
    rows = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"loss", "accuracy", "validation_accuracy", "rates", "samples_per_second", "seconds", "lr"} <= set(rows[0])


def test_train_json(tmp_path, capsys):
    assert run(["train", *QUICK, "--out", str(tmp_path / "run"), "--json"]) == 0
    result = one_object(capsys)
    assert result["run"] == str(tmp_path / "run")
    assert 0.1 < result["test_accuracy"] <= 1.0
    assert result["optimizer"].startswith("adam lr=0.005")


def test_same_seed_same_weights(finished, tmp_path):
    assert run(["train", *QUICK, "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == (finished / "weights.safetensors").read_bytes()
    assert run(["train", *QUICK, "--seed", "1", "--out", str(tmp_path / "other")]) == 0
    assert (tmp_path / "other" / "weights.safetensors").read_bytes() != (finished / "weights.safetensors").read_bytes()


def test_evaluate_finds_the_accuracy_of_training(finished, capsys):
    assert run(["evaluate", str(finished), "--json"]) == 0
    result = one_object(capsys)
    assert result["test_accuracy"] == json.loads((finished / "result.json").read_text())["test_accuracy"]
    assert result["test_samples"] == 360


def test_export_and_verify(finished, capsys):
    pytest.importorskip("snntorch")
    pytest.importorskip("norse")
    assert run(["export", str(finished), "--verify", "--json"]) == 0
    report = one_object(capsys)
    for peer in ("snntorch", "norse"):
        assert report["peers"][peer]["differing"] == 0
        assert report["peers"][peer]["entries"] == 360 * 5 * 10
    assert (finished / "network.nir").exists()


def test_an_export_takes_the_place_of_an_export_alone(finished, tmp_path, capsys):
    notes, other = tmp_path / "notes.nir", tmp_path / "other"
    notes.write_text("years of work")
    other.mkdir()
    for name in ("settings.toml", "weights.safetensors"):
        (other / name).write_bytes((finished / name).read_bytes())
    for form, path, words in (
        ("nir", notes, "is no file of this format"),
        ("safetensors", notes, "is no file of this format"),
        ("safetensors", other / "weights.safetensors", "a file that a run itself needs"),
        ("nir", finished / "result.json", "a file that a run itself needs"),
    ):
        before = path.read_bytes()
        assert run(["export", str(finished), "--format", form, "--to", str(path)]) == 2
        assert words in sentence(capsys)
        assert path.read_bytes() == before
    for form in ("nir", "safetensors"):
        for _ in range(2):
            assert run(["export", str(finished), "--format", form, "--to", str(tmp_path / f"mine.{form}")]) == 0


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


def test_inspect_draws_and_cites(finished, capsys):
    assert run(["inspect", str(finished), "--pictures", "--json"]) == 0
    found = one_object(capsys)
    assert len(found["pictures"]) == 5
    for path in found["pictures"]:
        with open(path, "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    assert "Neftci" in found["sources"]["rule bptt"]
    assert set(found["sources"]) == {
        "rule bptt", "neuron lif", "data set digits", "encoder direct", "loss cross-entropy-rate", "adjoint surrogate",
        "surrogate atan", "initialiser uniform", "optimizer adam", "schedule cosine",
    }  # fmt: skip
    assert found["settings"]["net"] == "64-20-10"
    assert len(found["metrics"]) == 2
    assert run(["inspect", "--cite", str(finished)]) == 0
    words = capsys.readouterr().out
    assert "Neftci" in words
    assert "validation" not in words


def test_inspect_in_words(finished, capsys):
    assert run(["inspect", str(finished)]) == 0
    words = capsys.readouterr().out
    for expected in ("settings", "64-20-10", "rate fc1", "test accuracy", "sources to cite"):
        assert expected in words


@pytest.mark.parametrize("what", ["rules", "neurons", "datasets"])
def test_listings(what, capsys):
    assert run([what]) == 0
    assert capsys.readouterr().out
    assert run([what, "--json"]) == 0
    rows = one_object(capsys)
    assert all(row["summary"] and row["source"] for row in rows.values())
    name = next(iter(rows))
    assert run([what, name]) == 0
    assert "Source:" in capsys.readouterr().out
    assert run([what, "nothing"]) == 2
    assert "unknown" in sentence(capsys)


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
    assert run(["inspect", str(tmp_path / "run"), "--pictures"]) == 0


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
        (["--readout", "linear", "--net", "64-10"], "cannot end in a linear readout"),
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


def test_presets_are_listed(capsys):
    assert run(["presets"]) == 0
    words = capsys.readouterr().out
    for name in ("desire/mnist", "ide/fashion-mnist", "tssl-bp/fashion-mnist-mlp", "emstdp/mnist"):
        assert f"\n{name}\n" in f"\n{words}"
    assert "published: 90.07 +- 0.10 %" in words
    assert "neuron_option" not in words


def test_one_preset_is_shown_whole(capsys):
    assert run(["presets", "ide/fashion-mnist"]) == 0
    words = capsys.readouterr().out
    for line in (
        "ide/fashion-mnist",
        "  net: 784-400(F400)-10",
        "  neuron_option: decay=0.95, v_threshold=2.0, reset=subtract, inclusive=True",
        "  encoder_option: mean=0.1307, std=0.3081",
        "  published: 90.07 +- 0.10 %, best 90.25 %, after 100 epochs (IF: 90.04 +- 0.09 %)",
    ):
        assert line in words.splitlines()
    assert "Xiao" in words
    assert "tssl-bp" not in words


def test_presets_as_json(capsys):
    assert run(["presets", "--json"]) == 0
    found = one_object(capsys)
    assert len(found) >= 10
    for name, preset in found.items():
        assert set(preset) == {"title", "source", "published", "values"}
        assert preset["values"]["rule"] == name.split("/")[0]
    assert run(["presets", "tssl-bp/nmnist", "--json"]) == 0
    one = one_object(capsys)
    assert list(one) == ["tssl-bp/nmnist"]
    assert one["tssl-bp/nmnist"]["values"]["data_option"] == {"stabilised": True, "bin_width": 3e-3}


def test_a_preset_that_is_not_there(capsys):
    assert run(["presets", "ide/fashion"]) == 2
    assert "unknown preset 'ide/fashion', expected one of" in sentence(capsys)


ON_DIGITS = {
    "desire/mnist": (["--net", "64-30-10", "--lr", "1e-4"], {"rule": "desire", "delay": 1, "init": "kaiming"}),
    "ide/fashion-mnist": (["--net", "64-30(F30)-10"], {"rule": "ide", "batch_norm": True, "readout": "linear"}),
    "ide/mnist": (["--net", "4C5s2p2(F4C3)-10"], {"rule": "ide", "spectral_feedback": True, "steps": 3}),
    "tssl-bp/fashion-mnist-mlp": (["--net", "64-30-10", "--steps", "5"], {"rule": "tssl-bp", "readout": "trace"}),
    "tssl-bp/mnist": (["--net", "4C3-SP2x1.1-10", "--steps", "5"], {"rule": "tssl-bp", "bias": False}),
    "emstdp/mnist": (["--net", "64-30-10", "--steps", "13"], {"rule": "emstdp", "optimizer": "rms", "lr": 1e-4}),
}


@pytest.mark.parametrize("name", ON_DIGITS)
def test_a_preset_trains_on_other_data_with_flags_that_win(name, tmp_path, capsys):
    flags, expected = ON_DIGITS[name]
    steps = [] if "--steps" in flags else ["--steps", "3" if name.startswith("ide") else "12"]
    quick = ["--data", "digits", "--epochs", "1", "--batch", "50", *steps, *flags, "--out", str(tmp_path / "run")]
    assert run(["train", "--preset", name, *quick, "--json"]) == 0
    result = one_object(capsys)
    assert result["test_samples"] == 360
    assert result["epochs"] == 1
    settings = tomllib.loads((tmp_path / "run" / "settings.toml").read_text())
    assert settings["net"] == flags[1]
    assert (settings["data"], settings["batch"], settings["epochs"]) == ("digits", 50, 1)
    assert {key: settings[key] for key in expected} == expected
    assert run(["evaluate", str(tmp_path / "run"), "--json"]) == 0
    assert one_object(capsys)["test_accuracy"] == result["test_accuracy"]
    assert run(["inspect", str(tmp_path / "run"), "--cite", "--json"]) == 0
    assert f"rule {name.split('/')[0]}" in one_object(capsys)["sources"]


def test_a_file_wins_over_the_preset_and_a_flag_over_both(tmp_path):
    config = tmp_path / "run.toml"
    config.write_text('net = "64-30(F30)-10"\ndata = "digits"\nepochs = 7\nsteps = 3\n[neuron-option]\ndecay = 0.8\n')
    out = tmp_path / "run"
    flags = ["--epochs", "1", "--batch", "200", "--encoder-option", "gain=2", "--out", str(out)]
    assert run(["train", "--preset", "ide/fashion-mnist", "--config", str(config), *flags]) == 0
    settings = tomllib.loads((out / "settings.toml").read_text())
    assert (settings["net"], settings["epochs"], settings["steps"]) == ("64-30(F30)-10", 1, 3)
    assert settings["neuron_option"] == {"decay": 0.8, "v_threshold": 2.0, "reset": "subtract", "inclusive": True}
    assert settings["encoder_option"] == {"mean": 0.1307, "std": 0.3081, "gain": 2}
    assert settings["rule"] == "ide"


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


def test_nothing_is_written_over(finished, capsys):
    kept = {p: p.read_bytes() for p in finished.iterdir() if p.is_file()}
    assert run(["train", *QUICK, "--out", str(finished)]) == 2
    assert "already holds a run" in sentence(capsys)
    assert run(["train", "--resume", str(finished)]) == 2
    assert "has ended already" in sentence(capsys)
    assert run(["train", "--resume", str(finished), "--lr", "3"]) == 2
    assert "expected no other flag" in sentence(capsys)
    assert run(["train", "--resume", str(finished), "--epochs", "1"]) == 2
    assert "epochs is 1, expected more than the 2" in sentence(capsys)
    assert kept == {p: p.read_bytes() for p in kept}


def test_a_loss_that_is_no_number_is_named_with_its_place_and_leaves_the_folder_free(tmp_path, capsys):
    out = tmp_path / "run"
    flags = ["--net", "64-10", "--rule-option", "loss=cross-entropy-membrane", "--output", "leaky-integrator"]
    overflow = ["--encoder", "direct", "--encoder-option", "gain=3e38"]
    assert run(["train", *QUICK, *flags, *overflow, "--out", str(out)]) == 2
    words = sentence(capsys)
    assert "epoch 1, batch 1 of" in words
    assert "the loss is inf: lower the learning rate" in words or "the loss is nan: lower the learning rate" in words
    assert run(["train", *QUICK, *flags, "--out", str(out)]) == 0


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "settings.toml", "recording.npz", "result.json", "metrics.jsonl"]
)
def test_damaged_files_are_named(finished, tmp_path, name, capsys):
    import shutil

    out = tmp_path / "copy"
    shutil.copytree(finished, out)
    path = out / name
    content = path.read_bytes()
    damaged = b"\x00\x01" + (content if name == "metrics.jsonl" else content[: len(content) // 2])
    path.write_bytes(damaged)
    commands = {"weights.safetensors": ["evaluate"], "recording.npz": ["inspect", "--pictures"]}
    assert run([*commands.get(name, ["inspect"]), str(out)]) == 2
    assert name in sentence(capsys)
    assert path.read_bytes() == damaged


def test_weights_of_another_network_are_named(finished, tmp_path, capsys):
    assert run(["train", *QUICK, "--net", "64-30-10", "--weights", str(finished), "--out", str(tmp_path / "run")]) == 2
    assert "weights are of another network: blocks.fc1.synapse.1.bias has shape [20], expected [30]" in sentence(capsys)


def test_help_is_there(capsys):
    assert run(["--help"]) == 0
    assert "train" in capsys.readouterr().out
    assert run(["train", "--help"]) == 0
    assert "--rule-option" in capsys.readouterr().out

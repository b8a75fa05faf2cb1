"""The command line lists components and presets, and trains by presets."""

import tomllib

import pytest

from spikelearn.cli.app import run
from tests.end_to_end.quick import one_object, sentence


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
    assert set(found["brunel2000"]) == {"title", "source", "published", "numbers"}  # a model, which is simulated
    recipes = {name: preset for name, preset in found.items() if "numbers" not in preset}
    assert len(recipes) >= 10
    for name, preset in recipes.items():
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
    quick = [
        "--data",
        "digits",
        "--epochs",
        "1",
        "--batch",
        "50",
        "--data-fraction",
        "0.3",
        *steps,
        *flags,
        "--out",
        str(tmp_path / "run"),
    ]
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


def test_help_is_there(capsys):
    assert run(["--help"]) == 0
    assert "train" in capsys.readouterr().out
    assert run(["train", "--help"]) == 0
    assert "--rule-option" in capsys.readouterr().out

"""Settings of a new run: refused before anything is begun, and filled in for rules that need them."""

import pytest

from spikelearn.cli.app import run
from spikelearn.cli.suited import suited
from spikelearn.plasticity import RULES
from spikelearn.runs import Settings, needs_of

SMALL = {"net": "64-12-10", "steps": 6}


@pytest.mark.parametrize("rule", list(RULES))
def test_every_rule_trains_a_common_network(rule):
    settings, told = suited({}, {"rule": rule, **SMALL})
    assert settings.rule == rule
    assert bool(told) == bool(needs_of(rule, "digits"))
    assert suited({}, settings.model_dump(exclude_none=True, exclude={"imports"})) == (settings, "")


def test_what_was_filled_in_is_said_and_flags_win():
    settings, told = suited({}, {"rule": "ide", **SMALL, "neuron_option": {"decay": 0.9}, "init": "kaiming"})
    assert settings.net == "64-12(F12)-10"
    assert settings.init == "kaiming"
    assert settings.neuron_option["decay"] == 0.9
    assert "--net 64-12(F12)-10" in told
    assert "--batch-norm" in told
    assert "--preset ide/" in told


@pytest.mark.parametrize("rule", ["softhebb", "hebbian-conv"])
def test_one_step_is_filled_in_for_neurons_that_send_at_once_alone(rule):
    given = {"rule": rule, "net": "64-12-10"}
    assert suited({}, given)[0].steps == 1
    assert suited({}, {**given, "neuron": "lif", "neuron_option": {}})[0].steps == Settings().steps
    assert suited({}, {**given, "neuron": "rate"})[0].steps == 1


def test_neurons_that_are_named_are_those_of_a_network_in_which_all_are_read():
    one = {"rule": "activation-learning", "net": "64-12-10"}
    assert suited({}, one)[0].output == "rate"
    settings, told = suited({}, {**one, "neuron": "rate", "neuron_option": {"activation": "tanh"}})
    assert settings.output is None
    assert "--output" not in told
    assert str(settings.make_network().blocks["fc1"].neuron.activation) == "Tanh()"
    assert suited({}, {**one, "net": "64-12-12-10", "neuron": "rate"})[0].output == "rate"
    assert suited({}, {**one, "neuron": "rate", "output": "rate"})[0].output == "rate"
    with pytest.raises(ValueError, match="but block 'fc1' is LIF: use Rate"):
        suited({}, {**one, "neuron": "lif"})


def test_a_task_that_a_rule_cannot_learn_is_said_by_its_name():
    with pytest.raises(ValueError, match="^decolle learns one of classify, but the task is 'regress': train with bptt"):
        suited({}, {"rule": "decolle", "task": "regress"})
    with pytest.raises(ValueError) as refusal:
        suited({}, {"rule": "decolle", "task": "regress"})
    assert len(str(refusal.value)) < 250


def test_a_file_or_preset_is_not_added_to():
    with pytest.raises(ValueError, match="ide differentiates"):
        suited({"rule": "ide"}, SMALL)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"rule": "ide", "net": "16C3-P2-10"},
            "does not suit the readout 'linear'.*all that ide needs at once: .*--readout linear; a published recipe: --preset ide/",
        ),
        (
            {"rule": "emstdp", "delay": 0, "bias": True, **SMALL},
            r"2 needs of emstdp are not met: \(1\) block 'fc2' has delay 0.*\(2\) .* a trainable bias.*at once: --neuron if "
            "--neuron-option inclusive=true --no-bias --delay 1 --encoder regular; a published recipe: --preset emstdp/",
        ),
        (
            {"rule": "emstdp", "neuron": "leaky-integrator", **SMALL},
            "use IF; filled in for emstdp: .*; all that emstdp needs at once: --neuron if",
        ),
        ({"rule": "ide", "data": "mnist", "net": "784-9-10", "data_root": "nowhere"}, "is not a folder"),
        (
            {"rule": "lls", "batch": 2, **SMALL},
            r"1295 samples in batches of 2 leave a batch of one, of which batch norm has no statistics: choose another batch "
            r"size, for example 3 \(--batch\), or leave batch norm out \(--no-batch-norm\); filled in for lls: .*--batch-norm",
        ),
        ({"rule": "nothing"}, "unknown rule 'nothing'"),
        ({"net": "64-10-3"}, "3 outputs"),
        ({"encoder": "morse"}, "unknown encoder"),
        ({"lr": 1.0, "optimizer": "sgdd"}, "optimizer"),
        ({"device": "tpu"}, "device is 'tpu'"),
        ({"freeze": ["fc9"]}, "freeze names block 'fc9'"),
    ],
)
def test_refused(given, expected):
    with pytest.raises(ValueError, match=expected):
        suited({}, given)


@pytest.mark.parametrize(
    "flags",
    [
        ["--data", "data/kmnist"],
        ["--data", "mnist", "--data-root", "nowhere"],
        ["--rule", "ide", "--net", "16C3-P2-10"],
        ["--net", "64-10-3"],
        ["--rule-option", "loss=nothing"],
        ["--neuron-option", "decay=2"],
        ["--weights", "nothing"],
        ["--net", "64-10-3", "--out", "kept/run"],
    ],
)
def test_a_refused_run_leaves_nothing_and_is_not_announced(flags, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nowhere").mkdir()
    monkeypatch.setattr("spikelearn.datasets.idx.fetch", refuse)
    assert run(["train", *flags]) == 2
    assert "run runs/" not in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"nowhere"}


def refuse(*_, **__):
    raise ValueError("nothing is fetched in tests")

"""Every packaged recipe: it can be read, built and trained by its rule, without its data."""

import copy
import inspect

import pytest
import torch

from spikelearn.catalogue import PRESETS
from spikelearn.datasets import DATASETS
from spikelearn.network import evaluating
from spikelearn.plasticity import RULES
from spikelearn.runs import Preset, merged, read_preset, read_settings, settings_from, write_settings
from spikelearn.training import Training, make_optimizer, make_schedule

NAMES = PRESETS.names()
every_preset = pytest.mark.parametrize("name", NAMES)


def settings_of(name, **over):
    return settings_from(merged(read_preset(name).values, over))


def test_the_published_recipes_are_there():
    assert {
        "bptt/text",
        "bw-bpf/cifar10",
        "align-ada/mnist",
        "align-prop/mnist",
        "align-zero/mnist",
        "decolle/nmnist",
        "desire/fashion-mnist",
        "desire/mnist",
        "dfa/mnist",
        "directional-dfa/mnist",
        "dkp/mnist",
        "drtp/mnist",
        "dtp/mnist",
        "emstdp/mnist",
        "forward-forward/mnist",
        "first-spike-stdp/mnist",
        "fw-dtp/mnist",
        "ide/fashion-mnist",
        "ide/mnist",
        "ide/nmnist",
        "kernel-proxy/mnist",
        "lls/cifar10",
        "lls/mnist",
        "lls-m/mnist",
        "lls-mxm/mnist",
        "pc/mnist",
        "pc-incremental/cifar10",
        "pc-prospective/fashion-mnist",
        "pc-prospective/mnist",
        "local-classifier/mnist",
        "meta-plasticity/mnist",
        "ottt/cifar10",
        "ottt-online/cifar10",
        "pepita/mnist",
        "sdfa/mnist",
        "sltt/nmnist",
        "tssl-bp/fashion-mnist-cnn",
        "tssl-bp/fashion-mnist-mlp",
        "tssl-bp/mnist",
        "tssl-bp/nmnist",
    } <= set(NAMES)
    assert sorted(set(NAMES)) == NAMES


@every_preset
def test_a_preset_says_what_it_is_and_where_it_comes_from(name):
    preset = read_preset(name)
    assert isinstance(preset, Preset)
    assert "preset" not in preset.values
    for words in (preset.title, preset.source, preset.published):
        assert len(words) > 10
    rule, recipe = name.split("/")
    assert preset.values["rule"] == rule
    assert recipe.startswith(preset.values["data"])
    digits = [int(part) for part in preset.source.replace(",", " ").replace(";", " ").split() if part.isdigit()]
    assert any(1990 <= number < 2100 for number in digits), f"no year in {preset.source!r}"


@every_preset
def test_a_preset_is_a_run_that_can_begin(name, tmp_path, monkeypatch):
    """With no data anywhere near."""
    monkeypatch.setenv("SPIKELEARN_DATA", str(tmp_path / "nowhere"))
    settings = settings_of(name)
    rule, network = settings.make_rule(), settings.make_network()
    rule.check(network)
    assert isinstance(rule, RULES.get(name.split("/")[0]))
    training = Training.start(
        network,
        rule,
        optimizer=settings.optimizer_choice(),
        constraints=settings.make_constraints(rule, network),
        clip=settings.clip_norm,
    )
    make_schedule(settings.schedule_name(), training.optimizer, 100, settings.epochs)
    data = DATASETS.get(settings.data)
    encoder = settings.make_encoder()
    inputs = torch.rand(2, 2, *(data.shape if encoder is None else encoder.shape_of(data.shape)))
    with torch.no_grad(), evaluating(network):
        assert network(inputs).shape == ((2, 2, data.classes) if data.task.per_step else (2, data.classes))


@every_preset
def test_images_have_an_encoder_and_recordings_none(name):
    settings = settings_of(name)
    data = DATASETS.get(settings.data)
    assert (settings.make_encoder() is None) == (not data.still)
    known = inspect.signature(data).parameters
    assert set(settings.data_option) <= set(known) - {"split", "root"}


@every_preset
def test_a_preset_goes_through_a_settings_file(name, tmp_path):
    settings = settings_of(name)
    write_settings(tmp_path / "settings.toml", settings)
    assert settings_from(read_settings(tmp_path / "settings.toml")) == settings


@pytest.mark.parametrize(
    ("name", "optimizer", "schedule"),
    [
        ("ide/fashion-mnist", "sgd lr=0.05, momentum=0.9, weight_decay=0.0005", "step"),
        ("tssl-bp/mnist", "adamw lr=0.0005, weight_decay=0.01", "constant"),
        ("emstdp/mnist", "rms lr=0.0001", "constant"),
        ("lls-m/mnist", "schedule-free-adamw lr=0.005", "constant"),
        ("decolle/nmnist", "adamax lr=0.001, betas=(0.0, 0.95)", "step:factor=0.2"),
        ("drtp/mnist", "sgd lr=0.0001, momentum=0.9, nesterov=True", "constant"),
    ],
)
def test_what_a_preset_does_not_say_is_the_rules(name, optimizer, schedule):
    settings = settings_of(name)
    assert str(settings.optimizer_choice()) == optimizer
    assert settings.schedule_name() == schedule


def test_networks_of_the_recipes():
    """Sizes as they are published, counted by hand."""
    counts = {
        "ide/fashion-mnist": 785 * 400 + 2 * 400 + 400 * 400 + 1 + 401 * 10,
        "tssl-bp/fashion-mnist-mlp": 784 * 400 + 400 * 400 + 400 * 10,
        "tssl-bp/mnist": 15 * 25 + 40 * 15 * 25 + 300 * 640 + 300 * 10,
        "decolle/nmnist": 99 * 64 + (64 * 49 + 1) * 128 + (128 * 49 + 1) * 128 + (128 * 8 * 8 + 1) * 10,
        "desire/mnist": 784 * 1600 + 1600 * 800 + 800 * 10,
        "emstdp/mnist": 784 * 100 + 100 * 10,
        "drtp/mnist": 26 * 32 + (32 * 14 * 14 + 1) * 1000 + 1001 * 10,
        "dfa/mnist": 26 * 32 + (32 * 14 * 14 + 1) * 1000 + 1001 * 10,
        "lls/mnist": 10 * 32 + 289 * 64 + 577 * 128 + 2 * 224 + (128 * 2 * 2 + 1) * 512 + 2 * 512 + 513 * 10,
        "kernel-proxy/mnist": 785 * 1000 + 1001 * 1000 + 1001 * 10,
        "meta-plasticity/mnist": 784 * 170 + 170 * 130 + 130 * 100 + 100 * 70 + 70 * 10,
        "directional-dfa/mnist": 785 * 800 + 801 * 800 + 2 * 2 * 800 + 801 * 10,
    }
    for name, count in counts.items():
        assert sum(p.numel() for p in settings_of(name).make_network().parameters()) == count, name


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("ide/fashion", "ide/fashion-mnist"), ("tssl_bp/mnist", "tssl-bp/mnist"), ("desire/mnst", "desire/mnist")],
)
def test_an_unknown_preset_names_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"unknown preset '{name}', expected one of .*did you mean '{nearest}'"):
        read_preset(name)


@pytest.mark.parametrize("name", ["", "ide", "../settings", "ide/mnist.toml", "zzz"])
def test_other_words_are_no_presets(name):
    with pytest.raises(ValueError, match="unknown preset .*expected one of .*emstdp/mnist"):
        read_preset(name)


# How settings are laid over each other

BASE = {
    "rule": "ide",
    "rule_option": {"dropout": 0.1, "iterations": 9},
    "neuron": "lif",
    "neuron_option": {"decay": 0.9, "reset": "subtract"},
    "steps": 5,
}


def test_values_of_the_second_win():
    assert merged(BASE, {"steps": 7, "lr": 0.1}) == {**BASE, "steps": 7, "lr": 0.1}
    assert merged(BASE, {}) == BASE
    assert merged({}, BASE) == BASE


def test_options_are_joined_key_by_key():
    found = merged(BASE, {"neuron_option": {"decay": 0.5, "dt": 2e-3}})
    assert found["neuron_option"] == {"decay": 0.5, "reset": "subtract", "dt": 2e-3}
    assert found["rule_option"] == BASE["rule_option"]
    assert merged(BASE, {"encoder_option": {"gain": 2.0}})["encoder_option"] == {"gain": 2.0}


@pytest.mark.parametrize("component", ["rule", "neuron", "output", "init", "data", "encoder", "optimizer"])
def test_options_go_with_the_component_that_they_belong_to(component):
    base = {**BASE, component: "one", f"{component}_option": {"a": 1}}
    assert f"{component}_option" not in merged(base, {component: "two"})
    assert merged(base, {component: "two", f"{component}_option": {"b": 2}})[f"{component}_option"] == {"b": 2}
    assert merged(base, {component: "one"})[f"{component}_option"] == {"a": 1}
    assert merged(base, {component: "one", f"{component}_option": {"b": 2}})[f"{component}_option"] == {"a": 1, "b": 2}
    other = "neuron" if component != "neuron" else "rule"
    assert merged(base, {component: "two"})[f"{other}_option"] == base[f"{other}_option"]


def test_merging_writes_to_neither():
    base, over = copy.deepcopy(BASE), {"neuron_option": {"decay": 0.5}, "rule": "bptt"}
    kept = copy.deepcopy(over)
    found = merged(base, over)
    found["neuron_option"]["decay"] = 77
    assert (base, over) == (BASE, kept)


@pytest.mark.parametrize(
    ("over", "option"),
    [({"neuron": "lif"}, "neuron_option"), ({"rule": "bptt"}, "rule_option"), ({"data": "digits"}, "data_option")],
)
def test_naming_the_default_replaces_nothing(over, option):
    """A file leaves neuron = "lif" out, a flag says it: the file's options are those of the same neuron."""
    assert merged({option: {"a": 1}}, over)[option] == {"a": 1}


def test_a_preset_on_other_data_is_a_run_that_can_begin():
    settings = settings_of("ide/nmnist", data="digits-events", net="2x16x16-8C5s2p2(F8C5)-10")
    assert settings.data_option == {}
    settings.make_rule().check(settings.make_network())
    settings = settings_of("tssl-bp/nmnist", rule="bptt", readout="rate")
    assert settings.rule_option == {}
    assert settings.neuron_option["tau_mem"] == 8e-3


def test_unknown_settings_are_still_named():
    with pytest.raises(ValueError, match="unknown setting 'step', expected .*did you mean 'steps'"):
        settings_of("ide/mnist", step=3)


def constraints_of(settings):
    return settings.make_constraints(settings.make_rule(), settings.make_network())


def test_defaults_of_the_rule_are_what_the_optimizer_gets():
    settings = settings_of("tssl-bp/fashion-mnist-mlp", net="784-20-10", lr=0.25)
    optimizer = make_optimizer(settings.optimizer_choice(), settings.make_network().parameters())
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.param_groups[0]["lr"] == 0.25
    assert optimizer.param_groups[0]["weight_decay"] == 0.01
    (bounds,) = constraints_of(settings)
    assert (bounds.low, bounds.high) == (-4.0, 4.0)
    (free,) = constraints_of(settings_of("tssl-bp/mnist", bounds=(float("-inf"), float("inf"))))
    assert (free.low, free.high) == (float("-inf"), float("inf"))
    assert constraints_of(settings_of("desire/mnist")) == ()

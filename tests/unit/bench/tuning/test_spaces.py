"""Search spaces: what may be searched, where a search begins, and what is refused."""

import inspect
import math
import re

import pytest

from spikelearn.bench.tune import spaces
from spikelearn.bench.tune.spaces import Dimension, read_space, settings_at, space_from, start_of
from spikelearn.neurons import ADJOINTS
from spikelearn.plasticity import LOSSES, RULES, OptimizerChoice
from spikelearn.runs import merged, needs_of, prepare, settings_from
from spikelearn.training.optimizers import OPTIMIZERS
from tests.unit.bench.tuning.small import LR, whole

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")  # a study that only asks


def _as_floats(value):
    """The text of an object, its whole numbers written as the others."""
    return re.sub(r"=(\d+)([,)])", r"=\1.0\2", str(value))


@pytest.mark.parametrize("data", ["digits", "digits-events"])
@pytest.mark.parametrize("rule", list(RULES))
def test_a_rule_runs_with_what_it_needs(rule, data):
    net = {"digits": "64-12-10", "digits-events": "512-12-10"}[data]
    training, loaders = prepare(settings_from(whole(rule, data=data, net=net)))
    assert len(loaders["validation"]) > 0
    assert training.network.blocks


@pytest.mark.parametrize("rule", list(RULES))
def test_a_search_begins_at_the_defaults(rule):
    """What a space names as default is what the rule does where nothing is said."""
    space, known = read_space(rule), inspect.signature(RULES.get(rule)).parameters
    made_rule = settings_from(whole(rule)).make_rule()
    for dimension in space:
        name, _, option = dimension.setting.partition(".")
        given = needs_of(rule, "digits").get("rule_option", {}).get(option)
        if name == "lr":
            assert dimension.default == made_rule.default_optimizer.lr
        elif option in ("adjoint", "loss"):
            made = {"adjoint": ADJOINTS, "loss": LOSSES}[option].make
            assert all(made(choice) is not None for choice in dimension.choices)
            default = known[option].default if given is None else made(given)
            assert _as_floats(made(given or dimension.default)) == _as_floats(default)
        elif name == "optimizer_option":
            optimizer = RULES.get(rule).default_optimizer
            own = inspect.signature(OPTIMIZERS.get(optimizer.name)).parameters[option].default
            assert dimension.default == optimizer.options.get(option, own)
        elif name in ("neuron_option", "init_option"):
            assert dimension.default == needs_of(rule, "digits")[name][option]
        elif given is None:
            default = known[option].default
            assert dimension.default == (getattr(made_rule, option) if default is None else default)
    values = whole(rule)
    at_start = settings_from(merged(values, settings_at(space, start_of(space, values))))
    without = settings_from(values)
    assert at_start.optimizer_choice() == without.optimizer_choice()


@pytest.mark.parametrize("rule", list(RULES))
def test_every_corner_of_a_space_can_be_trained(rule):
    space = read_space(rule)
    for end in (0, -1):
        point = {d.setting: (d.choices or (d.low, d.high))[end] for d in space}
        settings = settings_from(merged(whole(rule), settings_at(space, point)))
        training, _ = prepare(settings)
        assert type(training.rule) is RULES.get(rule)
        if "lr" in point:
            assert settings.optimizer_choice().lr == pytest.approx(point["lr"], rel=5e-3)


def test_a_rule_without_a_space_has_its_learning_rate_searched(monkeypatch):
    rule = type("Mine", (RULES.get("bptt"),), {"default_optimizer": OptimizerChoice("sgd", 0.1)})
    monkeypatch.setitem(RULES._components, "mine", rule)
    (lr,) = read_space("mine")
    assert (lr.setting, lr.default, lr.log) == ("lr", 0.1, True)
    assert math.log10(lr.high / lr.low) == pytest.approx(2 * spaces.DECADES)


def test_three_digits_are_kept_and_options_nested():
    space = space_from({"lr": {"low": 1e-4, "high": 1, "default": 0.1}, "rule-option": {"adjoint": {
        "choices": ["atan", "triangle"], "default": "atan"}}})  # fmt: skip
    point = {"lr": 0.012345678, "rule_option.adjoint": "triangle"}
    assert settings_at(space, point) == {"lr": 0.0123, "rule_option": {"adjoint": "triangle"}}
    assert start_of(space, {"lr": 0.5}) == {"lr": 0.5, "rule_option.adjoint": "atan"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "search space is empty"),
        ({"lr": 3}, "lr in a search space is 3, expected a table"),
        ({"lr": {"low": 1, "high": 2}}, "lr in a search space has no default"),
        ({"lr": {"low": 1, "high": 2, "default": 3}}, "lr: its default 3 lies outside of its search space, 1 to 2"),
        ({"lr": {"low": 2, "high": 1, "default": 1}}, "goes from 2 to 1, expected two finite numbers"),
        ({"lr": {"low": 0.0, "high": 1, "default": 1}}, r"low above 0 \(or log = false\)"),
        ({"lr": {"low": "a", "high": 1, "default": 1}}, "goes from 'a' to 1"),
        ({"lr": {"low": 1, "default": 1}}, "goes from 1 to None"),
        ({"lr": {"default": 1}}, "expected either choices, or low and high"),
        ({"lr": {"choices": [1], "low": 1, "high": 2, "default": 1}}, "expected either choices, or low and high"),
        ({"lr": {"choices": 4, "default": 4}}, "expected choices as a list"),
        ({"lr": {"lo": 1, "default": 1}}, r"has 'lo', expected one of .*did you mean 'low'"),
        ({"lrr": {"choices": [1], "default": 1}}, r"'lrr' in a search space cannot be searched, .*mean 'lr'"),
        ({"epochs": {"choices": [1, 2], "default": 1}}, "'epochs' in a search space cannot be searched"),
        ({"rule_option": 3}, "rule_option in a search space is 3, expected a table"),
    ],
)
def test_spaces_that_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        space_from(values)


def test_space_files_that_are_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown rule 'bptd', .*mean 'bptt'"):
        read_space("bptd")
    with pytest.raises(ValueError, match="none.toml does not exist"):
        read_space("bptt", tmp_path / "none.toml")
    for text, message in (
        ("[lr", "bad.toml is no TOML file"),
        ("[lr]\nlow = 1", r"bad.toml has 'lr', expected the tables \[space\]"),
        ("[on.digits.settings]\nlr = 1", "bad.toml: the search space is empty"),
        ("[space]\nlr = 3", "bad.toml: lr in a search space is 3"),
    ):
        (tmp_path / "bad.toml").write_text(text)
        with pytest.raises(ValueError, match=message):
            read_space("bptt", tmp_path / "bad.toml")


def test_the_space_of_a_file_goes_before_the_declared_one(tmp_path):
    (tmp_path / "mine.toml").write_text("[space.lr]\nlow = 1e-3\nhigh = 1e-1\ndefault = 1e-2\n")
    (lr,) = read_space("bptt", tmp_path / "mine.toml")
    assert (lr.low, lr.high, lr.default) == (1e-3, 1e-1, 1e-2)
    assert len(read_space("bptt")) > 1


def test_a_dimension_says_itself():
    assert LR[0].words == "0.0001 to 1, log-uniform"
    assert Dimension("steps", 5, choices=(5, 10)).words == "one of 5, 10"

"""Every setting is a flag, and what was given arrives as a setting."""

import typer
from typer.testing import CliRunner

from spikelearn.cli.flags import takes_settings
from spikelearn.runs import Settings, settings_from

SEEN = []


@takes_settings
def command(context: typer.Context, given: dict, other: bool = False) -> None:
    """Help."""
    SEEN.append((given, other))


def run(*arguments):
    app = typer.Typer(rich_markup_mode=None)  # as that of spikelearn, which cuts no flag
    app.command()(command)
    result = CliRunner().invoke(app, arguments)
    return result, SEEN.pop() if SEEN else None


def test_nothing_is_given():
    assert run()[1] == ({}, False)


def test_every_kind_of_flag():
    _, (given, other) = run(
        *("--net", "64-10", "--steps", "4", "--lr", "0.5", "--no-bias", "--batch-norm", "--bounds", "-1", "1"),
        *("--rule-option", "loss=mse-count:correct_rate=0.9", "--rule-option", "memory-budget=3"),
        *("--freeze", "fc1", "--freeze", "fc2", "--clip-norm", "inf", "--other"),
    )
    assert given == {
        **{"net": "64-10", "steps": 4, "lr": 0.5, "bias": False, "batch_norm": True, "bounds": (-1.0, 1.0)},
        **{"rule_option": {"loss": "mse-count:correct_rate=0.9", "memory_budget": 3}},
        **{"freeze": ["fc1", "fc2"], "clip_norm": float("inf")},
    }
    assert other
    assert settings_from({**given, "net": "64-10"}).freeze == ("fc1", "fc2")


def test_every_setting_has_a_flag_and_a_line_of_help():
    told = " ".join(run("--help")[0].output.split())
    for name in Settings.model_fields:
        assert name == "imports" or f"--{name.replace('_', '-')}" in told
    assert "cosine" in told
    assert "KEY=VALUE" in told
    assert "--test-curve" in told
    assert "--no-test-curve" in told


def test_wrong_values_are_refused():
    assert run("--steps", "many")[0].exit_code == 2
    assert run("--bounds", "1")[0].exit_code == 2
    assert "expected key=value" in str(run("--rule-option", "loss")[0].exception)

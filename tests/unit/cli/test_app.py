"""The commands: what is said without one, examples that can be typed, and completion."""

import os
import shlex
import subprocess
import sys

import pytest
import typer

from spikelearn.cli.app import COMMANDS, SEVERAL, command_of, is_light, run
from spikelearn.cli.common import spread
from spikelearn.declared import docstring_in


def examples(name):
    text = docstring_in(f"spikelearn.cli.{COMMANDS[name]}", f"{name}_command")
    return [line.strip() for line in text.splitlines() if line.strip().startswith("spikelearn ")]


def test_without_a_command_the_first_steps_are_said_and_can_be_typed(capsys):
    assert run([]) == 0
    words = capsys.readouterr().out
    steps = [line.split("     ")[0].strip() for line in words.splitlines() if line.startswith("  spikelearn ")]
    assert len(steps) == 4
    for step in steps:
        parsed(step)


def parsed(line):
    """The values that a line gives to its command; the command itself is not run."""
    _, name, *rest = shlex.split(line)
    app = typer.Typer(rich_markup_mode=None)
    app.command()(command_of(name))
    command = typer.main.get_command(app)
    return command.make_context(name, spread([name, *rest], SEVERAL.get(name, ()))[1:]).params


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_in_the_help_are_lines_that_the_command_takes(name):
    lines = examples(name)
    assert lines, f"{name} has no example in its help"
    for line in lines:
        assert line.split()[1] == name
        parsed(line)


def test_an_example_with_a_wrong_flag_would_be_seen():
    with pytest.raises(Exception, match="No such option"):
        parsed("spikelearn evaluate runs/mlp --nothing")


def test_help_names_every_command_and_shows_examples(capsys):
    assert run(["--help"]) == 0
    words = capsys.readouterr().out
    assert all(f"\n  {name} " in words for name in COMMANDS)
    assert run(["evaluate", "--help"]) == 0
    assert "    spikelearn evaluate runs/mlp --json\n" in capsys.readouterr().out


def test_a_command_that_is_not_there(capsys):
    assert run(["trian"]) == 2
    assert "did you mean 'train'?" in capsys.readouterr().err


def test_what_needs_no_torch():
    assert is_light([])
    assert is_light(["--help"])
    assert is_light(["rules", "bptt"])
    assert not is_light(["train", "--help"])


@pytest.mark.parametrize(
    ("words", "at", "expected"), [("spikelearn ru", 1, "rules"), ("spikelearn rules --ne", 2, "--needs")]
)
def test_completion(words, at, expected):
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(at), "_SPIKELEARN_COMPLETE": "complete_bash"}
    command = [sys.executable, "-m", "spikelearn"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **asked})
    assert done.stdout.split() == [expected]

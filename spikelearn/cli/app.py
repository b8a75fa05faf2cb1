"""The command line: subcommands, and one clear sentence for every mistake."""

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import typer

from spikelearn.cli.common import INTERRUPTED, progress, spread
from spikelearn.cli.compare import compare
from spikelearn.cli.evaluate import evaluate
from spikelearn.cli.export import export
from spikelearn.cli.inspect import inspect
from spikelearn.cli.listing import datasets, impairments, neurons, rules
from spikelearn.cli.presets import presets
from spikelearn.cli.report import report
from spikelearn.cli.train import train
from spikelearn.cli.tune import tune

#: Set to see the traceback behind an error's sentence.
DEBUG_VARIABLE = "SPIKELEARN_DEBUG"

#: Flags after which several values may stand, by subcommand.
SEVERAL = {
    "compare": ("--rules", "--data", "--net", "--set", "--axis"),
    "tune": ("--rules", "--rule", "--set"),
}

app = typer.Typer(
    help="Train spiking networks with any learning rule, look at them, and export them exactly.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _interruptible(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with a sentence where Ctrl-C ends it (typer would end it without a word)."""

    @functools.wraps(command)
    def run_command(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt as error:
            _fail("interrupted", INTERRUPTED)
            raise typer.Exit(INTERRUPTED) from error

    return run_command


COMMANDS: tuple[Callable[..., None], ...] = (
    *(train, compare, tune, report, evaluate, export, inspect),
    *(rules, neurons, datasets, impairments, presets),
)
for command in COMMANDS:
    app.command()(_interruptible(command))

# typer has moved this class between its own and click's modules; it is the base of all usage errors.
_UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def run(arguments: Sequence[str]) -> int:
    """Run the command line; its exit code: 0 well, 1 a verification failed, 2 a mistake, 130 interrupted."""
    try:
        code = app(
            spread(arguments, SEVERAL.get(next(iter(arguments), ""), ())), standalone_mode=False, prog_name="spikelearn"
        )
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED)
    except _UsageError as error:
        return _fail(error.format_message(), 2)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        return _fail(_words(error), 2)
    return code if isinstance(code, int) else 0


def _fail(words: str, code: int) -> int:
    if code == 2:
        progress.print("error: ", end="", style="bold red")
    progress.print(" ".join(words.split()))
    return code


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror.lower()}"
    if isinstance(error, ValueError) and str(error):
        return str(error)
    return f"unexpected {type(error).__name__} ({error}): set {DEBUG_VARIABLE}=1 to see where it comes from"

"""The command line: subcommands, and one clear sentence for every mistake."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from spikelearn.cli.common import INTERRUPTED, progress
from spikelearn.cli.evaluate import evaluate
from spikelearn.cli.export import export
from spikelearn.cli.inspect import inspect
from spikelearn.cli.listing import datasets, neurons, rules
from spikelearn.cli.train import train

#: Set to see the traceback behind an error's sentence.
DEBUG_VARIABLE = "SPIKELEARN_DEBUG"

app = typer.Typer(
    help="Train spiking networks with any learning rule, look at them, and export them exactly.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)
for command in (train, evaluate, export, inspect, rules, neurons, datasets):
    app.command()(command)

# typer has moved this class between its own and click's modules; it is the base of all usage errors.
_UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 well, 1 a verification failed, 2 a mistake, 130 interrupted."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; its exit code."""
    try:
        code = app(list(arguments), standalone_mode=False, prog_name="spikelearn")
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED)
    except _UsageError as error:
        return _fail(error.format_message(), 2)
    except (ValueError, OSError, MemoryError) as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        return _fail(_words(error), 2)
    return code if isinstance(code, int) else 0


def _fail(words: str, code: int) -> int:
    progress.print("error: " if code == 2 else "", end="", style="bold red")
    progress.print(" ".join(words.split()), highlight=False, markup=False, soft_wrap=True)
    return code


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror.lower()}"
    return str(error) or type(error).__name__

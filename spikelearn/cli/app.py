"""The command line: subcommands, and one clear sentence for every mistake."""

import functools
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import typer

from spikelearn.cli.align import align_command
from spikelearn.cli.common import INTERRUPTED, progress, spread
from spikelearn.cli.compare import compare_command
from spikelearn.cli.continual import continual_command
from spikelearn.cli.credits import credits_command
from spikelearn.cli.doctor import doctor_command
from spikelearn.cli.datasets import datasets_command
from spikelearn.cli.evaluate import evaluate_command
from spikelearn.cli.export import export_command
from spikelearn.cli.inspect import inspect_command
from spikelearn.cli.listing import impairments_command, neurons_command, rules_command
from spikelearn.cli.locality import locality_command
from spikelearn.cli.meta import meta_command
from spikelearn.cli.phenotype import phenotype_command
from spikelearn.cli.presets import presets_command
from spikelearn.cli.report import report_command
from spikelearn.cli.traces import traces_command
from spikelearn.cli.train import train_command
from spikelearn.cli.tune import tune_command
from spikelearn.cli.verify import verify_command
from spikelearn.datasets import DataWarning
from spikelearn.imports import ComponentsChanged
from spikelearn.plasticity import RuleWarning

#: Set to see the traceback behind an error's sentence.
DEBUG_VARIABLE = "SPIKELEARN_DEBUG"

#: Flags after which several values may stand, by subcommand.
SEVERAL = {
    "align": ("--rules",),
    "continual": ("--rules",),
    "compare": ("--rules", "--data", "--net", "--set", "--axis"),
    "tune": ("--rules", "--rule", "--set"),
    "verify": ("--against", "--mend"),
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
    *(train_command, align_command, compare_command, tune_command, report_command, evaluate_command, export_command),
    *(inspect_command, rules_command, locality_command, traces_command, neurons_command, datasets_command),
    *(impairments_command, presets_command, meta_command, credits_command, phenotype_command),
    *(continual_command, doctor_command, verify_command),
)
for command in COMMANDS:
    app.command(command.__name__.removesuffix("_command"))(_interruptible(command))

# typer has moved this class between its own and click's modules; it is the base of all usage errors.
_UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def run(arguments: Sequence[str]) -> int:
    """Run the command line; its exit code.

    0 well, 1 a verification failed, 2 a mistake, 3 trials of a comparison failed, 130 interrupted.
    """
    spelled = spread(arguments, SEVERAL.get(next(iter(arguments), ""), ()))
    try:
        with warnings.catch_warnings():
            warnings.showwarning = functools.partial(_warn, warnings.showwarning)
            code = app(spelled, standalone_mode=False, prog_name="spikelearn", obj=list(arguments))
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED)
    except _UsageError as error:
        return _fail(error.format_message(), 2)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        return _fail(_words(error), 2)
    return code if isinstance(code, int) else 0


def _warn(others: Callable[..., None], message: Warning | str, category: type[Warning], *where: Any) -> None:
    """A word of our own is for the user; other warnings are for developers."""
    if issubclass(category, ComponentsChanged | DataWarning | RuleWarning):
        progress.print(str(message), style="yellow")
    else:
        others(message, category, *where)


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

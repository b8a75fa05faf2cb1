"""The command line: subcommands, and one clear sentence for every mistake."""

import functools
import importlib
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import typer

from spikelearn.cli.common import INTERRUPTED, output, progress, spread
from spikelearn.cli.pages import page_of
from spikelearn.component_text import one_of
from spikelearn.declared import docstring_in
from spikelearn.extras import extra_of

#: Set to see the traceback behind an error's sentence.
DEBUG_VARIABLE = "SPIKELEARN_DEBUG"

#: {subcommand: the module of its function}. A module is imported when its command is asked for: most import torch.
COMMANDS = {
    **{name: name for name in ("train", "align", "compare", "tune", "report", "evaluate", "export", "inspect")},
    **{"rules": "listing", "locality": "locality", "traces": "traces", "neurons": "listing", "datasets": "datasets"},
    **{"impairments": "listing", "presets": "presets", "meta": "meta", "credits": "credits", "phenotype": "phenotype"},
    **{name: name for name in ("continual", "doctor", "plot", "simulate", "verify")},
}

#: Flags after which several values may stand, by subcommand.
SEVERAL = {
    "align": ("--rules",),
    "continual": ("--rules",),
    "compare": ("--rules", "--data", "--net", "--set", "--axis"),
    "tune": ("--rules", "--rule", "--set"),
    "simulate": ("--record", "--freeze"),
    "verify": ("--against", "--mend"),
}

#: What is said where no command is named.
FIRST_STEPS = """\
Train spiking networks with any learning rule, compare the rules, and export networks exactly. First steps:

  spikelearn train --data digits --epochs 5     a network in half a minute, on data that are there already
  spikelearn inspect runs/digits-bptt-1         its curves, rates and accuracy of each class; --pictures draws
  spikelearn rules                              what else it can be trained with: train --rule NAME
  spikelearn compare --rules bptt dfa readout-only --data digits --seeds 3
                                                rules under equal conditions, on one page

All commands: spikelearn --help. One, with examples: spikelearn train --help.
"""


def run(arguments: Sequence[str]) -> int:
    """Run the command line; its exit code.

    0 well, 1 a verification failed, 2 a mistake, 3 trials of a comparison failed, 130 interrupted.
    """
    completing = [word for word in os.environ.get("COMP_WORDS", "").split() if word in COMMANDS]
    if not arguments and "_SPIKELEARN_COMPLETE" not in os.environ:
        output.print(FIRST_STEPS, end="")
        return 0
    first = next((argument for argument in arguments if not argument.startswith("-")), "")
    if first and first not in COMMANDS:
        return _fail(f"unknown command {first!r}, expected {one_of(first, list(COMMANDS))}; see: spikelearn --help", 2)
    chosen = chosen_command(arguments) or next(iter(completing), "")
    spelled = spread(arguments, SEVERAL.get(chosen, ()))
    try:
        with warnings.catch_warnings():
            warnings.showwarning = functools.partial(_warn, warnings.showwarning)
            app = _app(chosen)
            code = app(spelled, standalone_mode=False, prog_name="spikelearn", obj=list(arguments))
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED)
    except _UsageError as error:
        return _fail(_with_page(error.format_message(), page_of(chosen, None)), 2)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        return _fail(_with_page(_words(error), page_of(chosen, error.__traceback__)), 2)
    return code if isinstance(code, int) else 0


def chosen_command(arguments: Sequence[str]) -> str:
    """The subcommand that is named; "" where none is."""
    first = next((argument for argument in arguments if not argument.startswith("-")), "")
    return first if first in COMMANDS else ""


def is_light(arguments: Sequence[str]) -> bool:
    """Tell whether nothing will be computed, so that torch need not be imported."""
    chosen = chosen_command(arguments)
    if chosen == "datasets":
        return not any(action in arguments for action in ("get", "check", "show"))
    return not chosen or (COMMANDS[chosen] == "listing" and chosen != "impairments")


def _app(chosen: str) -> typer.Typer:
    """All commands: the chosen one as it is, of the others name and help alone."""
    app = typer.Typer(
        help="Train spiking networks with any learning rule, look at them, and export them exactly.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for name in COMMANDS:
        app.command(name)(_interruptible(command_of(name)) if name == chosen else _only_help(name))
    return app


def command_of(name: str) -> Callable[..., None]:
    """The function of a subcommand."""
    command: Callable[..., None] = getattr(importlib.import_module(_module_of(name)), f"{name}_command")
    return command


def _module_of(name: str) -> str:
    return f"spikelearn.cli.{COMMANDS[name]}"


def _only_help(name: str) -> Callable[..., None]:
    def command() -> None:
        raise NotImplementedError

    command.__doc__ = docstring_in(_module_of(name), f"{name}_command")
    return command


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


# typer has moved this class between its own and click's modules; it is the base of all usage errors.
_UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def _warn(others: Callable[..., None], message: Warning | str, category: type[Warning], *where: Any) -> None:
    """A word of our own is for the user; other warnings are for developers."""
    if category.__module__.partition(".")[0] == "spikelearn":
        progress.print(str(message), style="yellow")
    else:
        others(message, category, *where)


def _fail(words: str, code: int) -> int:
    if code == 2:
        progress.print("error: ", end="", style="bold red")
    progress.print(" ".join(words.split()))
    return code


def _with_page(words: str, page: str) -> str:
    """The sentence with its page; one that names a page itself, as it is."""
    return words if ".md" in words else f"{words.rstrip('.')} ({page})"


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror.lower()}"
    if isinstance(error, ModuleNotFoundError) and (extra := extra_of((error.name or "").partition(".")[0])):
        return f"{error.name} is not installed: pip install 'spikelearn[{extra}]'"
    if isinstance(error, ValueError) and str(error):
        return str(error)
    return f"unexpected {type(error).__name__} ({error}): set {DEBUG_VARIABLE}=1 to see where it comes from"

"""What the subcommands share: where words go, and how options are read."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from spikelearn.registry import parse_value
from spikelearn.training import RunFolder, Settings, open_run

#: Progress and tables for people; standard output is left to results.
progress = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
output = Console(soft_wrap=True, markup=False, highlight=False)

#: Exit code of a run that was asked to stop.
INTERRUPTED = 130

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
DataRoot = Annotated[str | None, typer.Option(help="Folder of the data sets; default: the run's.", show_default=False)]
RunPath = Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)]


def opened(run: str, data_root: str | None) -> tuple[RunFolder, Settings]:
    """A run's folder and settings, its data looked for in another root where one is named."""
    folder = RunFolder(run)
    settings = open_run(folder)
    return folder, settings if data_root is None else settings.model_copy(update={"data_root": data_root})


def spread(arguments: Sequence[str], flags: Iterable[str]) -> list[str]:
    """``--flag a b c`` written as ``--flag a --flag b --flag c``, for the flags that take several values."""
    several, found, flag = set(flags), [], None
    for argument in arguments:
        if argument.startswith("-"):
            flag = argument if argument in several else None
            found += [] if flag else [argument]
        else:
            found += [flag, argument] if flag else [argument]
    return found


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(value, default=str))


def read_options(flag: str, items: Iterable[str] | None) -> dict[str, Any] | None:
    """{"key": value} of ``key=value`` items; None where none was given.

    Raises:
        ValueError: an item without ``=``, a key given twice.
    """
    if not items:
        return None
    options: dict[str, Any] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise ValueError(f"{flag} is {item!r}, expected key=value")
        key = key.strip().replace("-", "_")
        if key in options:
            raise ValueError(f"{flag} names {key!r} twice, expected each key once")
        options[key] = parse_value(value)
    return options

"""Consoles, options and exit codes that all subcommands share."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from spikelearn.component_text import parse_value
from spikelearn.documents import json_text
from spikelearn.files import check_writable
from spikelearn.imports import import_components

if TYPE_CHECKING:
    from spikelearn.runs import Settings
    from spikelearn.training import RunFolder

#: Progress and tables for people; standard output is left to results.
progress = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
output = Console(soft_wrap=True, markup=False, highlight=False)

#: Exit code of a run that was asked to stop.
INTERRUPTED = 130

#: Classes up to which the accuracy of each is printed.
SHOWN_CLASSES = 100

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
DataRoot = Annotated[str | None, typer.Option(help="Folder of the data sets; default: the run's.", show_default=False)]
Imports = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="FILE",
        callback=lambda files: list(import_components(files or ())),
        is_eager=True,
        help="Python file (or module) that registers components of your own; repeat for more.",
        show_default=False,
    ),
]
Shared = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE...",
        help="Settings that all share, for example --set epochs=3 data-option.sequence=true.",
    ),
]
RunPath = Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)]


def opened(run: str, data_root: str | None) -> "tuple[RunFolder, Settings]":
    """A run's folder and settings, its data looked for in another root where one is named."""
    from spikelearn.runs import open_run
    from spikelearn.training import RunFolder

    folder = RunFolder(run)
    settings = open_run(folder)
    return folder, settings if data_root is None else settings.model_copy(update={"data_root": data_root})


#: Endings of pictures that are drawn.
PICTURES = (".png", ".pdf", ".svg")


def result_file(name: str | None) -> str | None:
    """The name of a file for a result, refused before the work where none can be written there."""
    if name is not None:
        check_writable(Path(name))
    return name


def picture_file(name: str) -> str:
    """The name of a file for a picture, refused before the work where its ending is none of a picture."""
    result_file(name)
    if (suffix := Path(name).suffix.lower()) not in PICTURES:
        raise ValueError(f"{name} ends in {suffix or 'nothing'!r}, expected {', '.join(PICTURES)}: rename the picture")
    return name


def spread(arguments: Sequence[str], flags: Iterable[str]) -> list[str]:
    """``--flag a b c`` written as ``--flag a --flag b --flag c``, for the flags that take several values."""
    several, result, flag = set(flags), [], None
    for argument in arguments:
        if argument.startswith("-"):
            flag = argument if argument in several else None
            result += [] if flag else [argument]
        else:
            result += [flag, argument] if flag else [argument]
    return result


def print_classes(confusion: Sequence[Sequence[int]] | None) -> None:
    """The accuracy of every class, and what it is taken for most, from counts of classes by predictions."""
    for number, row in enumerate(confusion if confusion and len(confusion) <= SHOWN_CLASSES else ()):
        if sum(row):
            others = [count if other != number else -1 for other, count in enumerate(row)]
            most = max(others)
            taken = f", {most} taken for {others.index(most)}" if most > 0 else ""
            output.print(f"  class {number}: {100 * row[number] / sum(row):.1f} % of {sum(row)}{taken}")


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json_text(value))


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


def read_shared(items: Iterable[str] | None) -> dict[str, Any]:
    """Settings of ``--set``: {"steps": 10, "data_option": {"sequence": True}} of steps=10, data-option.sequence=true.

    Raises:
        ValueError: as ``read_options``; options that are given as one value.
    """
    settings: dict[str, Any] = {}
    for name, value in (read_options("--set", items) or {}).items():
        setting, dot, option = name.partition(".")
        if not setting.endswith("_option"):
            settings[name] = value
        elif dot and option:
            settings.setdefault(setting, {})[option] = value
        else:
            raise ValueError(f"--set names {name!r}, expected one option of it, for example {setting}.KEY=VALUE")
    return settings

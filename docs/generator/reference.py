"""Pages of the public names, of the commands and of all further parts that have a name."""

import ast
import inspect
from pathlib import Path

import spikelearn
from docs.generator.component_pages import KINDS
from docs.generator.docstring_pages import parts_of
from spikelearn.cli.app import COMMANDS, command_of
from spikelearn.docstrings import source_of
from spikelearn.registry import registries


def reference_page() -> str:
    """The public names of the package, each by its own docstring."""
    stub = ast.parse(Path(spikelearn.__file__).with_suffix(".pyi").read_text("utf-8"))
    names = sorted(alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names)
    lines = [
        "# Python reference",
        "",
        "What `spikelearn` exports; parts with a name have [pages of their own](choose.md).",
        "",
    ]
    for name in names:
        value = getattr(spikelearn, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            lines += [f"::: {value.__module__}.{name}", "    options: {members: false}", ""]
    return "\n".join(lines)


def command_page() -> str:
    """Every command's help, with its examples."""
    lines = ["# Commands", "", "Flags of a command: `spikelearn COMMAND --help`.", ""]
    for name in COMMANDS:
        text = inspect.cleandoc(command_of(name).__doc__ or "").replace("\b\n", "")
        words, _, examples = text.partition("Examples:")
        shown = "\n".join(line.strip() for line in examples.strip().splitlines())
        lines += [f"## `{name}`", "", words.strip(), "", "```console", shown, "```", ""]
    return "\n".join(lines)


def parts_page() -> str:
    """Losses, optimizers, readouts and all other parts that are named in settings, each with its summary and source."""
    lines = ["# All parts by name", "", "Options are written `name:option=value`; see [Commands](commands.md).", ""]
    paged = [kind.registry for kind in KINDS.values()]
    for registry in registries():
        own = sorted(n for n in registry if registry.get(n).__module__.startswith("spikelearn."))
        if registry not in paged and own:
            lines += [f"## {registry.kind.capitalize()}", "", "| name | what it is | source |", "|---|---|---|"]
            for name in own:
                kind = registry.get(name)
                cells = (f"`{name}`", parts_of(kind).summary, source_of(kind))
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
            lines.append("")
    return "\n".join(lines)

"""What files of the package declare, read from their text: nothing is imported, so a list takes no second."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikelearn.docstrings import summary_in

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Declared:
    """A component as its file declares it.

    Attributes:
        name: under which it is registered.
        summary: the first sentence of its docstring.
        folder: the folder of the package's part in which its file lies; "" for the part itself.
        attributes: {name: value} of the class, those of its bases included, where the text says the value outright.
    """

    name: str
    summary: str
    folder: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


def declared(part: str, registry: str) -> list[Declared]:
    """All classes below a part of the package that are registered by ``@REGISTRY.register("name")``.

    Args:
        part: folder of the package: "plasticity".
        registry: the registry as files call it: "RULES".
    """
    root = PACKAGE / part
    texts = {path: path.read_text("utf-8") for path in sorted(root.rglob("*.py"))}
    mark = f"@{registry}.register("
    trees = {path: ast.parse(text) for path, text in texts.items() if mark in text}
    found = [(path, node, name) for path in trees for node, name in _registered(trees[path], registry)]
    classes = {node.name: node for tree in trees.values() for node in _classes(tree)}
    missing = {_word(base) for _, node, _ in found for base in node.bases} - classes.keys()
    for path, text in texts.items():
        if path not in trees and any(f"class {base}" in text for base in missing):
            classes |= {node.name: node for node in _classes(ast.parse(text))}
    return [
        Declared(
            name,
            summary_in(ast.get_docstring(node) or ""),
            path.relative_to(root).parent.as_posix().partition("/")[0].strip("."),
            _attributes(node, classes),
        )
        for path, node, name in found
    ]


def docstring_in(module: str, function: str) -> str:
    """The docstring of a function of the module ``spikelearn.cli.train``; "" where it has none."""
    tree = ast.parse(_file_of(module).read_text("utf-8"))
    found = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    node = next(found, None)
    return "" if node is None else ast.get_docstring(node) or ""


def literal_in(module: str, name: str) -> Any:
    """The value that a module's text gives to ``name`` outright; raises KeyError where it does not."""
    for node in ast.parse(_file_of(module).read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and any(_word(target) == name for target in node.targets):
            return ast.literal_eval(node.value)
    raise KeyError(name)


def _file_of(module: str) -> Path:
    return PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")


def _classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    return (node for node in tree.body if isinstance(node, ast.ClassDef))


def _registered(tree: ast.Module, registry: str) -> Iterator[tuple[ast.ClassDef, str]]:
    for node in _classes(tree):
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == f"{registry}.register":
                yield node, ast.literal_eval(mark.args[0])


def _word(node: ast.expr) -> str:
    """The name of a base class: ``Base`` of ``Base``, ``base.Base`` and ``Base[int]``."""
    return ast.unparse(node).partition("[")[0].rpartition(".")[2]


def _attributes(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for base in reversed(node.bases):
        if _word(base) in classes and _word(base) != node.name:
            values |= _attributes(classes[_word(base)], classes)
    for target, value in _assignments(node):
        try:
            values[_word(target)] = ast.literal_eval(value)
        except ValueError:  # worked out when the program runs
            values.pop(_word(target), None)
    return values


def _assignments(node: ast.ClassDef) -> Iterator[tuple[ast.expr, ast.expr]]:
    for line in node.body:
        if isinstance(line, ast.Assign):
            yield from ((target, line.value) for target in line.targets)
        elif isinstance(line, ast.AnnAssign) and line.value is not None:
            yield line.target, line.value

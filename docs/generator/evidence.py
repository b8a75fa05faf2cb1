"""What was measured and proved: files that commands of the project write, read here and never retyped."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

#: Written by ``spikelearn locality --json``.
LOCALITY = ROOT / "docs/data/locality.json"
#: Written by ``pytest tests/golden ... --fidelity docs/data/fidelity.json``.
FIDELITY = ROOT / "docs/data/fidelity.json"


@cache
def _locality() -> dict[str, Any]:
    return json.loads(LOCALITY.read_text("utf-8")) if LOCALITY.is_file() else {}


def locality_of(rule: str) -> dict[str, Any]:
    """What ``spikelearn locality`` found of a rule, with "depends" as a list; {} where it was not run."""
    row = _locality().get(rule)
    if not row or row.get("operations") is None and not row.get("depends"):
        return {}
    seen = row["depends"]
    return {**row, "depends": [f for f in seen if seen[f]], "unknown": [f for f in seen if seen[f] is None]}


@cache
def fidelity() -> dict[str, Any]:
    """{test: what it compared}, as the tests recorded it."""
    return json.loads(FIDELITY.read_text("utf-8")) if FIDELITY.is_file() else {}


@cache
def _sources() -> dict[str, tuple[str, set[str]]]:
    """{test file: its docstring's first line and the words in its code}."""
    found = {}
    for path in sorted(ROOT.glob("tests/**/test_*.py")):
        text = path.read_text("utf-8")
        words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text)) | set(re.findall(r"\"([a-z0-9-]+)[\"(:]", text))
        about = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
        found[path.relative_to(ROOT).as_posix()] = (about, words)
    return found


def tests_of(name: str, component: type) -> list[str]:
    """Test files that are about a component: its own file has its module's name."""
    stem = inspect.getmodule(component).__name__.rpartition(".")[2]  # type: ignore[union-attr]
    names = {f"test_{stem}.py", f"test_{name.replace('-', '_')}.py"}
    return [path for path in _sources() if path.rpartition("/")[2] in names]


def about(test_file: str) -> str:
    """The first line of a test file's docstring."""
    return _sources().get(test_file, ("", set()))[0]


def golden_files_of(name: str, component: type) -> list[str]:
    """Test files with authors' numbers that use a component, by its class or by its name in quotes."""
    short = len(name) > 3
    return [
        path
        for path, (_, words) in _sources().items()
        if path.startswith("tests/golden/test_") and (component.__name__ in words or (short and name in words))
    ]


def golden_rows(name: str, component: type) -> Iterator[str]:
    """One line for each test file of authors' numbers that uses a component."""
    for path in golden_files_of(name, component):
        rows = [row for test, row in fidelity().items() if test.partition("::")[0] == path]
        gaps = [row["largest"] for row in rows if row["largest"] is not None]
        seen = f"; {len(rows)} tests, {sum(row['compared'] for row in rows):,} numbers or arrays" if rows else ""
        largest = f"; largest difference {max(gaps):.1g} of the largest value" if gaps else ""
        yield f"{about(path)} (`{path}`){seen}{largest}"

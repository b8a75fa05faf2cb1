"""What was measured and proved: files that commands of the project write, read here and never retyped."""

import ast
import inspect
import json
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
def _sources() -> dict[str, ast.Module]:
    """{test file: its text as a tree}."""
    found = sorted(ROOT.glob("tests/**/test_*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in found}


def tests_of(name: str, component: type) -> list[str]:
    """Test files that are about a component: its own file has its module's name."""
    stem = inspect.getmodule(component).__name__.rpartition(".")[2]  # type: ignore[union-attr]
    names = {f"test_{stem}.py", f"test_{name.replace('-', '_')}.py"}
    return [path for path in _sources() if path.rpartition("/")[2] in names]


def about(test_file: str) -> str:
    """The first line of a test file's docstring."""
    tree = _sources().get(test_file)
    return "" if tree is None else (ast.get_docstring(tree) or "").partition("\n")[0]


def golden_files_of(rule: str) -> list[str]:
    """Test files with authors' numbers whose tests asked a rule for its updates, as they recorded it."""
    rows = fidelity().items()
    found = {test.partition("::")[0] for test, row in rows if rule in row.get("rules", ())}
    return sorted(path for path in found if path.startswith("tests/golden/"))


def golden_rows(name: str) -> Iterator[str]:
    """One line for each test file of authors' numbers that asked a rule for its updates."""
    for path in golden_files_of(name):
        rows = [row for test, row in fidelity().items() if test.partition("::")[0] == path]
        gaps = [row["largest"] for row in rows if row["largest"] is not None]
        seen = f"; {len(rows)} tests, {sum(row['compared'] for row in rows):,} numbers or arrays" if rows else ""
        largest = f"; largest difference {max(gaps):.1g} of the largest value" if gaps else ""
        yield f"{about(path)} (`{path}`){seen}{largest}"

"""Benchmarks are run rarely: what they import from the package must be there all the same."""

from importlib import import_module
from pathlib import Path

import benchmarks


def test_every_benchmark_finds_what_it_imports():
    names = [path.stem for path in Path(benchmarks.__file__).parent.glob("*.py") if path.stem != "__init__"]
    assert names
    for name in names:
        import_module(f"benchmarks.{name}")


def test_what_is_timed_of_the_door_checks_is_there():
    from benchmarks.door_checks import CHECKS

    assert all(callable(getattr(module, name)) for module, name, _ in CHECKS)

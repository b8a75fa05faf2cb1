"""What tests compared, and how far apart it was: written to a file with --fidelity FILE, from which the site is made."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

#: The comparisons of the test that runs: (entries compared, largest difference relative to the largest magnitude).
_SEEN: list[tuple[int, float]] = []
#: Reference files that the test that runs has read.
_READ: list[str] = []
#: Rules that were asked for their updates in the test that runs.
_RULES: set[str] = set()


def compared(found: Any, expected: Any) -> None:
    """Record one comparison, of numbers, arrays, or containers of them."""
    if isinstance(expected, dict):
        for key in expected:
            compared(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        for one, other in zip(found, expected, strict=False):
            compared(one, other)
    else:
        first, second = _numbers(found), _numbers(expected)
        if first is not None and second is not None and first.shape == second.shape and second.size:
            scale = float(np.abs(second).max())
            gap = float(np.abs(first - second).max())
            if np.isfinite(gap):
                _SEEN.append((second.size, gap / scale if scale else gap))


def read(path: Path) -> None:
    """Record that a reference file is read."""
    if path.name not in _READ:
        _READ.append(path.name)


def _numbers(value: Any) -> np.ndarray | None:
    try:
        return np.asarray(value.detach().cpu().double() if isinstance(value, torch.Tensor) else value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


class Ledger:
    """The plugin: what every test that passed compared, by its name."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, {}
        for module, name in ((torch.testing, "assert_close"), (np.testing, "assert_allclose")):
            setattr(module, name, _recording(getattr(module, name)))
        np.testing.assert_array_equal = _recording(np.testing.assert_array_equal)
        from spikelearn.plasticity import RULES

        for kind in {base for name in RULES for base in RULES.get(name).__mro__ if "updates" in vars(base)}:
            kind.updates = _asked(kind.updates)  # type: ignore[attr-defined]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        _SEEN.clear()
        _READ.clear()
        _RULES.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and (_SEEN or _READ):
            self.rows[report.nodeid] = {
                "files": sorted(_READ),
                "rules": sorted(_RULES),
                "compared": sum(entries for entries, _ in _SEEN),
                "largest": max((gap for _, gap in _SEEN), default=None),
            }

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        known = json.loads(self.path.read_text("utf-8")) if self.path.is_file() else {}
        ran = {row.partition("::")[0] for row in self.rows}
        kept = {name: row for name, row in known.items() if name.partition("::")[0] not in ran}
        rows = dict(sorted({**kept, **self.rows}.items()))
        self.path.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items()) + "\n}\n")


def _recording(check: Callable[..., None]) -> Callable[..., None]:
    def checked(found: Any, expected: Any, *given: Any, **options: Any) -> None:
        __tracebackhide__ = True
        check(found, expected, *given, **options)
        compared(found, expected)

    return checked


def _asked(updates: Callable[..., Any]) -> Callable[..., Any]:
    def asked(rule: Any, *given: Any, **options: Any) -> Any:
        _RULES.add(rule.name)
        return updates(rule, *given, **options)

    return asked

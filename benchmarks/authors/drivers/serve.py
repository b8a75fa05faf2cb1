"""What all drivers share: the task from a file, a line in, a line of JSON out."""

import importlib
import json
import sys
import time
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Arrays = Mapping[str, np.ndarray]


class Program(Protocol):
    """A program of the authors' with the weights and the batch of a task."""

    def begin(self) -> None:
        """Put the weights back to where the task has them; not timed."""

    def step(self) -> None:
        """One training step as the program's own script makes it."""

    def compared(self) -> Arrays:
        """{our parameter: what is compared}, from the weights of ``begin``."""


def serve(make: Callable[[dict[str, np.ndarray], dict[str, Any]], Program], version: str) -> None:
    """Answer ``check`` and ``time`` until the lines end.

    The first argument of the command is the program's folder, from which it is imported, the second the task.

    Args:
        make: the program of a task, from its arrays and its settings.
        version: of the library by which the program computes.
    """
    folder, path = sys.argv[1:3]
    sys.path.insert(0, folder)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    program = make(arrays, json.loads(str(arrays.pop("settings"))))
    _answer({"version": version})
    for line in sys.stdin:
        program.begin()
        if line.strip() == "check":
            found = Path(path).with_suffix(".found.npz")
            np.savez(found, **program.compared())
            _answer({"found": str(found)})
            continue
        started, begun = time.perf_counter(), time.process_time()
        program.step()
        _answer({"ms": 1e3 * (time.perf_counter() - started), "processor_ms": 1e3 * (time.process_time() - begun)})


def stand_in(module: str, **parts: Any) -> None:
    """Let ``parts`` be a module that the program imports and that its steps do not use, where it cannot be imported."""
    try:
        importlib.import_module(module)
    except (ImportError, RuntimeError):  # torchvision built for CUDA beside a torch without it
        for name in [name for name in sys.modules if name.split(".")[0] == module.split(".")[0]]:
            del sys.modules[name]
        sys.modules[module] = types.SimpleNamespace(**parts)  # type: ignore[assignment]


def _answer(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)

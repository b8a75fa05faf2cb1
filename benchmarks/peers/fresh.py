"""Questions that only a new process can answer: its peak memory, its first step."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def ask(module: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Any:
    """What ``python -m module arguments`` prints last, read as JSON.

    Raises:
        RuntimeError: it failed; with what it printed last.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"python -m {module} {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])

"""Memory and first steps: a process for every candidate."""

import tempfile
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.compare import Say
from benchmarks.peers.fresh import ask
from benchmarks.peers.one import ENVIRONMENT
from benchmarks.peers.ours import FORMS
from benchmarks.peers.workloads import Workload

#: Those that compile, and may keep what they compiled.
COMPILED = {*FORMS, "spikingjelly-compiled"}


def memory(
    workload: Workload, activity: float, candidates: Sequence[str], threads: int, say: Say = print
) -> list[dict[str, Any]]:
    """Rows with the peak of each candidate's step, MiB."""
    rows = (_asked("memory", workload, activity, name, threads, ENVIRONMENT, say) for name in candidates)
    return [row for row in rows if row]


def first_call(
    workload: Workload, activity: float, candidates: Sequence[str], threads: int, say: Say = print
) -> list[dict[str, Any]]:
    """Rows with the seconds of each candidate's first step; what compiles does so twice: cache empty, then filled."""
    rows = []
    for name in candidates:
        with tempfile.TemporaryDirectory() as folder:
            caches = {"NUMBA_CACHE_DIR": f"{folder}/numba", "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor"}
            for cache in ("empty", "filled") if name in COMPILED else ("none",):
                row = _asked("first", workload, activity, name, threads, caches, say)
                rows += [row | {"cache": cache}] if row else []
    return rows


def _asked(
    what: str,
    workload: Workload,
    activity: float,
    name: str,
    threads: int,
    environment: dict[str, str],
    say: Say,
) -> dict[str, Any] | None:
    """The row of one process; None, and said, where it fails."""
    arguments = [what, workload.name, name, "--activity", str(activity), "--threads", str(threads)]
    arguments += ["--steps", str(workload.steps), "--batch", str(workload.batch)]
    try:
        answer: dict[str, float] = ask("benchmarks.peers.one", arguments, environment)
    except RuntimeError as error:
        say(f"  {name} on {workload.name} is left out: {str(error).strip().splitlines()[-1]}")
        return None
    say(f"  {name} on {workload.name}: " + ", ".join(f"{key} {value:.2f}" for key, value in answer.items()))
    return {
        "workload": workload.name,
        "activity": activity,
        "batch": workload.batch,
        "steps": workload.steps,
        "candidate": name,
        "threads": threads,
        **answer,
    }

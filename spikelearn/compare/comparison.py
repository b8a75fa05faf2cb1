"""A comparison: check the rules, run the trials of a plan wherever they are to run, and leave what a report reads."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Console

from spikelearn.compare.conduct import attempt
from spikelearn.compare.engines import Engine, LocalEngine, Outcome
from spikelearn.compare.plan import Plan, Point, plan_text
from spikelearn.compare.progress import Progress
from spikelearn.compare.selfchecks import check_arms
from spikelearn.compare.trial import Trial, TrialFolder, read_object
from spikelearn.files import write_atomically

#: File that one process at a time holds.
LOCK = "compare.lock"

#: Of index.json; another number is not read.
FORMAT = 1


@dataclass
class Compared:
    """How a comparison ended.

    Args:
        folder: where everything lies.
        finished, failed: numbers of trials; those that had ended before count as finished.
        left_out: {arm: why it was not run}.
        failures: {trial: why it failed}.
    """

    folder: Path
    finished: int = 0
    failed: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)


def compare(
    plan: Plan,
    out: Path,
    *,
    engine: Engine | None = None,
    console: Console | None = None,
    command: str = "",
    retry: bool = True,
    everywhere: Mapping[str, Any] | None = None,
) -> Compared:
    """Run all trials of ``plan`` that have not ended in ``out``, and write down what became of them.

    Args:
        plan: what is compared.
        out: folder of the comparison; with an earlier one in it, finished trials are kept and the others gone on with.
        engine: where trials run; None: one after another in a process of this machine.
        console: where progress goes; None: nowhere.
        command: what the report names as the command that made it.
        retry: whether trials that failed before are tried again.
        everywhere: settings that change no result, such as ``device`` and ``data_root``.

    Raises:
        ValueError: settings that cannot be used, a folder that is another thing or in use, no arm that passes its
            checks.
        Interrupted: asked to stop; all that was running has its checkpoint.
    """
    points = plan.points(**(everywhere or {}))
    out = out.resolve()
    with _claimed(out):
        left_out = check_arms([point.trial for point in points if point.axis is None and point.seed == plan.seeds[0]])
        kept = [point for point in points if point.arm not in left_out]
        if not kept:
            reasons = set(left_out.values())
            said = reasons if len(reasons) == 1 else [f"{arm}: {reason}" for arm, reason in left_out.items()]
            raise ValueError(f"no arm passes its checks: {'; '.join(said)}")
        write_atomically(out / "plan.toml", plan_text(plan).encode())
        engine = engine or LocalEngine()
        _write_index(out, plan, kept, left_out, command, engine)
        compared = Compared(out, left_out=left_out)
        _run(kept, out / "trials", engine, console, retry, compared)
    return compared


def _run(
    points: Sequence[Point], root: Path, engine: Engine, console: Console | None, retry: bool, compared: Compared
) -> None:
    trials = {point.trial.id: point.trial for point in points}
    waiting: list[Trial] = []
    for name, trial in trials.items():
        folder = TrialFolder(root / name)
        failure = None if retry else folder.read_failure()
        if folder.read() is not None:
            compared.finished += 1
        elif failure is not None:
            compared.failures[name] = failure
        else:
            waiting.append(trial)
    with Progress(points, root, console or Console(quiet=True), compared.failures) as progress:
        work = partial(attempt, root=root)
        try:
            with closing(engine.run(waiting, work, root=root, started=progress.started)) as outcomes:
                for outcome in outcomes:
                    progress.ended(outcome)
                    _count(outcome, compared)
        finally:
            compared.failed = len(compared.failures)
            content = json.dumps(compared.failures, indent=1) + "\n"
            write_atomically(root.parent / "failures.json", content.encode())


def _count(outcome: Outcome, compared: Compared) -> None:
    if outcome.failure is None:
        compared.finished += 1
    else:
        compared.failures[outcome.trial.id] = outcome.failure


def _write_index(
    out: Path, plan: Plan, points: Sequence[Point], left_out: Mapping[str, str], command: str, engine: Engine
) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    index = {
        "format": FORMAT,
        "title": plan.title,
        "question": plan.question,
        "reference": plan.against,
        "command": command,
        "points": [{**point._asdict(), "trial": point.trial.id} for point in points],
        "after": plan.after,
        "left_out": [{"arm": arm, "reason": reason} for arm, reason in left_out.items()],
        "arms": {
            arm: {"rule": plan.arms.get(arm, {}).get("rule", arm), **plan.arms.get(arm, {})} for arm in plan.rules
        },
        "engine": repr(engine),
        "started": read_object(out / "index.json").get("started", now),
    }
    write_atomically(out / "index.json", (json.dumps(index, indent=1) + "\n").encode())


@contextmanager
def _claimed(out: Path) -> Iterator[None]:
    """Inside, the folder is this comparison's."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file, expected the folder of a comparison: name another one with --out")
    held = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if held - {LOCK} and not (out / "plan.toml").is_file() and not (out / "trials").is_dir():
        raise ValueError(f"{out} holds something else than a comparison: name another folder with --out")
    new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ValueError(f"{out} is in use by another comparison: wait for it, or name another folder") from error
    try:
        yield
    finally:
        if new and [path.name for path in out.iterdir()] == [LOCK]:  # nothing was begun, so nothing is left
            (out / LOCK).unlink()
            out.rmdir()
        lock.release()

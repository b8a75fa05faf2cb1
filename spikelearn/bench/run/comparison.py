"""A comparison: check the rules, run the trials of a plan wherever they are to run, and leave what a report reads."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Console

from spikelearn.bench.plan.plan import Plan, Point
from spikelearn.bench.plan.reading import plan_values
from spikelearn.bench.plan.trial import Trial
from spikelearn.bench.run.engines import Engine, LocalEngine, Outcome
from spikelearn.bench.run.index import INDEX, Index, LeftOut, Place, is_index, told_before, write_index
from spikelearn.bench.run.ordinary import ordinary_network, record_names, run_ordinary
from spikelearn.bench.run.progress import Progress
from spikelearn.bench.run.run_trial import attempt
from spikelearn.bench.run.selfchecks import check_arms, unproven_arms
from spikelearn.bench.run.trial_folder import TrialFolder
from spikelearn.documents import is_untouched, write_json, write_toml

#: File that one process at a time holds, and that of the plan, as it was checked.
LOCK, PLAN = "compare.lock", "plan.toml"


@dataclass
class Compared:
    """How a comparison ended.

    Args:
        folder: where everything lies.
        finished, failed: numbers of trials; those that had ended before count as finished.
        left_out: {arm: why it was not run}.
        failures: {trial: why it failed}.
        notes: {arm: what was not checked of it}.
    """

    folder: Path
    finished: int = 0
    failed: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


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

    All trials compute with one number of threads, whatever their number at a time, and keep it when a comparison is
    gone on with: that of ``engine``, else of the plan's ``common`` settings, else what the engine has by default.

    Raises:
        ValueError: settings that cannot be used, a folder that is another thing or in use, no arm that passes its
            checks.
        Interrupted: asked to stop; all that was running has its checkpoint.
    """
    out = out.resolve()
    engine = engine or LocalEngine()
    engine.threads = _threads(plan, out, engine)
    points = plan.points(**(everywhere or {}), threads=engine.threads)
    ordinary, search = plan.ordinary(**(everywhere or {}), threads=engine.threads), bool(plan.tuned)
    for settings in ordinary:
        ordinary_network(settings.net, settings.sample_shape())
    with _claimed(out):
        _check_kept(out, {point.trial.id for point in points})
        first = [point.trial for point in points if point.axis is None and point.seed == plan.seeds[0]]
        left_out = check_arms(first)
        notes = {arm: note for arm, note in unproven_arms(first).items() if arm not in left_out}
        kept = [point for point in points if point.arm not in left_out]
        if not kept:
            reasons = set(left_out.values())
            said = reasons if len(reasons) == 1 else [f"{arm}: {reason}" for arm, reason in left_out.items()]
            raise ValueError(f"no arm passes its checks: {'; '.join(said)}")
        write_toml(out / PLAN, plan_values(plan))
        compared = Compared(out, left_out=left_out, notes=notes)
        write_index(out, _index(out, plan, kept, compared, command, engine, record_names(ordinary, search)))
        if console is not None:
            console.print("\n".join([*(f"left out {arm}: {why}" for arm, why in left_out.items()), *searches_of(kept)]))
        run_ordinary(ordinary, out, console, search=search)
        _run(kept, out / "trials", engine, console, retry, compared)
    return compared


def searches_of(points: Sequence[Point]) -> list[str]:
    """Where the settings of every arm on every data set were found, a line each, the arms without a search together."""
    searches = {(point.arm, point.data): point.trial.tuning for point in points if point.axis is None}
    lines = []
    for (arm, data), search in searches.items():
        if search:
            count = search.get("epochs")
            epochs = f" of {count} epoch{'' if count == 1 else 's'}" if count else ""
            on = ", ".join(str(search[name]) for name in ("data", "net") if search.get(name))
            told = f"found in {search.get('trials', '?')} trials{epochs} on {on}, {search['file']}"
            lines.append(f"tuned   {arm} on {data}: {told}")
    rest = ", ".join(f"{arm} on {data}" for (arm, data), search in searches.items() if not search)
    without = [f"untuned {rest}"] if rest else []
    return [*lines, *without, *(["        --untuned leaves out what tuning found"] if lines else [])]


def _threads(plan: Plan, out: Path, engine: Engine) -> int:
    """Threads of every trial.

    Raises:
        ValueError: not those with which the comparison in ``out`` began.
    """
    asked = engine.threads or plan.common.get("threads")
    began = told_before(out, "threads")
    if not isinstance(began, int):
        return asked or engine.threads_by_default
    if asked not in (None, began):
        raise ValueError(
            f"threads is {asked}, but the comparison in {out} began with {began}, and by another number results are "
            f"not the same to the byte: take {began}, or name another folder with --out"
        )
    return began


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
            write_json(root.parent / "failures.json", compared.failures)


def _count(outcome: Outcome, compared: Compared) -> None:
    if outcome.failure is None:
        compared.finished += 1
    else:
        compared.failures[outcome.trial.id] = outcome.failure


def _index(
    out: Path, plan: Plan, points: Sequence[Point], compared: Compared, command: str, engine: Engine, records: list[str]
) -> Index:
    """The index of the comparison, begun when an earlier one in the folder began."""
    began = told_before(out, "started")
    return Index(
        title=plan.title,
        question=plan.question,
        reference=plan.against,
        command=command,
        points=[Place(**{**point._asdict(), "trial": point.trial.id}) for point in points],
        after={axis: list(conditions) for axis, conditions in plan.after.items()},
        left_out=[LeftOut(arm=arm, reason=reason) for arm, reason in compared.left_out.items()],
        notes=dict(compared.notes),
        arms={arm: {"rule": plan.arms.get(arm, {}).get("rule", arm), **plan.arms.get(arm, {})} for arm in plan.rules},
        engine=repr(engine),
        ordinary=records,
        threads=engine.threads,
        started=began if isinstance(began, str) else datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _check_kept(out: Path, wanted: set[str]) -> None:
    """Raise ValueError where results are there that would be gone from the report."""
    there = {path.parent.name for path in (out / "trials").glob("*/trial.json")}
    if lost := sorted(there - wanted):
        raise ValueError(
            f"{out} holds results of {len(lost)} trials that this plan does not have (such as {lost[0]}), and that "
            "would be gone from its report: name another folder with --out, or remove them from its folder trials"
        )


def _check_own(out: Path) -> None:
    """Raise ValueError where the folder holds what no comparison has written."""
    held = {path.name for path in out.iterdir() if not path.name.startswith(".")} if out.is_dir() else set()
    if PLAN in held and not is_untouched(out / PLAN):
        raise ValueError(
            f"{out / PLAN} is not as a comparison wrote it: name another folder with --out, or move that file away"
        )
    # One of the two may be damaged or gone: the comparison writes both anew.
    ours = (PLAN in held and bool(held & {INDEX, "trials"})) or is_index(out / INDEX)
    if held - {LOCK, PLAN} and not ours:
        other = min(held - {LOCK, PLAN})
        raise ValueError(f"{out} holds something else than a comparison ({other}): name another folder with --out")


@contextmanager
def _claimed(out: Path) -> Iterator[None]:
    """Inside, the folder is this comparison's."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file, expected the folder of a comparison: name another one with --out")
    _check_own(out)
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

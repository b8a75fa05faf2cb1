"""What runs the trials of a comparison: whoever stops, dies or fails, what has ended is kept."""

import os
import signal
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from spikelearn.bench.plan.trial import Trial
from spikelearn.bench.run.trial_record import TrialRecord
from spikelearn.checks import check_count
from spikelearn.registry import Registry
from spikelearn.threads import said_number
from spikelearn.training import Interrupted, RunFolder
from spikelearn.training.interrupt import stop_on_signals

#: Seconds between two looks at whether a stop was asked for.
LOOK_EVERY = 0.2

#: Seconds that running trials have to write their checkpoints, and after which they are asked again.
GRACE, ASK_EVERY = 30.0, 5.0

#: Seconds for which a trial waits for another process to leave its folder.
BUSY = 600.0


class Outcome(NamedTuple):
    """How a trial ended.

    Args:
        trial: which.
        record: what it found; None: it failed.
        failure: "reason" and "kind" of what went wrong; None: nothing.
    """

    trial: Trial
    record: TrialRecord | None
    failure: dict[str, str] | None


#: Runs one trial; it can be sent to another process.
Work = Callable[[Trial], Outcome]

#: The same as a worker does it; None: it was asked to stop.
Task = Callable[[Trial], Outcome | None]


class Attempt(NamedTuple):
    """What came of one attempt at a trial: an outcome, or the reason why none came back."""

    trial: Trial
    outcome: Outcome | None
    reason: str = ""


class Crew(ABC):
    """Workers at their work, each at one trial at a time."""

    @property
    @abstractmethod
    def running(self) -> list[Trial]:
        """Trials that were begun and not collected."""

    @abstractmethod
    def free(self) -> bool:
        """Whether another trial can be begun."""

    @abstractmethod
    def begin(self, trial: Trial) -> None:
        """Give a trial to a worker."""

    @abstractmethod
    def collect(self, seconds: float) -> list[Attempt]:
        """Attempts that ended; waits for one, but no longer than ``seconds``."""

    @abstractmethod
    def ask_to_stop(self) -> None:
        """Have all running trials write their checkpoints and end."""

    @abstractmethod
    def close(self) -> None:
        """End all workers, at once."""


class Engine(ABC):
    """Runs trials on some workers; a trial whose worker is lost is tried again, from its checkpoint.

    Args:
        retries: how often.
        threads: threads of each trial; None: as a comparison says, else ``threads_by_default``.

    Raises:
        ValueError: fewer than 0, or less than one thread.
    """

    def __init__(self, retries: int = 2, threads: int | None = None) -> None:
        check_count("retries", retries, least=0)
        if threads is not None:
            check_count("threads", threads)
        self.retries, self.threads = retries, threads

    @property
    def threads_by_default(self) -> int:
        """Threads of each trial where nothing else is said: OMP_NUM_THREADS, else 1."""
        return said_number(os.environ) or 1

    @abstractmethod
    def crew(self, work: Work, trials: int, root: Path | None) -> Crew:
        """Workers for so many trials."""

    def run(
        self,
        trials: Sequence[Trial],
        work: Work,
        *,
        root: Path | None = None,
        started: Callable[[Trial], None] | None = None,
    ) -> Generator[Outcome, None, None]:
        """Run ``trials``, and yield the outcome of each as it ends, in any order.

        The next trial is begun before an outcome is yielded, so workers do not wait for the caller.

        Args:
            trials: what is to run, begun in this order.
            work: runs one; where it raises, the trial has failed with that reason.
            root: the folder in which each trial has its own, under its id. Where it is given, a trial waits until no
                other process works in its folder, and workers on other machines are checked to see it.
            started: called with each trial that is given to a worker.

        Raises:
            Interrupted: Ctrl-C or termination; every running trial was asked to write its checkpoint, and all workers
                have ended.
        """
        if not trials:  # no cluster is asked for
            return
        waiting, tries = deque(trials), Counter[str]()
        with closing(self.crew(work, len(trials), root)) as crew, stop_on_signals() as request:
            ended: list[Outcome] = []
            while (waiting or crew.running) and not request.asked:
                while waiting and crew.free() and not request.asked:
                    trial = waiting.popleft()
                    if started is not None:
                        started(trial)
                    crew.begin(trial)
                yield from ended
                settled = [self._settled(attempt, waiting, tries) for attempt in crew.collect(LOOK_EVERY)]
                ended = [outcome for outcome in settled if outcome is not None]
            yield from ended
            if waiting or crew.running:
                yield from _stopped(crew)
                raise Interrupted("stopped; what had ended is kept, what was running has its checkpoint")

    def _settled(self, attempt: Attempt, waiting: deque[Trial], tries: Counter[str]) -> Outcome | None:
        """The outcome of an attempt; None where the trial waits to be tried again, behind all others."""
        if attempt.outcome is not None:
            return attempt.outcome
        name = attempt.trial.id
        tries[name] += 1
        if tries[name] <= self.retries:
            waiting.append(attempt.trial)
            return None
        times = f", {tries[name]} times in all" if tries[name] > 1 else ""
        return Outcome(attempt.trial, None, {"reason": f"{attempt.reason}{times}", "kind": "WorkerLost"})


ENGINES = Registry("engine", Engine)


def _stopped(crew: Crew) -> Iterator[Outcome]:
    """Outcomes of the trials that end while all are asked to stop."""
    begun = time.monotonic()
    asked = 0
    while crew.running and (passed := time.monotonic() - begun) < GRACE:
        if passed >= asked * ASK_EVERY:
            crew.ask_to_stop()
            asked += 1
        yield from (attempt.outcome for attempt in crew.collect(LOOK_EVERY) if attempt.outcome is not None)


def attempted(work: Work, root: Path | None, signals: Sequence[signal.Signals], trial: Trial) -> Outcome | None:
    """What a worker does with a trial: ``work``, until it ends or a signal comes; None where one came.

    Training takes signals for itself meanwhile, and writes its checkpoint; elsewhere in a trial they end it at once.
    """
    try:
        with _ended_by(signals):
            if root is not None:
                wait_until_free(root / trial.id)
            return work(trial)
    except KeyboardInterrupt:
        return None
    except Exception as error:  # whatever it is, it belongs to this trial and must not end the others
        return Outcome(trial, None, failure_of(error))


def failure_of(error: BaseException) -> dict[str, str]:
    """The reason and kind of an error, in one line."""
    return {"reason": " ".join(str(error).split()) or type(error).__name__, "kind": type(error).__name__}


def wait_until_free(folder: Path) -> None:
    """Return when no process works in a run's folder, at the latest after ``BUSY`` seconds.

    An attempt that was given up for lost may still be writing its last checkpoint, on a machine out of reach.
    """
    lock = RunFolder(folder).lock
    if lock.exists():
        try:
            with FileLock(lock, timeout=BUSY):
                return
        except Timeout:
            return


@contextmanager
def _ended_by(signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Inside, ``signals`` raise Interrupted; afterwards they do what they did."""

    def end(_number: int, _frame: object) -> None:
        raise Interrupted(f"process {os.getpid()} was asked to stop")

    before = {number: signal.signal(number, end) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

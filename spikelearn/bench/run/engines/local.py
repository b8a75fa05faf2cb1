"""Trials in processes of this machine."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from spikelearn.bench.plan.trial import Trial
from spikelearn.bench.run.engines.base import ENGINES, GRACE, Attempt, Crew, Engine, Outcome, Task, Work, attempted
from spikelearn.checks import check_count
from spikelearn.threads import VARIABLES


@ENGINES.register("local")
class LocalEngine(Engine):
    """Trials in processes of this machine, so that one which crashes takes no other with it.

    Args:
        jobs: trials at a time.
        threads: threads of each; None: as a comparison says, else OMP_NUM_THREADS, else 1.
        retries: how often a trial whose process dies is tried again.

    Raises:
        ValueError: a number below 1, or retries below 0.
    """

    def __init__(self, jobs: int = 1, threads: int | None = None, retries: int = 2) -> None:
        super().__init__(retries, threads)
        check_count("jobs", jobs)
        self.jobs = jobs

    def __repr__(self) -> str:
        return f"{self.jobs} at a time on one machine"

    def crew(self, work: Work, trials: int, root: Path | None) -> Crew:
        task = partial(attempted, work, root, (signal.SIGTERM,))
        return _Processes(task, min(self.jobs, trials), self.threads or self.threads_by_default)


class _Processes(Crew):
    """So many processes, each in a pool of its own: loky ends all workers of a pool when one of them dies."""

    def __init__(self, task: Task, count: int, threads: int) -> None:
        self._task = task
        self._idle = [_Process(threads) for _ in range(count)]
        self._busy: dict[Future[Outcome | None], tuple[_Process, Trial]] = {}

    @property
    def running(self) -> list[Trial]:
        return [trial for _, trial in self._busy.values()]

    def free(self) -> bool:
        return bool(self._idle)

    def begin(self, trial: Trial) -> None:
        process = self._idle.pop()
        self._busy[process.submit(self._task, trial)] = process, trial

    def collect(self, seconds: float) -> list[Attempt]:
        done, _ = wait(self._busy, seconds, FIRST_COMPLETED)
        return [self._ended(future) for future in done]

    def _ended(self, future: Future[Outcome | None]) -> Attempt:
        process, trial = self._busy.pop(future)
        self._idle.append(process)
        error = future.exception()
        if error is None:
            return Attempt(trial, future.result(), "its process was ended from outside")
        return Attempt(trial, None, process.lost(error))

    def ask_to_stop(self) -> None:
        for process, _ in self._busy.values():
            process.ask_to_stop()

    def close(self) -> None:
        for process in [*self._idle, *(process for process, _ in self._busy.values())]:
            process.end()


class _Process:
    """One process, started when there is something to do, and again after it died."""

    def __init__(self, threads: int) -> None:
        self._environment = dict.fromkeys(VARIABLES, str(threads))
        self._pool: Any = None
        self._last: Any = None

    def submit(self, task: Task, trial: Trial) -> Future[Outcome | None]:
        from concurrent.futures.process import BrokenProcessPool

        with _interrupts_held():
            try:
                future = self._opened().submit(task, trial)
            except BrokenProcessPool:  # it died while it had nothing to do
                self.end()
                future = self._opened().submit(task, trial)
        self._last = next(iter(self._pool._processes.values()), None)
        return future

    def _opened(self) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor

        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, env=self._environment, initializer=_begin_worker, initargs=(os.getpid(),)
            )
        return self._pool

    def lost(self, error: BaseException) -> str:
        """Why nothing came back; the next trial gets a new process."""
        code = None if self._last is None else self._last.exitcode
        self.end()
        if code is None:
            return f"its process could not run it ({' '.join(str(error).split())})"
        if code >= 0:
            return f"its process ended with code {code}"
        name = signal.Signals(-code).name
        return f"its process was ended by {name}" + (", perhaps for lack of memory" if name == "SIGKILL" else "")

    def ask_to_stop(self) -> None:
        for process in list(self._pool._processes.values()):
            process.terminate()

    def end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(kill_workers=True)
            self._pool = None


def _begin_worker(parent: int) -> None:
    """Make this process a worker of ``parent``, which it does not outlive."""
    import torch

    # Ctrl-C in a terminal reaches workers too; they wait for the word of their parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    torch.set_flush_denormal(True)  # as the command line does, or one trial would have two results
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    for _ in range(int(GRACE)):  # what runs writes its checkpoint; an idle worker ends at the next signal
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    os._exit(1)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Inside, Ctrl-C waits; processes started inside do not feel it until they say so."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

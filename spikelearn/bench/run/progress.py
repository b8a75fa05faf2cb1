"""What a comparison shows while it runs: a live table on a terminal, a line an event elsewhere."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from spikelearn.bench.plan.plan import Point
from spikelearn.bench.plan.trial import Trial
from spikelearn.bench.run.engines.base import Outcome
from spikelearn.bench.run.trial_folder import TrialFolder
from spikelearn.bench.run.trial_record import TrialRecord
from spikelearn.tasks import ACCURACY

#: Arms that are named among the best.
BEST = 5


class Progress:
    """What runs, how far it is, how many trials are left and for how long, and the best arms so far.

    Trials that had ended before count from the beginning. Folders are looked at once a second, and only on a terminal.

    Args:
        points: all places of the plan.
        root: the folder of the trials' folders.
        console: where to; rich decides whether it is a terminal.
        failed: trials that failed before and are not tried again.
    """

    def __init__(self, points: Sequence[Point], root: Path, console: Console, failed: Iterable[str] = ()) -> None:
        self._root, self._console = root, console
        self._points: dict[str, Point] = {}
        for point in points:
            self._points.setdefault(point.trial.id, point)
        self._several_nets = len({point.net for point in points}) > 1
        self._running: dict[str, float] = {}
        self._most = 1
        self._ended = set(failed)
        self._failed = len(self._ended)
        self._seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._measure = ACCURACY
        self._lock = threading.Lock()
        shown = console.is_terminal and not console.quiet
        options: dict[str, Any] = {"refresh_per_second": 1, "transient": True, "console": console}
        self._live = Live(get_renderable=self.view, **options) if shown else None

    def __enter__(self) -> Self:
        if not self._console.quiet:
            for name in self._points:
                record = TrialFolder(self._root / name).read()
                if record is not None:
                    self._count(name, record)
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def started(self, trial: Trial) -> None:
        """A trial was given to a worker."""
        with self._lock:
            self._running[trial.id] = time.monotonic()
            self._most = max(self._most, len(self._running))
        if not self._live:
            self._say(f"start   {self._label(trial.id)}")

    def ended(self, outcome: Outcome) -> None:
        """A trial has ended, well or not."""
        name = outcome.trial.id
        with self._lock:
            self._running.pop(name, None)
            self._count(name, outcome.record)
        if outcome.record is None:
            reason = (outcome.failure or {}).get("reason", "it left no record")
            self._say(f"failed  {self._label(name)}: {reason}", style="red")
        elif not self._live:
            spent = _span(outcome.record.seconds.total or 0.0)
            value = outcome.record.measure.shown(outcome.record.score)
            self._say(f"done    {self._label(name)}: {value} in {spent}; {self._summary()}")

    def view(self) -> Group:
        """The table as it is now."""
        with self._lock:
            running = dict(self._running)
            lines = [Text(self._summary()), *(Text(line) for line in self._best())]
        table = Table("arm", "data", "axis", "seed", "epoch", "since", box=None, pad_edge=False)
        for name, since in running.items():
            point = self._points[name]
            axis = "" if point.axis is None else _placed(point)
            epoch = f"{_epochs(self._root / name)} of {point.trial.settings.epochs}"
            table.add_row(point.arm, self._data(point), axis, str(point.seed), epoch, _span(time.monotonic() - since))
        return Group(table, *lines)

    def _count(self, name: str, record: TrialRecord | None) -> None:
        point = self._points[name]
        self._ended.add(name)
        if record is None:
            self._failed += 1
            return
        seconds = record.seconds.total
        if not record.resumed and seconds is not None:  # the clock of a trial that was gone on with began anew
            self._seconds[point.arm, point.data].append(seconds)
        if point.axis is None:
            self._measure = record.measure
            self._found[self._data(point)][point.arm].append(record.score)

    def _summary(self) -> str:
        done, left = len(self._ended) - self._failed, len(self._points) - len(self._ended)
        words = f"{done} of {len(self._points)} trials done"
        if self._failed:
            words += f", {self._failed} failed"
        if not left:
            return words
        seconds = self._expected()
        if seconds is None:
            return f"{words}, {left} left"
        end = datetime.now() + timedelta(seconds=seconds)
        clock = end.strftime("%H:%M" if seconds < 72000 else "%d %b %H:%M")
        return f"{words}, {left} left; about {_span(seconds)} more, until {clock}"

    def _expected(self) -> float | None:
        """Seconds until all has ended, by how long trials of the same arm took; None where none has ended yet."""
        every = [seconds for times in self._seconds.values() for seconds in times]
        if not every:
            return None
        means = {place: fmean(times) for place, times in self._seconds.items()}
        now, total = time.monotonic(), 0.0
        for name, point in self._points.items():
            if name not in self._ended:
                usual = means.get((point.arm, point.data), fmean(every))
                total += max(0.0, usual - (now - self._running.get(name, now)))
        return total / self._most

    def _best(self) -> list[str]:
        lines = []
        measure = self._measure
        for data, arms in self._found.items():
            means = [(fmean(found), arm, len(found)) for arm, found in arms.items()]
            means.sort(reverse=measure.higher)
            words = ", ".join(f"{arm} {measure.shown(mean)} ({seeds})" for mean, arm, seeds in means[:BEST])
            lines.append(f"{data}, mean test {measure.words} (trials): {words}")
        return lines

    def _label(self, name: str) -> str:
        point = self._points[name]
        placed = "" if point.axis is None else f", {_placed(point)}"
        return f"{point.arm} on {self._data(point)}{placed}, seed {point.seed}"

    def _data(self, point: Point) -> str:
        return f"{point.data} {point.net}" if self._several_nets else point.data

    def _say(self, words: str, style: str | None = None) -> None:
        self._console.print(Text(words, style=style or ""))


def _placed(point: Point) -> str:
    values = point.value if isinstance(point.value, dict) else {point.axis: point.value}
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _epochs(folder: Path) -> int:
    """Epochs that a trial has ended."""
    try:
        return TrialFolder(folder).metrics.read_bytes().count(b"\n")
    except OSError:
        return 0


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"

"""Displays of a training: a live bar on a terminal, a line an epoch elsewhere."""

from collections.abc import Mapping
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spikelearn.tasks import measure_in
from spikelearn.training.health import Health


class Display(Protocol):
    """The messages that ``fit`` sends."""

    def start(self, epochs: int, batches: int, epoch: int, batch: int) -> None:
        """Training begins, at (epoch, batch); ``batches`` an epoch, 0 where that is not known."""

    def batch(self, epoch: int, batch: int, values: Mapping[str, Any]) -> None:
        """A batch was learned; ``values`` has loss, measure, rates, samples_per_second of the epoch so far."""

    def epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch ended; ``row`` is its metrics, and under "warnings" what the rule says of them.

        "unfitted" says that its readout was fitted behind it alone: what was predicted in it says nothing.
        """

    def stop(self) -> None:
        """Training ended, well or not."""


class Silent:
    """Shows nothing."""

    def start(self, epochs: int, batches: int, epoch: int, batch: int) -> None: ...

    def batch(self, epoch: int, batch: int, values: Mapping[str, Any]) -> None: ...

    def epoch(self, row: Mapping[str, Any]) -> None: ...

    def stop(self) -> None: ...


class ConsoleDisplay:
    """Epoch, batch, loss, the task's measure, firing rate of every block, samples per second and time left.

    Args:
        console: where to, rich decides whether it is a terminal; None: standard error.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
        self.console, self._health = console, Health()
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[values]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def start(self, epochs: int, batches: int, epoch: int, batch: int) -> None:
        self._epochs, self._batches = epochs, batches
        self._progress.start()
        self._task = self._progress.add_task(
            "training",
            total=epochs * batches or None,
            completed=epoch * batches + batch,
            epoch=f"{epoch + 1}/{epochs}",
            values="",
        )

    def batch(self, epoch: int, batch: int, values: Mapping[str, Any]) -> None:
        self._progress.update(
            self._task,
            completed=epoch * self._batches + batch,
            epoch=f"{epoch + 1}/{self._epochs}",
            values=f"batch {batch}/{self._batches or '?'}  {_words(values)}",
        )

    def epoch(self, row: Mapping[str, Any]) -> None:
        self.console.print(f"epoch {row['epoch']}/{self._epochs}  {_words(row)}")
        if not row.get("blank"):  # else it has been said that the data are at fault
            for words in self._health.words(row["rates"]):
                self.console.print(f"  {words}", style="yellow")
        for words in row.get("warnings", ()):
            self.console.print(f"  {words}", style="yellow")

    def stop(self) -> None:
        self._progress.stop()


def _words(values: Mapping[str, Any]) -> str:
    words = []
    if values.get("loss") is not None:
        words.append(f"loss {values['loss']:.4f}")
    measure = measure_in(values)
    unfitted = values.get("unfitted")
    shown = "unknown (the readout is fitted after the epoch)" if unfitted else measure.shown(values[measure.name])
    words.append(f"{measure.words} {shown}")
    for part in ("validation", "test"):
        if values.get(f"{part}_{measure.name}") is not None:
            words.append(f"{part} {measure.shown(values[f'{part}_{measure.name}'])}")
    if values["rates"]:  # a rule of one's own may measure none
        words.append("rates " + " ".join(f"{name} {rate:.3f}" for name, rate in values["rates"].items()))
    words += [f"{name} {value:.3g}" for name, value in values.get("metrics", {}).items()]
    words.append(f"{values['samples_per_second']:.0f} samples/s")
    if "waiting" in values:
        words.append(f"waits {100 * values['waiting']:.1f} % for data")
    return "  ".join(words)

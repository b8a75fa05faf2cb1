"""What a training run shows while it goes: a live bar on a terminal, a line an epoch elsewhere."""

from collections.abc import Mapping
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

#: Firing rate, spikes per step and neuron, below which a block is said to be silent.
SILENT = 1e-3

#: Residual of an iterative solve, relative to its right-hand side, above which it is said to have failed.
UNSETTLED = 0.1


class Display(Protocol):
    """What ``fit`` tells."""

    def start(self, epochs: int, batches: int, epoch: int, batch: int) -> None:
        """Training begins, at (epoch, batch)."""

    def batch(self, epoch: int, batch: int, values: Mapping[str, Any]) -> None:
        """A batch was learned; ``values`` has loss, accuracy, rates, samples_per_second of the epoch so far."""

    def epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch ended; ``row`` is its metrics."""

    def stop(self) -> None:
        """Training ended, well or not."""


class Silent:
    """Shows nothing."""

    def start(self, epochs: int, batches: int, epoch: int, batch: int) -> None: ...

    def batch(self, epoch: int, batch: int, values: Mapping[str, Any]) -> None: ...

    def epoch(self, row: Mapping[str, Any]) -> None: ...

    def stop(self) -> None: ...


class ConsoleDisplay:
    """Epoch, batch, loss, accuracy, firing rate of every block, samples per second and time left.

    Args:
        console: where to, rich decides whether it is a terminal; None: standard error.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
        self.console = console
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
            total=epochs * batches,
            completed=epoch * batches + batch,
            epoch=f"{epoch + 1}/{epochs}",
            values="",
        )

    def batch(self, epoch: int, batch: int, values: Mapping[str, Any]) -> None:
        self._progress.update(
            self._task,
            completed=epoch * self._batches + batch,
            epoch=f"{epoch + 1}/{self._epochs}",
            values=f"batch {batch}/{self._batches}  {_words(values)}",
        )

    def epoch(self, row: Mapping[str, Any]) -> None:
        self.console.print(f"epoch {row['epoch']}/{self._epochs}  {_words(row)}")
        silent = [name for name, rate in row["rates"].items() if rate < SILENT]
        if silent:
            words = f"{', '.join(silent)} hardly fires: raise the decay, the input's gain (r) or the weights"
            self.console.print(f"  {words}", style="yellow")

        if row.get("metrics", {}).get("residual", 0.0) > UNSETTLED:
            words = "the equilibrium's costate has not settled: raise iterations, or bound the feedback"
            self.console.print(f"  {words} (--spectral-feedback)", style="yellow")

    def stop(self) -> None:
        self._progress.stop()


def _words(values: Mapping[str, Any]) -> str:
    words = []
    if values.get("loss") is not None:
        words.append(f"loss {values['loss']:.4f}")
    words.append(f"accuracy {100 * values['accuracy']:.2f} %")
    if values.get("validation_accuracy") is not None:
        words.append(f"validation {100 * values['validation_accuracy']:.2f} %")
    if values.get("test_accuracy") is not None:
        words.append(f"test {100 * values['test_accuracy']:.2f} %")
    words.append("rates " + " ".join(f"{name} {rate:.3f}" for name, rate in values["rates"].items()))
    words += [f"{name} {value:.3g}" for name, value in values.get("metrics", {}).items()]
    words.append(f"{values['samples_per_second']:.0f} samples/s")
    return "  ".join(words)

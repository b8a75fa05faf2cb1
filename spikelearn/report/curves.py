"""Learning curves of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikelearn.report.style import COLOURS, clean, save


def draw_curves(metrics: Sequence[dict[str, Any]], path: Path, test_accuracy: float | None = None) -> Path:
    """Accuracy, loss and firing rates by epoch.

    Raises:
        ValueError: no epoch yet.
    """
    if not metrics:
        raise ValueError("the run has no metrics yet: let it finish an epoch")
    epochs = [row["epoch"] for row in metrics]
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    accuracy, loss, rates = figure.subplots(1, 3)
    accuracy.plot(epochs, [100 * row["accuracy"] for row in metrics], "o-", color=COLOURS[0], label="training")
    if metrics[0].get("validation_accuracy") is not None:
        held = [100 * row["validation_accuracy"] for row in metrics]
        accuracy.plot(epochs, held, "s-", color=COLOURS[1], label="validation")
    if metrics[0].get("test_accuracy") is not None:
        accuracy.plot(epochs, [100 * row["test_accuracy"] for row in metrics], "^-", color=COLOURS[2], label="test")
    if test_accuracy is not None:
        label = f"test, at the end: {100 * test_accuracy:.2f} %"
        accuracy.axhline(100 * test_accuracy, color="grey", linestyle="--", linewidth=1, label=label)
    accuracy.set_ylabel("accuracy (%)")
    accuracy.legend(fontsize=8, frameon=False)
    if metrics[0].get("loss") is not None:
        loss.plot(epochs, [row["loss"] for row in metrics], "o-", color=COLOURS[0])
        loss.set_ylabel("training loss")
    else:
        loss.text(0.5, 0.5, "this rule descends no loss", ha="center", va="center", transform=loss.transAxes)
    for number, name in enumerate(metrics[0]["rates"]):
        series = [row["rates"][name] for row in metrics]
        rates.plot(epochs, series, "o-", color=COLOURS[number % len(COLOURS)], label=name)
    rates.set_ylabel("spikes per step and neuron")
    rates.set_ylim(bottom=0)
    rates.legend(fontsize=8, frameon=False)
    for axis in (accuracy, loss, rates):
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        clean(axis)
    return save(figure, path)

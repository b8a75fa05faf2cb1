"""Learning curves of a run."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikelearn.draw.style import COLOURS, clean
from spikelearn.tasks import measure_in


def curves(metrics: Sequence[Mapping[str, Any]], tested: float | None = None) -> Figure:
    """The task's measure (such as accuracy), loss and firing rates by epoch.

    Args:
        metrics: a row for every epoch, as ``RunFolder(path).read_metrics()`` returns them.
        tested: the measure of the trained network on the test samples, an accuracy in [0, 1]; None: no line.

    Raises:
        ValueError: no epoch yet.
    """
    if not metrics:
        raise ValueError("the run has no metrics yet: let it finish an epoch")
    epochs = [row["epoch"] for row in metrics]
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    measured, loss, rates = figure.subplots(1, 3)
    measure = measure_in(metrics[0])
    series = ((measure.name, "training", "o-"), (f"validation_{measure.name}", "validation", "s-"))
    for number, (key, label, style) in enumerate((*series, (f"test_{measure.name}", "test", "^-"))):
        if metrics[0].get(key) is not None:
            values = [measure.scale * row[key] for row in metrics]
            measured.plot(epochs, values, style, color=COLOURS[number], label=label)
    if tested is not None:
        label = f"test, at the end: {measure.shown(tested)}"
        measured.axhline(measure.scale * tested, color="grey", linestyle="--", linewidth=1, label=label)
    measured.set_ylabel(measure.words + (f" ({measure.unit})" if measure.unit else ""))
    measured.legend(fontsize=8, frameon=False)
    if metrics[0].get("loss") is not None:
        loss.plot(epochs, [row["loss"] for row in metrics], "o-", color=COLOURS[0])
        loss.set_ylabel("training loss")
    else:
        loss.text(0.5, 0.5, "this rule descends no loss", ha="center", va="center", transform=loss.transAxes)
    for number, name in enumerate(metrics[0]["rates"]):
        of_block = [row["rates"][name] for row in metrics]
        rates.plot(epochs, of_block, "o-", color=COLOURS[number % len(COLOURS)], label=name)
    rates.set_ylabel("spikes per step and neuron")
    rates.set_ylim(bottom=0)
    if metrics[0]["rates"]:
        rates.legend(fontsize=8, frameon=False)
    else:
        rates.text(0.5, 0.5, "this rule measures no rates", ha="center", va="center", transform=rates.transAxes)
    for axis in (measured, loss, rates):
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        clean(axis)
    return figure

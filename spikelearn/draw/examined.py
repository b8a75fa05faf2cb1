"""What a doctor looked at: activity over a presentation, and what each batch changed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikelearn.draw.style import COLOURS, as_array, clean


def examined(
    activity: Mapping[str, Sequence[float]],
    changes: Sequence[Mapping[str, float]],
    errors: Sequence[Mapping[str, float]],
    losses: Sequence[float | None],
) -> Figure:
    """Four panels: share of neurons that fire at every step, changes and errors of the weights, and the loss, by batch.

    Args:
        activity: {block: share of its neurons that fired, at every step}.
        changes: of every batch, {weight: |change| / |weight|}.
        errors: of every batch, {weight: root mean square of the wished change}.
        losses: of every batch; None: the rule descends none.
    """
    figure = Figure(figsize=(10, 6), layout="constrained")
    axes = figure.subplots(2, 2)
    for number, (name, shares) in enumerate(activity.items()):
        axes[0, 0].plot(as_array(shares), label=name, color=COLOURS[number % len(COLOURS)])
    axes[0, 0].set(title="share of neurons that fire", xlabel="time step", ylim=(-0.02, 1.02))
    _by_batch(axes[0, 1], changes, "change of the weights, share of their length")
    _by_batch(axes[1, 0], errors, "errors: wished change, root mean square")
    axes[1, 1].plot(np.arange(1, len(losses) + 1), [np.nan if x is None else x for x in losses], "o-", color=COLOURS[0])
    axes[1, 1].set(title="loss" if any(x is not None for x in losses) else "the rule descends no loss", xlabel="batch")
    for axis in axes.flat:
        clean(axis)
        axis.title.set_fontsize(10)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=7, frameon=False)
    return figure


def _by_batch(axis: Axes, rows: Sequence[Mapping[str, float]], title: str) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    for number, name in enumerate(names):
        values = [row.get(name) or np.nan for row in rows]
        short = name.removeprefix("blocks.").removesuffix(".weight")
        axis.plot(np.arange(1, len(rows) + 1), values, "o-", label=short, color=COLOURS[number % len(COLOURS)])
    if names:
        axis.set_yscale("log")
    axis.set(title=title, xlabel="batch")

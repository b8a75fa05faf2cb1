"""Spike raster of one sample."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikelearn.draw.activity_of import record_of, step_of
from spikelearn.draw.style import COLOURS, clean, is_spike_train, of_sample, times
from spikelearn.network import Network


def raster(
    record: Network | Mapping[str, Any],
    inputs: Any = None,
    *,
    sample: int = 0,
    dt: float | None = None,
    title: str = "",
) -> Figure:
    """A dot for every spike, a panel for the input and every block; levels of grey for what is no spike train.

    Args:
        record: what ``network.run`` returned first, {block: activity with ``spikes`` [T, B, ...]}; or a network, which
            is run on ``inputs``.
        inputs: what the network was run on, [T, B, ...]; None: no panel.
        sample: which of the samples.
        dt: time step, seconds; None: that of the network, else the axis counts steps.
        title: what stands above.

    Raises:
        ValueError: no record, a sample that it does not have.
    """
    blocks, dt = record_of(record, inputs), step_of(record, dt)
    panels = {} if inputs is None else {"input": of_sample("inputs", inputs, sample)}
    panels |= {name: of_sample(name, seen.spikes, sample) for name, seen in blocks.items()}
    heights = [min(max(values.shape[1], 20), 200) ** 0.5 for values in panels.values()]
    figure = Figure(figsize=(8, 1.2 + 0.22 * sum(heights)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    when, step, label = times(len(next(iter(panels.values()))), dt)
    colours = iter(COLOURS * len(panels))
    for axis, (name, values) in zip(axes, panels.items(), strict=True):
        is_input = name == "input" and inputs is not None
        if not np.isin(values, (0, 1)).all() if is_input else not is_spike_train(values):
            _levels(axis, "input current" if is_input else name, values, (-step / 2, when[-1] + step / 2))
        else:
            _spikes(axis, name, values, when, "black" if name == "input" else next(colours))
        clean(axis)
    axes[0].set_title(title, loc="left", fontsize=10)
    axes[-1].set_xlabel(label)
    axes[-1].set_xlim(-step / 2, when[-1] + step / 2)
    return figure


def _levels(axis: Axes, words: str, values: np.ndarray, ends: tuple[float, float]) -> None:
    axis.imshow(
        values.T, aspect="auto", cmap="Greys", interpolation="nearest",
        extent=(*ends, values.shape[1] - 0.5, -0.5),
    )  # fmt: skip
    axis.set_ylabel(words, rotation=0, ha="right", va="center", labelpad=10)


def _spikes(axis: Axes, name: str, values: np.ndarray, when: np.ndarray, colour: str) -> None:
    neurons = values.shape[1]
    step, which = np.nonzero(values)
    size = max(2.0, min(30.0, 900 / neurons))
    axis.scatter(when[step], which, s=size, marker="|", color=colour, linewidths=1.2)
    axis.set_ylim(neurons - 0.5, -0.5)
    words = f"{name}\n{values.mean():.3f} per step\nand neuron"
    axis.set_ylabel(words, rotation=0, ha="right", va="center", labelpad=10)

"""Spike raster of one recorded sample."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from spikelearn.report.recording import Recording
from spikelearn.report.style import COLOURS, clean, save


def draw_raster(recording: Recording, path: Path, sample: int = 0) -> Path:
    """A dot for every spike, a panel for the input and every block, time in milliseconds."""
    panels = {"input": recording.inputs[:, sample], **{name: s[:, sample] for name, s in recording.spikes.items()}}
    heights = [min(max(values.shape[1], 20), 200) ** 0.5 for values in panels.values()]
    figure = Figure(figsize=(8, 1.2 + 0.22 * sum(heights)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    step = 1e3 * recording.dt
    for number, (name, values) in enumerate(panels.items()):
        axis, neurons = axes[number], values.shape[1]
        if name == "input" and not np.isin(values, (0, 1)).all():
            axis.imshow(
                values.T, aspect="auto", cmap="Greys", interpolation="nearest",
                extent=(-step / 2, recording.times[-1] + step / 2, neurons - 0.5, -0.5),
            )  # fmt: skip
            axis.set_ylabel("input current", rotation=0, ha="right", va="center", labelpad=10)
        else:
            when, which = np.nonzero(values)
            axis.scatter(
                recording.times[when], which, s=max(2.0, min(30.0, 900 / neurons)), marker="|",
                color="black" if name == "input" else COLOURS[(number - 1) % len(COLOURS)], linewidths=1.2,
            )  # fmt: skip
            axis.set_ylim(neurons - 0.5, -0.5)
            axis.set_ylabel(
                f"{name}\n{values.mean():.3f} per step\nand neuron", rotation=0, ha="right", va="center", labelpad=10
            )
        clean(axis)
    axes[0].set_title(recording.caption(sample), loc="left", fontsize=10)
    axes[-1].set_xlabel(recording.time_label)
    axes[-1].set_xlim(-step / 2, recording.times[-1] + step / 2)
    return save(figure, path)

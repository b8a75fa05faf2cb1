"""Membrane traces of one recorded sample."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from spikelearn.report.recording import Recording
from spikelearn.report.style import COLOURS, clean, save

TRACES = 5


def draw_membranes(recording: Recording, path: Path, sample: int = 0) -> Path:
    """Potential before reset, of neurons from the most to the least active; threshold dashed, spikes as dots."""
    figure = Figure(figsize=(8, 0.8 + 1.9 * len(recording.v)), layout="constrained")
    axes = figure.subplots(len(recording.v), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (name, potentials) in zip(axes, recording.v.items(), strict=True):
        v, spikes = potentials[:, sample], recording.spikes[name][:, sample]
        order = np.argsort(-spikes.sum(0, dtype=int), kind="stable")
        chosen = order[np.linspace(0, len(order) - 1, min(TRACES, len(order))).astype(int)]
        for number, neuron in enumerate(chosen):
            colour = COLOURS[number % len(COLOURS)]
            axis.plot(recording.times, v[:, neuron], color=colour, linewidth=1.2, label=f"neuron {neuron}")
            fired = spikes[:, neuron] > 0
            axis.plot(recording.times[fired], v[fired, neuron], "o", color=colour, markersize=4)
        if np.isfinite(recording.threshold[name]):
            axis.axhline(recording.threshold[name], color="grey", linestyle="--", linewidth=1)
        axis.set_ylabel(f"{name}\nv", rotation=0, ha="right", va="center", labelpad=10)
        axis.legend(fontsize=7, ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        clean(axis)
    axes[0].set_title(
        f"{recording.caption(sample)}   (v before reset; dashed: threshold, dots: spikes)", loc="left", fontsize=10
    )
    axes[-1].set_xlabel(recording.time_label)
    return save(figure, path)

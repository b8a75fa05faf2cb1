"""Membrane traces of one sample."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikelearn.checks import check_count
from spikelearn.draw.activity_of import record_of
from spikelearn.draw.style import COLOURS, clean, is_spike_train, of_sample, times
from spikelearn.network import Network
from spikelearn.neurons.parts.constants import number_or


def membranes(
    record: Network | Mapping[str, Any],
    inputs: Any = None,
    *,
    sample: int = 0,
    thresholds: Network | Mapping[str, float] | None = None,
    dt: float | None = None,
    title: str = "",
    traces: int = 5,
) -> Figure:
    """Potential before reset, of neurons from the most to the least active; threshold dashed, spikes as dots.

    Args:
        record: what ``network.run`` returned first, {block: activity with ``spikes`` and ``v`` [T, B, ...]}; or a
            network, which is run on ``inputs`` and whose thresholds are drawn.
        inputs: what a network is run on, [T, B, ...].
        sample: which of the samples.
        thresholds: the network that ran, or {block: threshold}; None: none is drawn, as where each
            neuron has its own.
        dt: time step, seconds; None: that of the network, else the axis counts steps.
        title: what stands above.
        traces: neurons of each block.

    Raises:
        ValueError: no record, a sample that it does not have.
    """
    check_count("traces", traces)
    thresholds = record if thresholds is None and isinstance(record, Network) else thresholds
    blocks = record_of(record, inputs)
    if isinstance(thresholds, Network):
        neurons = {name: block.neuron for name, block in thresholds.blocks.items()}
        dt = next(iter(neurons.values())).dt if dt is None else dt
        thresholds = {name: number_or(neuron.v_threshold, np.inf) for name, neuron in neurons.items()}
    figure = Figure(figsize=(8, 0.8 + 1.9 * len(blocks)), layout="constrained")
    axes = figure.subplots(len(blocks), 1, sharex=True, squeeze=False)[:, 0]
    label = ""
    for axis, (name, seen) in zip(axes, blocks.items(), strict=True):
        v, spikes = of_sample(name, seen.v, sample), of_sample(name, seen.spikes, sample)
        when, _, label = times(len(v), dt)
        _traces(axis, v, spikes, when, traces)
        threshold = (thresholds or {}).get(name, np.inf)
        if np.isfinite(threshold):
            axis.axhline(threshold, color="grey", linestyle="--", linewidth=1)
        axis.set_ylabel(f"{name}\nv", rotation=0, ha="right", va="center", labelpad=10)
        axis.legend(fontsize=7, ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        clean(axis)
    words = "v before reset; dashed: threshold, dots: spikes" if thresholds else "v before reset; dots: spikes"
    axes[0].set_title(f"{title}\n({words})" if title else words, loc="left", fontsize=10)
    axes[-1].set_xlabel(label)
    return figure


def _traces(axis: Axes, v: np.ndarray, spikes: np.ndarray, when: np.ndarray, traces: int) -> None:
    order = np.argsort(-spikes.sum(0, dtype=int), kind="stable")
    order = order[np.isfinite(v[:, order]).any(0)]  # of a recording, those whose potential was kept
    chosen = order[np.linspace(0, len(order) - 1, min(traces, len(order))).astype(int)]
    dotted = is_spike_train(spikes)
    for number, neuron in enumerate(chosen):
        colour = COLOURS[number % len(COLOURS)]
        kept = np.isfinite(v[:, neuron])
        axis.plot(when[kept], v[kept, neuron], color=colour, linewidth=1.2, label=f"neuron {neuron}")
        fired = (spikes[:, neuron] > 0) & dotted & kept
        axis.plot(when[fired], v[fired, neuron], "o", color=colour, markersize=4)

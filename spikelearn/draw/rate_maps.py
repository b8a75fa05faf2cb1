"""Firing rates of neurons: as maps, and how they and the intervals between spikes are spread."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikelearn.draw.activity_of import record_of, step_of
from spikelearn.draw.style import COLOURS, clean, of_sample, side_by_side
from spikelearn.network import Network

#: Neurons up to which a block without a shape of its own is drawn as bars.
BARS = 40


def rates(
    record: Network | Mapping[str, Any],
    inputs: Any = None,
    *,
    sample: int = 0,
    dt: float | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    title: str = "",
) -> Figure:
    """The mean rate of every neuron, an image for each block: of maps by place, of others row after row, or as bars.

    Args:
        record: what ``network.run`` returned first; or a network, which is run on ``inputs``.
        inputs: what it was run on, [T, B, ...], drawn as well; None: not.
        sample: which of the samples.
        dt: time step, seconds; None: that of the network, else rates are per step.
        shapes: {block: (H, W) or (C, H, W)}; of others that of the record, or nearly a square.
        title: what stands above.

    Raises:
        ValueError: no record, a sample that it does not have, a shape of another size.
    """
    blocks, dt = record_of(record, inputs), step_of(record, dt)
    panels = {"input": inputs} if inputs is not None else {}
    panels |= {name: seen.spikes for name, seen in blocks.items()}
    figure = Figure(figsize=(1.0 + 3.4 * len(panels), 3.4), layout="constrained")
    unit = "spikes per step" if dt is None else "Hz"
    for axis, (name, values) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        mean = of_sample(name, values, sample).mean(0, dtype=float) / (dt or 1.0)
        image = _image(name, mean, (shapes or {}).get(name, tuple(values.shape[2:])))
        if image is None:
            axis.bar(np.arange(len(mean)), mean, color=COLOURS[0])
            axis.set(xlabel="neuron", ylabel=unit)
            clean(axis)
        else:
            drawn = axis.imshow(image, cmap="viridis", vmin=0, interpolation="nearest")
            figure.colorbar(drawn, ax=axis, label=unit, shrink=0.8)
            axis.set_xticks([])
            axis.set_yticks([])
        axis.set_title(f"{name}: {mean.mean():.3g} {unit}", fontsize=10)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _image(name: str, mean: np.ndarray, shape: Sequence[int]) -> np.ndarray | None:
    """The rates in their places, maps side by side; NaN where there is no neuron. None: as bars."""
    if math.prod(shape) != len(mean):
        raise ValueError(f"{name} has {len(mean)} neurons, but shape {list(shape)} has {math.prod(shape)}")
    if len(shape) == 1:
        if len(mean) <= BARS:
            return None
        width = math.ceil(math.sqrt(len(mean)))
        filled = np.full(width * math.ceil(len(mean) / width), np.nan)
        filled[: len(mean)] = mean
        return filled.reshape(-1, width)
    return side_by_side(mean.reshape(-1, *shape[-2:]))


def histograms(
    record: Network | Mapping[str, Any],
    inputs: Any = None,
    *,
    sample: int = 0,
    dt: float | None = None,
    title: str = "",
) -> Figure:
    """How rates, and intervals between two spikes of a neuron, are spread, a row for each block.

    Args:
        record, inputs, sample, dt, title: as in ``rates``.

    Raises:
        ValueError: as ``rates``.
    """
    blocks, dt = record_of(record, inputs), step_of(record, dt)
    figure = Figure(figsize=(8, 0.6 + 2.1 * len(blocks)), layout="constrained")
    for row, (name, seen) in zip(figure.subplots(len(blocks), 2, squeeze=False), blocks.items(), strict=True):
        spikes = of_sample(name, seen.spikes, sample)
        colour = COLOURS[list(blocks).index(name) % len(COLOURS)]
        unit = "rate (spikes per step)" if dt is None else "rate (Hz)"
        _bars(row[0], spikes.mean(0, dtype=float) / (dt or 1.0), unit, "neurons", colour)
        intervals, unit = _intervals(spikes), "interval (steps)"
        if dt is not None:
            intervals, unit = 1e3 * dt * intervals, "interval (ms)"
        _bars(row[1], intervals, unit, "intervals", colour)
        spread = f"{intervals.std() / intervals.mean():.2f}" if len(intervals) > 1 else "unknown"
        row[0].set_title(name, loc="left", fontsize=10)
        row[1].set_title(f"coefficient of variation {spread}", loc="left", fontsize=10)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _bars(axis: Axes, values: np.ndarray, words: str, counted: str, colour: str) -> None:
    axis.set(xlabel=words, ylabel=counted)
    if len(values):
        axis.hist(values, bins=min(40, max(5, len(np.unique(values)))), color=colour)
    else:
        axis.text(0.5, 0.5, "none", ha="center", va="center", transform=axis.transAxes)
    clean(axis)


def _intervals(spikes: np.ndarray) -> np.ndarray:
    """Steps between two spikes of each neuron, of [T, n]."""
    neuron, step = np.nonzero(spikes.T)
    return np.diff(step)[np.diff(neuron) == 0].astype(float)

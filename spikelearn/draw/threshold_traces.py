"""Thresholds that move, over time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from spikelearn.draw.style import COLOURS, clean, of_sample, times
from spikelearn.network import Network


def thresholds(
    source: Network | Mapping[str, tuple[Any, Any]],
    inputs: Any = None,
    *,
    sample: int = 0,
    traces: int = 5,
    dt: float | None = None,
    title: str = "",
) -> Figure:
    """The thresholds of neurons, from those that moved most to least, and the mean of all of a block in black.

    Args:
        source: a network, which is run on ``inputs`` step by step; or {block: (steps [N], thresholds [N, B, n])} of a
            recording.
        inputs: what it is run on, [T, B, ...].
        sample: which of the samples.
        traces: neurons of each block.
        dt: time step, seconds; None: that of the network, else the axis counts steps.
        title: what stands above.

    Raises:
        ValueError: a network without inputs, or of whose neurons no threshold moves.
    """
    if isinstance(source, Network):
        dt = next(iter(source.blocks.values())).neuron.dt if dt is None else dt
        source = _followed(source, inputs)
    if not source:
        raise ValueError("no threshold moves: use neurons whose do, for example adaptive-lif or homeostatic-lif")
    figure = Figure(figsize=(8, 0.8 + 2.2 * len(source)), layout="constrained")
    label = ""
    axes = figure.subplots(len(source), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (name, (steps, values)) in zip(axes, source.items(), strict=True):
        one = of_sample(name, values, sample)
        _, step, label = times(1, dt)
        when = np.asarray(steps) * step
        order = np.argsort(-(one.max(0) - one.min(0)), kind="stable")
        chosen = order[np.linspace(0, len(order) - 1, min(traces, len(order))).astype(int)]
        for number, neuron in enumerate(chosen):
            colour = COLOURS[number % len(COLOURS)]
            axis.plot(when, one[:, neuron], color=colour, linewidth=1.1, label=f"neuron {neuron}")
        axis.plot(when, one.mean(1), color="black", linewidth=1.6, label="mean")
        axis.set_ylabel(f"{name}\nthreshold", rotation=0, ha="right", va="center", labelpad=10)
        axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        clean(axis)
    axes[0].set_title(title, loc="left", fontsize=10)
    axes[-1].set_xlabel(label)
    return figure


@torch.no_grad()
def _followed(network: Network, inputs: Any) -> dict[str, tuple[Any, Any]]:
    """{block: steps and thresholds} of a network that is run."""
    if inputs is None:
        raise ValueError("a network was given without inputs, expected what it is run on, [T, B, ...], beside it")
    followed: dict[str, list[torch.Tensor]] = {}
    inputs = torch.as_tensor(inputs)
    for _, state in network.stream(inputs):
        for name, block in network.blocks.items():
            rise = block.neuron.threshold_rise(state.neurons[name])
            if rise is not None:
                followed.setdefault(name, []).append(block.neuron.v_threshold + rise)
    return {name: (np.arange(len(inputs)), torch.stack(values)) for name, values in followed.items()}

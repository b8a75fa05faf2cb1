"""One look for all pictures, and what they read of a record."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikelearn.checks import check_count, check_positive
from spikelearn.files import replacing

#: Colours that stay apart for colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, atomically."""
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary, dpi=120, facecolor="white")
    return Path(path)


def side_by_side(images: np.ndarray) -> np.ndarray:
    """Images [N, H, W] as one, in rows of about as many as there are rows, NaN between them."""
    columns = math.ceil(math.sqrt(len(images)))
    rows, (high, wide) = math.ceil(len(images) / columns), images.shape[1:]
    whole = np.full((rows * (high + 1) - 1, columns * (wide + 1) - 1), np.nan)
    for number, image in enumerate(images):
        top, left = number // columns * (high + 1), number % columns * (wide + 1)
        whole[top : top + high, left : left + wide] = image
    return whole


def clean(axes: Axes) -> None:
    """Leave out the frame's top and right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def of_sample(name: str, values: Any, sample: int) -> np.ndarray:
    """One sample of a record [T, B, ...], its neurons in a row: [T, n].

    Raises:
        ValueError: no record over time and samples, a sample that it does not have.
    """
    array = as_array(values)
    if array.ndim < 2 or not array.size:
        raise ValueError(
            f"{name} has shape {list(array.shape)}, expected [T, B, ...] with T time steps and B samples, as "
            "network.run returns"
        )
    check_count("sample", sample, least=0)
    if sample >= array.shape[1]:
        raise ValueError(f"sample is {sample}, expected 0 to {array.shape[1] - 1}: {name} holds {array.shape[1]}")
    return array[:, sample].reshape(len(array), -1)


def as_array(values: Any) -> np.ndarray:
    """The values as numpy's, of a type that it knows."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = values.float() if values.dtype in (torch.bfloat16, torch.float16) else values
    return np.asarray(values)


def is_spike_train(values: np.ndarray) -> bool:
    """Tell whether there is one value at most besides 0; a mask's factor makes a spike another number than 1."""
    sent = values[values != 0]
    return not sent.size or bool((sent == sent[0]).all())


def times(steps: int, dt: float | None) -> tuple[np.ndarray, float, str]:
    """The time of every step, the length of one, and the label of the axis: milliseconds where ``dt`` (s) is known."""
    if dt is None:
        return np.arange(steps, dtype=float), 1.0, "time step"
    check_positive("dt", dt, "s")
    step = 1e3 * dt
    return step * np.arange(steps), step, f"simulated time (ms), {step:g} ms a step"


def blocks_of(record: Any) -> Mapping[str, Any]:
    """The record's blocks; raises ValueError where there is none."""
    if not isinstance(record, Mapping) or not record or not all(hasattr(seen, "spikes") for seen in record.values()):
        raise ValueError("record holds no activity of blocks, expected the first of what network.run(inputs) returns")
    return record

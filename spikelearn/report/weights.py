"""The first layer's weights as images."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from spikelearn.report.style import save

SHOWN = 64


def draw_first_weights(weights: Mapping[str, Tensor], first: str, shape: Sequence[int], path: Path) -> Path:
    """One small image for each of the first neurons or filters, zero in white, one scale for all.

    Args:
        weights: the run's weights by name.
        first: name of the first block.
        shape: (C, H, W) of the input; of two channels (ON and OFF events) the difference is shown, of more the mean.
        path: where the PNG goes.

    Raises:
        ValueError: no first weight that can be shown.
    """
    found = next((w for name, w in weights.items() if name.startswith(f"blocks.{first}.") and w.ndim in (2, 4)), None)
    if found is None:
        raise ValueError(f"block {first!r} has no dense or convolutional weight to show")
    values = found.float().numpy()
    images = values.reshape(len(values), *shape) if values.ndim == 2 else values
    images = images[:, 1] - images[:, 0] if images.shape[1] == 2 else images.mean(1)
    images = images[:SHOWN]
    columns = min(len(images), 16 if len(images) > 16 else 8)
    rows = math.ceil(len(images) / columns)
    figure = Figure(figsize=(0.62 * columns + 1.0, 0.62 * rows + 0.7), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    limit = float(np.quantile(np.abs(images), 0.995)) or 1.0
    for axis in axes:
        axis.axis("off")
    for axis, image in zip(axes, images, strict=False):
        drawn = axis.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    figure.colorbar(drawn, ax=list(axes), label="weight", shrink=0.9)
    of = "filters" if values.ndim == 4 else "neurons"
    figure.suptitle(f"first layer: {len(images)} of {len(values)} {of}", fontsize=10)
    return save(figure, path)

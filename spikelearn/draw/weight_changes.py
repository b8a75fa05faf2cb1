"""Weights before and after, how they are spread, and receptive fields as they form."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from spikelearn.draw.receptive_fields import image_shape, limit_of
from spikelearn.draw.style import COLOURS, clean, side_by_side
from spikelearn.network import Network
from spikelearn.network.block_weights import chosen_weights, tensors_of

#: Receptive fields that are shown, of the first neurons.
FIELDS = 25

#: Pixels of the edge of a moving picture, at least.
EDGE = 320

Weights = Network | Mapping[str, Tensor]


def changes(
    before: Weights, after: Weights, block: str | None = None, *, shape: Sequence[int] | None = None, title: str = ""
) -> Figure:
    """The weights of a block before and after, and their change: images of the first neurons, or matrices.

    Args:
        before, after: networks, or their weights by name (``network.state_dict()``).
        block: which; None: the first that has weights.
        shape: of one sample of the block's input, as in ``weights``; None: that of the network's input, for its first
            block.
        title: what stands above.

    Raises:
        ValueError: an unknown block, or one without weights; weights of another shape.
    """
    (name, old), (_, new) = (chosen_weights(tensors_of(weights), block) for weights in (before, after))
    if old.shape != new.shape:
        raise ValueError(f"weights of {name} have shape {list(old.shape)} before and {list(new.shape)} after")
    tensors = tensors_of(before)
    first = next((key.split(".")[1] for key in tensors if key.startswith("blocks.")), None)
    if shape is None and isinstance(before, Network) and name == first:
        shape = before.input_shape
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    limits = [max(limit_of(old), limit_of(new))] * 2 + [limit_of(new - old)]
    panels = {"before": old, "after": new, "change": new - old}
    for axis, limit, (words, values) in zip(figure.subplots(1, 3), limits, panels.items(), strict=True):
        fields = mosaic(values, shape)
        drawn = axis.imshow(
            values.reshape(len(values), -1) if fields is None else fields, cmap="RdBu_r", vmin=-limit, vmax=limit,
            interpolation="nearest", aspect="auto" if fields is None else "equal",
        )  # fmt: skip
        figure.colorbar(drawn, ax=axis, shrink=0.8)
        axis.set_title(words, fontsize=10)
        if fields is None:
            axis.set(xlabel="input", ylabel="neuron")
        else:
            axis.axis("off")
    size = np.abs(new - old).mean()
    figure.suptitle(title or f"{name}: mean change {size:.3g} of weights of {np.abs(old).mean():.3g}", fontsize=10)
    return figure


def weight_histograms(network: Weights, before: Weights | None = None, *, title: str = "") -> Figure:
    """How the weights of every edge are spread; with ``before`` also how they were.

    Args:
        network: a network, or its weights by name.
        before: the same at an earlier time; None: it is not drawn.
        title: what stands above.

    Raises:
        ValueError: no weights.
    """
    now = {name: value for name, value in _tensors(network).items() if name.endswith("weight") and value.numel() > 1}
    if not now:
        raise ValueError("the network has no weights to show")
    old = {} if before is None else _tensors(before)
    columns = min(3, len(now))
    rows = math.ceil(len(now) / columns)
    figure = Figure(figsize=(0.6 + 3.4 * columns, 0.6 + 2.3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(now) :]:
        axis.axis("off")
    for axis, (name, value) in zip(axes, now.items(), strict=False):
        values = value.detach().cpu().double().numpy().ravel()
        earlier = old[name].detach().cpu().double().numpy().ravel() if name in old else values
        edges = np.histogram_bin_edges(np.concatenate([values, earlier]), 50)
        if name in old:
            axis.hist(earlier, edges, color="lightgrey", label="before")
        axis.hist(values, edges, histtype="step", color=COLOURS[0], linewidth=1.3, label="now")
        axis.set_title(name.removeprefix("blocks.").removesuffix(".weight"), loc="left", fontsize=9)
        axis.set(xlabel="weight", ylabel="connections")
        clean(axis)
    if old:
        axes[0].legend(fontsize=8, frameon=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def forming(weights: np.ndarray, shape: Sequence[int] | None = None, *, seconds: float = 0.12) -> bytes:
    """Receptive fields as they form, as a GIF: the first neurons side by side; red above 0, blue below, 0 white.

    Args:
        weights: at every frame, [N, out, in]; of filters [N, out, in, ...], whose mean over the inputs is shown.
        shape: of one sample, (H, W) or (C, H, W); None: nearly a square where the input is one, else a row.
        seconds: how long each frame is shown.

    Raises:
        ValueError: no frames.
    """
    from matplotlib import colormaps
    from PIL import Image

    if weights.ndim < 3 or not weights.size:
        raise ValueError(f"weights have shape {list(weights.shape)}, expected [frames, neurons, inputs]")
    if weights.ndim > 3:
        weights, shape = weights.mean(tuple(range(2, weights.ndim - 2))), weights.shape[-2:]
        weights = weights.reshape(*weights.shape[:2], -1)
    side = math.isqrt(weights.shape[2])
    shape = (side, side) if shape is None and side * side == weights.shape[2] else shape
    frames = [mosaic(one, shape) for one in weights]
    shown = [one if fields is None else fields for one, fields in zip(weights, frames, strict=True)]
    limit, colours = limit_of(weights), colormaps["RdBu_r"]
    scale = max(1, EDGE // max(shown[0].shape))
    pictures = []
    for fields in shown:
        values = np.nan_to_num(0.5 + fields / (2 * limit), nan=0.5).clip(0, 1)
        picture = Image.fromarray((255 * colours(values)[..., :3]).astype(np.uint8))
        pictures.append(picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST))
    return animated(pictures, seconds)


def animated(pictures: Sequence[Any], seconds: float) -> bytes:
    """Pictures of one size as a GIF that goes round."""
    import io

    content = io.BytesIO()
    last = [max(1, round(1000 * seconds))] * (len(pictures) - 1) + [1500]
    pictures[0].save(content, "GIF", save_all=True, append_images=pictures[1:], duration=last, loop=0)
    return content.getvalue()


def mosaic(values: np.ndarray, shape: Sequence[int] | None) -> np.ndarray | None:
    """The weights [out, ...] of the first neurons as images side by side; None where they are no images."""
    if values.ndim == 2:
        full = image_shape(values, shape)
        if len(full) == 1:
            return None
        values = values.reshape(len(values), *full)
    images = values.reshape(len(values), -1, *values.shape[-2:])[:FIELDS]
    return side_by_side(images[:, 1] - images[:, 0] if images.shape[1] == 2 else images.mean(1))


def _tensors(weights: Weights) -> Mapping[str, Tensor]:
    return weights.state_dict() if isinstance(weights, Network) else weights

"""Weights of a layer: as images where its input is one, as a matrix where it is a vector."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from spikelearn.network import Network
from spikelearn.network.block_weights import chosen_weights, tensors_of

#: Images that are shown, of the first neurons or filters.
SHOWN = 64


def weights(
    network: Network | Mapping[str, Tensor], block: str | None = None, *, shape: Sequence[int] | None = None
) -> Figure:
    """A small image for each of the first neurons or filters, or all weights as one matrix; zero in white.

    Of two channels (ON and OFF events) the difference is shown, of three the colour, of more the mean. The weights of
    filters along one axis are an image of channels by places.

    Args:
        network: a network, or its weights by name (``network.state_dict()``).
        block: which; None: the first that has weights.
        shape: of one sample of the block's input, (C, H, W) or (H, W): the weights of a dense layer are then shown as
            images; (n): as a matrix. None: that of the network's input, for its first block.

    Raises:
        ValueError: an unknown block, or one without weights.
    """
    tensors = tensors_of(network)
    shown, values = chosen_weights(tensors, block)
    first = next((name.split(".")[1] for name in tensors if name.startswith("blocks.")), None)
    if shape is None and isinstance(network, Network) and shown == first:
        shape = network.input_shape
    dense = values.ndim == 2
    images = values.reshape(len(values), *image_shape(values, shape)) if dense else _planes(values)
    if images is None or images.ndim == 2:
        return _matrix(values, shown)
    return _images(_coloured(images), f"{shown}: {{}} of {len(values)} {'neurons' if dense else 'filters'}")


def image_shape(values: np.ndarray, shape: Sequence[int] | None) -> tuple[int, ...]:
    """(C, H, W) of a dense layer's input; (n,) where it is a vector."""
    size = values.shape[1]
    given = tuple(shape or (size,))
    given = (1, *given) if len(given) == 2 else given
    is_image = len(given) == 3 and min(given[1:]) > 1 and math.prod(given) == size
    return given if is_image else (size,)


def _planes(values: np.ndarray) -> np.ndarray:
    """Filters as [out, C, H, W]."""
    if values.ndim == 3:
        return values[:, None]
    return values.mean(2) if values.ndim == 5 else values


def _coloured(images: np.ndarray) -> np.ndarray:
    """[n, C, H, W] as [n, H, W], or of three channels as colours [n, H, W, 3]."""
    channels = images.shape[1]
    if channels == 3:
        return np.moveaxis(images, 1, -1)
    return images[:, 1] - images[:, 0] if channels == 2 else images.mean(1)


def limit_of(values: np.ndarray) -> float:
    """The end of the colour scale: nearly the largest weight."""
    return float(np.quantile(np.abs(values), 0.995)) or float(np.abs(values).max()) or 1.0


def _images(images: np.ndarray, title: str) -> Figure:
    images = images[:SHOWN]
    columns = min(len(images), 16 if len(images) > 16 else 8)
    rows = math.ceil(len(images) / columns)
    figure = Figure(figsize=(max(0.62 * columns + 1.0, 2.5), 0.62 * rows + 0.7), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    limit, colour = limit_of(images), images.ndim == 4
    for axis in axes:
        axis.axis("off")
    for axis, image in zip(axes, images, strict=False):
        # Colours have no scale of their own: grey is zero.
        drawn = axis.imshow(
            np.clip(0.5 + image / (2 * limit), 0, 1) if colour else image,
            cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest",
        )  # fmt: skip
    if not colour:
        figure.colorbar(drawn, ax=list(axes), label="weight", shrink=0.9)
    grey = f" (grey: 0, full colour: {limit:.2g})" if colour else ""
    figure.suptitle(title.format(len(images)) + grey, fontsize=10)
    return figure


def _matrix(values: np.ndarray, block: str) -> Figure:
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axis = figure.subplots()
    limit = limit_of(values)
    drawn = axis.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest", aspect="auto")
    figure.colorbar(drawn, ax=axis, label="weight")
    for ticked in (axis.xaxis, axis.yaxis):
        ticked.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.set_xlabel("input")
    axis.set_ylabel("neuron")
    axis.set_title(f"{block}: weights of {values.shape[0]} neurons from {values.shape[1]} inputs", fontsize=10)
    return figure

"""Which classes are taken for which."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from spikelearn.draw.style import as_array

#: Classes up to which counts are written into the cells.
WRITTEN = 20


def confusion(targets: Any, predictions: Any = None, *, title: str = "") -> Figure:
    """A row for every class, a column for every prediction; a cell's shade is its share of the row.

    Args:
        targets: class numbers [N]; without ``predictions``, counts [classes, classes] of targets by predictions, as
            ``evaluate(network, loader).confusion``.
        predictions: class numbers [N], or scores [N, classes], whose highest is taken; None: ``targets`` holds counts.
        title: what stands above; "": the accuracy.

    Raises:
        ValueError: no class numbers, two different lengths, counts that are no square.
    """
    counts = _counts(as_array(targets), None if predictions is None else as_array(predictions))
    classes, of_class = len(counts), counts.sum(1, keepdims=True)
    share = counts / np.maximum(of_class, 1)
    side = min(max(3.2, 0.42 * classes + 1.6), 12.0)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axis = figure.subplots()
    drawn = axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(drawn, ax=axis, label="share of the class", shrink=0.8)
    if classes <= WRITTEN:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if share[row, column] > 0.6 else "black"
            axis.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=colour, fontsize=8)
        axis.set_xticks(range(classes))
        axis.set_yticks(range(classes))
    axis.set_xlabel("predicted class")
    axis.set_ylabel("class")
    accuracy = 100 * counts.trace() / max(int(counts.sum()), 1)
    axis.set_title(title or f"{accuracy:.2f} % of {counts.sum()} samples", fontsize=10)
    return figure


def _counts(targets: np.ndarray, predictions: np.ndarray | None) -> np.ndarray:
    if predictions is None:
        if targets.ndim != 2 or targets.shape[0] != targets.shape[1] or not targets.size or (targets < 0).any():
            raise ValueError(
                f"counts have shape {list(targets.shape)}, expected [classes, classes] of 0 or more: give class "
                "numbers as confusion(targets, predictions)"
            )
        return targets.astype(np.int64)
    classes = predictions.shape[1] if predictions.ndim == 2 else 0
    chosen = predictions.argmax(1) if predictions.ndim == 2 else predictions
    for name, values in (("targets", targets), ("predictions", chosen)):
        if values.ndim != 1 or not len(values) or not np.issubdtype(values.dtype, np.integer) or (values < 0).any():
            raise ValueError(
                f"{name} have shape {list(values.shape)} and type {values.dtype}, expected class numbers [N] from 0 on"
            )
    if len(targets) != len(chosen):
        raise ValueError(f"there are {len(targets)} targets and {len(chosen)} predictions, expected one for each")
    classes = max(classes, int(targets.max()) + 1, int(chosen.max()) + 1)
    return np.bincount(targets * classes + chosen, minlength=classes**2).reshape(classes, classes)

"""Only spikes that follow each other immediately."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from spikelearn.plasticity.spike_timing.followed import Place, followed, spread
from spikelearn.plasticity.spike_timing.pairings.base import PAIRINGS, Pairing, Sides


@PAIRINGS.register("nearest-reduced")
class NearestReduced(Pairing):
    r"""A spike makes a pair with the last one of the other side, unless its own side has fired since.

    The traces $x_{ji}$ and $y_{ji}$ tell of the last spike alone, and go back to 0 when the other side fires.

    Shapes: s [B, in], z [B, out], x and y [B, out, in]; pairs [out, in], dimensionless; of K listed connections
        [B, K, 1] and [K, 1].

    Source: Morrison, Diesmann & Gerstner, Biological Cybernetics 98, 2008, section 4.1.2, reduced symmetric.
    """

    places: ClassVar[Mapping[str, Place]] = {"x": "synapse", "y": "synapse"}

    def pairs(self, sides: Sides, traces: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        post, pre = torch.broadcast_tensors(*spread(sides.post, sides.pre, sides.pairs))
        x, with_pre = followed(traces.get("x"), pre, sides.decay_pre, nearest=True)
        y, with_post = followed(traces.get("y"), post, sides.decay_post, nearest=True)
        if sides.coincident:
            x, y = with_pre, with_post
        x_left, y_left = torch.where(post != 0, 0.0, x), torch.where(pre != 0, 0.0, y)
        if not sides.coincident:
            x_left, y_left = torch.where(pre != 0, pre, x_left), torch.where(post != 0, post, y_left)
        traces["x"], traces["y"] = x_left, y_left
        return (post * x).mean(0), (y * pre).mean(0)

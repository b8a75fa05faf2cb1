"""Every presynaptic spike with the last postsynaptic one before it, and the next one behind it."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from spikelearn.plasticity.spike_timing.followed import Place, followed, mean_product, spread
from spikelearn.plasticity.spike_timing.pairings.base import PAIRINGS, Pairing, Sides


@PAIRINGS.register("nearest-presynaptic")
class NearestPresynaptic(Pairing):
    r"""Every presynaptic spike makes a pair with the last postsynaptic one, and with the next.

    The trace $x_{ji}$ of presynaptic spikes that have met no postsynaptic spike yet goes back to 0 when neuron j fires;
    y tells of the last postsynaptic spike alone.

    Shapes: s [B, in], z [B, out], x [B, out, in]; pairs [out, in], dimensionless.

    Source: Morrison, Diesmann & Gerstner, Biological Cybernetics 98, 2008, section 4.1.2, presynaptic centred.
    """

    places: ClassVar[Mapping[str, Place]] = {"x": "synapse", "y": "post"}

    def pairs(self, sides: Sides, traces: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        post, pre = spread(sides.post, sides.pre, sides.pairs)
        spikes = pre.expand(-1, post.shape[1], -1)
        x, with_spikes = followed(traces.get("x"), spikes, sides.decay_pre)
        y, traces["y"] = followed(traces.get("y"), sides.post, sides.decay_post, nearest=True)
        x, y = (with_spikes, traces["y"]) if sides.coincident else (x, y)
        left = torch.where(post != 0, 0.0, x)
        traces["x"] = left if sides.coincident else left + spikes
        return (post * x).mean(0), mean_product(y, sides.pre, sides.pairs)

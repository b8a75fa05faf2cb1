"""Traces that are followed step by step, and the products that they make at a synapse."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from spikelearn.synapses import ConnectionSides
from spikelearn.traces import trace

#: What has a trace: neurons in front, [B, in], or behind, [B, out], synapses, [B, out, in] or [out, in], samples, [B].
Place = Literal["pre", "post", "synapse", "sample"]


def followed(before: Tensor | None, spikes: Tensor, decay: float, *, nearest: bool = False) -> tuple[Tensor, Tensor]:
    r"""A trace without and with the spikes of this step, $\lambda x$ and $\lambda x + s$.

    With ``nearest`` a spike sets it to 1, so that it tells how long ago the last one was.

    Args:
        before: x after the step before, [B, n]; None: 0.
        spikes: s, [B, n].
        decay: $\lambda$ per step.
        nearest: whether only the last spike counts.

    Shapes: both as ``spikes``.
    """
    faded = torch.zeros_like(spikes) if before is None else decay * before
    return faded, torch.where(spikes != 0, spikes, faded) if nearest else faded + spikes


class Pairs(NamedTuple):
    """Which entries of both sides each listed connection joins, int64 [K] each; ``sides``: by entry, for kernels."""

    pre: Tensor
    post: Tensor
    sides: ConnectionSides | None = None


def mean_product(post: Tensor, pre: Tensor, pairs: Pairs | None = None) -> Tensor:
    r"""$\frac1B \sum_b \mathrm{post}_b \otimes \mathrm{pre}_b$, [out, in], of [B, out] and [B, in].

    With ``pairs`` of the listed connections alone, [K, 1].
    """
    if pairs is None:
        return post.t() @ pre / len(pre)
    return (post[:, pairs.post] * pre[:, pairs.pre]).mean(0).unsqueeze(1)


def spread(post: Tensor, pre: Tensor, pairs: Pairs | None = None) -> tuple[Tensor, Tensor]:
    """Both sides as they meet, [B, out, 1] and [B, 1, in], which broadcast; with ``pairs`` [B, K, 1] each."""
    if pairs is None:
        return post.unsqueeze(2), pre.unsqueeze(1)
    return post[:, pairs.post].unsqueeze(2), pre[:, pairs.pre].unsqueeze(2)


def products(post: Tensor, pre: Tensor, pairs: Pairs | None = None) -> Tensor:
    r"""$\mathrm{post}_b \otimes \mathrm{pre}_b$ of every sample, [B, out, in]; with ``pairs`` [B, K, 1]."""
    after, before = spread(post, pre, pairs)
    return after * before


def record_before(record: Tensor, decay: float, *, nearest: bool = False) -> Tensor:
    """The trace of a record as each step finds it, without the step's own spikes, [T, ...]; as ``followed``."""
    if not nearest:
        return torch.cat([torch.zeros_like(record[:1]), decay * trace(record, decay)[:-1]])
    steps, running = [], torch.zeros_like(record[0])
    for spikes in record.unbind(0):
        faded, running = followed(running, spikes, decay, nearest=True)
        steps.append(faded)
    return torch.stack(steps)

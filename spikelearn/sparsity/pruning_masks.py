"""Masks by scores of weights: which stay, so many of all, with a least number in every layer."""

import math
from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_fraction, check_shape
from spikelearn.network import Network, is_synaptic, synaptic_weights
from spikelearn.seeding import generator_for

Method = Literal["global", "uniform"]

#: What a share of a whole number may lack of the next one by rounding.
_ROUNDING = 1e-6


def global_masks(
    network: Network,
    sparsity: float,
    *,
    minimum: float = 0.0,
    method: Method = "global",
    scores: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    r"""Masks of the synaptic weights, True where one stays; $\lfloor s N \rfloor$ of all N weights go, exactly.

    "global": those of the smallest scores of all layers together. "uniform": in every layer the same share. With
    ``minimum`` every layer of at least $m = \lfloor N \cdot \mathrm{minimum} \rfloor$ weights keeps m, a smaller one
    all that it has; the shares of the others, as the method gave them, grow by one common factor until the total is
    right. Where they are used up, what is still missing comes from layers that the method spared, in equal shares.

    Args:
        network: left as it is.
        sparsity: s, share of the weights that go, in [0, 1).
        minimum: share of all weights that every layer keeps at least, in [0, 1]; 0.0005 is the authors'.
        method: "global" or "uniform".
        scores: {parameter: how much each weight counts, of its shape}; None: the magnitudes.

    Shapes: {parameter: bool mask of its shape}.

    Raises:
        ValueError: a share out of range; a sparsity that the minimum does not allow; weights without a score.

    Source: Gupta et al., arXiv 2209.14624 (Global MP and its minimum threshold), the authors' program. deviation: equal
    scores go in a fixed random order, so that counts are exact; the authors' loop, which does not end where
    every layer it may prune is at its minimum, is solved directly.
    """
    check_fraction("sparsity", sparsity, below_one=True)
    check_fraction("minimum", minimum)
    check_choice("method", method, get_args(Method))
    weights = _scored(network, scores)
    sizes = {name: weight.numel() for name, weight in weights.items()}
    total = sum(sizes.values())
    gone = math.floor(sparsity * total + _ROUNDING)
    masks = _without_smallest(weights, gone)
    if method == "global" and minimum == 0.0:
        return masks
    least = math.floor(minimum * total + _ROUNDING)
    if method == "global":
        wished = {name: float((~mask).sum()) for name, mask in masks.items()}
    else:
        wished = {name: sparsity * size for name, size in sizes.items()}
    room = {name: max(size - least, 0) for name, size in sizes.items()}
    if sum(room.values()) < gone:
        raise ValueError(
            f"sparsity {sparsity:g} leaves {total - gone} of {total} weights, too few for a minimum of {least} in each "
            f"of {len(sizes)} layers: lower sparsity or minimum"
        )
    counts = _whole(_shares(wished, room, gone), room, gone)
    return {name: _without_smallest({name: weight}, counts[name])[name] for name, weight in weights.items()}


def sparsity_of(network: Network) -> float:
    """Share of the synaptic weights that are exactly 0."""
    weights = [p for name, p in network.named_parameters() if is_synaptic(name, p)]
    zeros, total = sum(int((p == 0).sum()) for p in weights), sum(p.numel() for p in weights)
    return zeros / total if total else 0.0


def _scored(network: Network, scores: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
    """{parameter: scores of its weights}, in the network's order."""
    weights = {name: p.detach() for name, p in synaptic_weights(network).items()}
    if scores is None:
        return {name: weight.abs() for name, weight in weights.items()}
    for name, weight in weights.items():
        if name not in scores:
            raise ValueError(f"the scores are those of {list(scores)}, expected those of {name} too: score all weights")
        check_shape(f"the scores of {name}", scores[name], weight.shape, "give every weight one")
    return {name: scores[name] for name in weights}


def _without_smallest(scores: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """Masks that leave out the ``count`` smallest of all ``scores`` together."""
    if count == 0:
        return {name: torch.ones_like(score, dtype=torch.bool) for name, score in scores.items()}
    flat = {name: score.flatten() for name, score in scores.items()}
    threshold = torch.cat(list(flat.values())).kthvalue(count).values
    masks = {name: score > threshold for name, score in flat.items()}
    equal = {name: (score == threshold).nonzero().flatten() for name, score in flat.items()}
    total = sum(len(score) for score in flat.values())
    kept = total - count - sum(int(mask.sum()) for mask in masks.values())
    if kept > 0:
        # A fixed order of all places: masks of rising sparsity are nested, and the order of layers does not matter.
        ranks = torch.cat([_rank(name, len(flat[name]))[places.cpu()] for name, places in equal.items()])
        stays = torch.zeros(len(ranks), dtype=torch.bool)
        stays[ranks.topk(kept).indices] = True
        parts = stays.split([len(places) for places in equal.values()])
        for (name, places), part in zip(equal.items(), parts, strict=True):
            masks[name][places] = part.to(masks[name].device)
    return {name: mask.view(scores[name].shape) for name, mask in masks.items()}


def _rank(name: str, count: int) -> Tensor:
    return torch.rand(count, generator=generator_for("equal weights", name), dtype=torch.float64)


def _shares(wished: Mapping[str, float], room: Mapping[str, int], gone: int) -> dict[str, float]:
    """Counts to prune in each layer: ``wished`` times a common factor, at most ``room``, ``gone`` in all."""
    counts = dict.fromkeys(wished, 0.0)
    for open_layers in ([n for n in wished if wished[n] > 0 and room[n]], [n for n in wished if not wished[n]]):
        basis = {name: wished[name] or float(room[name]) for name in open_layers if room[name]}
        while basis and (left := gone - sum(counts.values())) > _ROUNDING:
            factor = left / sum(basis.values())
            full = [name for name in basis if factor * basis[name] >= room[name]]
            for name in full or basis:
                counts[name] = min(factor * basis[name], float(room[name]))
            basis = {name: share for name, share in basis.items() if full and name not in full}
    return counts


def _whole(shares: Mapping[str, float], room: Mapping[str, int], gone: int) -> dict[str, int]:
    """``shares`` as whole numbers that add up to ``gone``, the largest remainders rounded up."""
    counts = {name: min(math.floor(share + _ROUNDING), room[name]) for name, share in shares.items()}
    by_remainder = sorted(counts, key=lambda name: (counts[name] - shares[name], name))
    while (missing := gone - sum(counts.values())) > 0:
        for name in [name for name in by_remainder if counts[name] < room[name]][:missing]:
            counts[name] += 1
    return counts

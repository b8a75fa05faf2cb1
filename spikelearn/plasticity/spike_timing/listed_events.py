"""Changes of listed weights that cost what has spiked, in place of a look at every connection."""

from typing import Any

import torch
from torch import Tensor

from spikelearn.fast_path import is_plain, is_watched
from spikelearn.kernels.calling import array
from spikelearn.plasticity.spike_timing.stepwise import Seen

KNOWN = (torch.float32, torch.float64)


def takes_events(seen: Seen) -> bool:
    """Tell whether ``move_listed`` can change these weights: listed ones, on the CPU, of a single sample."""
    if seen.pairs is None or seen.pairs.sides is None or len(seen.pre) != 1 or is_watched():
        return False
    tensors = (seen.weight, seen.pre, seen.post)
    kind, fits = seen.weight.dtype, seen.weight.is_contiguous()
    same = all(is_plain(tensor) and tensor.dtype == kind and tensor.device.type == "cpu" for tensor in tensors)
    return fits and kind in KNOWN and same


def move_listed(
    seen: Seen,
    x: Tensor,
    up: Tensor,
    down: Tensor,
    *,
    bounds: tuple[float, float],
    factors: tuple[float, float] = (1.0, 1.0),
) -> None:
    r"""$w_{ji} \leftarrow \mathrm{clip}(w_{ji} + f_+\,(u_j\,x_i) + f_-\,(d_j\,s_i))$ where u or s is not 0, in place.

    Elsewhere the change is 0, so that it is the change of every connection, in the same order of operations. The
    weights must be within the bounds before.

    Args:
        seen: the edge at this step, of a single sample; s is ``seen.pre``.
        x: trace of what met the weights, [1, in].
        up, down: u and d, [1, out]; u is 0 where the target did not fire.
        bounds: of the weights.
        factors: $f_+$ and $f_-$.
    """
    from spikelearn.kernels.listed_changes import change_listed

    assert seen.pairs is not None
    assert seen.pairs.sides is not None
    values: list[Any] = [array(tensor.contiguous().view(-1)) for tensor in (seen.pre, x, up, down)]
    values += [*seen.pairs.sides[2:], *map(float, (*factors, *bounds)), array(seen.weight.view(-1))]
    change_listed(*values)

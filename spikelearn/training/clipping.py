"""Clipping the gradients of all parameters together."""

from collections.abc import Callable, Collection

import torch

from spikelearn.checks import check_positive
from spikelearn.network import Network


def clip_norm(largest: float, names: Collection[str] | None = None) -> Callable[[Network], None]:
    r"""A ``before_step`` that scales gradients by $\min(1, \mathrm{largest} / \lVert g \rVert_2)$.

    Args:
        largest: norm of the gradients together, unit of gradient.
        names: of the parameters whose gradients are meant; None: all.

    Raises:
        ValueError: ``largest`` not positive.
    """
    check_positive("clip_norm", largest)

    def clip(network: Network) -> None:
        own = network.parameters() if names is None else map(network.get_parameter, names)
        torch.nn.utils.clip_grad_norm_(own, largest)

    return clip

"""Clipping the gradients of all parameters together."""

from collections.abc import Callable

import torch

from spikelearn.checks import check_positive
from spikelearn.network import Network


def clip_norm(largest: float) -> Callable[[Network], None]:
    r"""A ``before_step`` that scales all gradients by $\min(1, \mathrm{largest} / \lVert g \rVert_2)$.

    Args:
        largest: norm of all gradients together, unit of gradient.

    Raises:
        ValueError: ``largest`` not positive.
    """
    check_positive("clip_norm", largest)

    def clip(network: Network) -> None:
        torch.nn.utils.clip_grad_norm_(network.parameters(), largest)

    return clip

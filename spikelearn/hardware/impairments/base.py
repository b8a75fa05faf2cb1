"""Impairments: changes to a trained network before it is tested."""

import copy
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from spikelearn.checks import check_finite
from spikelearn.network import Network, evaluating, settle_weights
from spikelearn.registry import Registry


class Impairment(ABC):
    """Changes the weights, or the layers, of a network that learns no more."""

    @abstractmethod
    def __call__(self, network: Network, generator: torch.Generator) -> None:
        """Change ``network``; random numbers come from ``generator``, a CPU generator."""


IMPAIRMENTS = Registry("impairment", Impairment)


@torch.no_grad()
def impair(network: Network, text: str, generator: torch.Generator) -> Network:
    """A copy of a trained network that something has befallen; the network itself stays as it is.

    Args:
        network: any network; reparametrised weights become ordinary ones in the copy.
        text: ``name:key=value,key=value``, several joined by ``+`` and applied in order, for example
            ``bits:bits=5+device:d2d=0.1+adc:bits=6``.
        generator: CPU generator of everything random.

    Raises:
        ValueError: an unknown name or option, a value out of range, a network that it cannot befall.
    """
    chosen = IMPAIRMENTS.make_several(text)
    impaired = copy.deepcopy(network)
    with evaluating(impaired):
        settle_weights(impaired)
    for impairment in chosen:
        impairment(impaired, generator)
    return impaired


def normal_like(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)


def check_not_negative(name: str, value: float) -> None:
    check_finite(name, value)
    if value < 0:
        raise ValueError(f"{name} is {value!r}, expected a number of at least 0")

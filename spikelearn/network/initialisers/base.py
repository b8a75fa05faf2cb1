"""Initialisers: weights before training."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spikelearn.network.network import Network
from spikelearn.registry import Registry
from spikelearn.synapses import DelayedLinear, SparseLinear, SpectralGain

WITH_WEIGHTS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, SparseLinear, DelayedLinear)


class Initialiser(ABC):
    """Draws all weights and biases of linear and convolutional layers of a network, in place."""

    #: Whether it sets the neurons' thresholds too: weights mean something else under another initialiser then.
    sets_thresholds: ClassVar[bool] = False
    #: Whether it draws weights one by one, of which a list of connections has some.
    draws_lists: ClassVar[bool] = False

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        """Draw every layer, blocks first; then the vectors and gains of reparametrised ones."""
        with torch.no_grad():
            for module in network.modules():
                if isinstance(module, WITH_WEIGHTS):
                    if isinstance(module, SparseLinear) and not self.draws_lists:
                        raise ValueError(
                            f"initialiser {INITIALISERS.name_of(type(self))!r} draws whole matrices of weights, but "
                            f"{module} has listed connections: take one that draws each by itself, such as uniform"
                        )
                    own = not any(module is part for part in network.readout.modules())
                    self.draw(module, drawn(module), generator) if own else draw_uniform(module, generator)
                    if parametrize.is_parametrized(module):
                        for part in module.modules():
                            if isinstance(part, SpectralGain):
                                part.start(drawn(module), generator)

    @abstractmethod
    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        """Draw ``weight`` (the tensor that is drawn, where it is reparametrised) and the bias of one layer."""


INITIALISERS = Registry("initialiser", Initialiser)


def layers_with_weights(synapse: nn.Module) -> Iterator[nn.Module]:
    return (module for module in synapse.modules() if isinstance(module, WITH_WEIGHTS))


def drawn(module: nn.Module) -> Tensor:
    if parametrize.is_parametrized(module):
        original = module.parametrizations["weight"].original  # type: ignore[union-attr,index]
        assert isinstance(original, Tensor)
        return original
    assert isinstance(module.weight, Tensor)
    return module.weight


def fan_in(module: nn.Module) -> float:
    """Weights that meet one output unit, of a list on average; of a transposed convolution as torch counts, dim 1."""
    return module.fan_in if isinstance(module, SparseLinear) else drawn(module)[0].numel()


def draw_uniform(module: nn.Module, generator: torch.Generator) -> None:
    bound = 1.0 / math.sqrt(fan_in(module))
    for parameter in (drawn(module), module.bias):
        if isinstance(parameter, Tensor):
            parameter.uniform_(-bound, bound, generator=generator)


def zero_bias(module: nn.Module) -> None:
    if isinstance(module.bias, Tensor):
        module.bias.zero_()

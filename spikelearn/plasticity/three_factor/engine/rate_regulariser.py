"""A pull of every neuron's mean firing rate to a target."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from spikelearn.checks import check_flag, check_not_negative
from spikelearn.network import Network


@dataclass(frozen=True)
class RateRegulariser:
    r"""A pull of every hidden neuron's mean firing rate $f_j$ to a target $f^*$.

    $$E_{reg} = \frac{c}{2} \sum_j (f_j - f^*)^2, \qquad
      \frac{\partial E_{reg}}{\partial z_j[t]} = \frac{c\,(f_j - f^*)}{T B}$$

    $f_j$ is the mean over the steps T and the samples B, in spikes per step. Several processes that share a batch take
    the mean over their own samples.

    Args:
        strength: c, unit of the loss; 0: no pull.
        rate: $f^*$, spikes per second.
        half: whether the factor 1/2 stands there; the authors' program for LIF has it, that for ALIF has not.

    Raises:
        ValueError: a negative strength or rate.

    Source: Bellec et al., Nature Communications 11, 2020, and the authors' programs.
    """

    strength: float = 0.0
    rate: float = 10.0
    half: bool = True

    def __post_init__(self) -> None:
        check_not_negative("rate_strength", self.strength)
        check_not_negative("rate_target", self.rate)
        check_flag("rate_half", self.half)

    def errors(self, network: Network, rates: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
        """{block: derivative of E at each of the ``count`` = T B spikes}, of {block: rate, spikes per step}."""
        factor = 2.0 * self._factor / count
        return {name: factor * self._apart(network, name, rate) for name, rate in rates.items()}

    def loss(self, network: Network, rates: Mapping[str, Tensor]) -> Tensor:
        """E, of {block: rate, spikes per step}."""
        parts = [self._factor * self._apart(network, name, rate).square().sum() for name, rate in rates.items()]
        return torch.stack(parts).sum()

    @property
    def _factor(self) -> float:
        return 0.5 * self.strength if self.half else self.strength

    def _apart(self, network: Network, name: str, rate: Tensor) -> Tensor:
        return rate - self.rate * network.blocks[name].neuron.dt

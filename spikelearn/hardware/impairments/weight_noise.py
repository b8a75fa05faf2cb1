"""Noise on weights."""

import torch

from spikelearn.hardware.impairments.base import IMPAIRMENTS, Impairment, check_not_negative, normal_like
from spikelearn.network import Network, synaptic_weights


@IMPAIRMENTS.register("weight-noise")
class WeightNoise(Impairment):
    r"""Normal noise on every synaptic weight, $w + \mathrm{sd}\,\max|w|\,\mathcal N(0, 1)$, the maximum its layer's.

    Args:
        sd: standard deviation, in units of the layer's largest absolute weight.

    Shapes: weights of any shape.

    Raises:
        ValueError: ``sd`` negative.

    Source: standard; Joshi et al., Nature Communications 11, 2020.
    """

    def __init__(self, sd: float) -> None:
        check_not_negative("sd", sd)
        self.sd = sd

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        for weight in synaptic_weights(network).values():
            weight.add_(self.sd * weight.abs().max() * normal_like(weight, generator))

"""Weights of few bits."""

import torch

from spikelearn.hardware.impairments.base import IMPAIRMENTS, Impairment
from spikelearn.hardware.quantise import check_bits, quantised
from spikelearn.network import Network, synaptic_weights


@IMPAIRMENTS.register("bits")
class FewBits(Impairment):
    """Synaptic weights are rounded to a few bits, layer by layer (``quantised``).

    Args:
        bits: bits of a weight, from 2 (three levels) to 24.

    Shapes: weights of any shape.

    Raises:
        ValueError: ``bits`` out of range.

    Source: standard; symmetric uniform quantisation after training, as in Jacob et al., CVPR 2018.
    """

    def __init__(self, bits: int) -> None:
        check_bits(bits)
        self.bits = bits

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        for weight in synaptic_weights(network).values():
            weight.copy_(quantised(weight, self.bits))

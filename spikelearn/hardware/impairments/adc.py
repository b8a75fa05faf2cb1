"""Currents read by converters of few bits."""

import torch

from spikelearn.checks import check_count
from spikelearn.hardware.adc import read_by_converters
from spikelearn.hardware.impairments.base import IMPAIRMENTS, Impairment
from spikelearn.hardware.impairments.bits import FewBits
from spikelearn.hardware.quantise import check_bits
from spikelearn.network import Network


@IMPAIRMENTS.register("adc")
class Converters(Impairment):
    r"""Currents are read from sub-arrays by converters of few bits (``SubArrays``).

    Args:
        bits: of a converter.
        rows: of a sub-array.
        span: share of the sums' range that the converter's levels cover, in (0, 1]; sums beyond are clipped.
        cell_bits: bits of a weight, to which weights are rounded first and which are the converter's finest step;
            None: weights as they are.

    Shapes: as the layers'; linear layers and convolutions.

    Raises:
        ValueError: a value out of range, a layer that sub-arrays cannot hold.

    Source: DNN+NeuroSim V2.1, Peng et al., IEEE TCAD 40, 2021; Wolters et al., MWSCAS 2023.
    """

    def __init__(self, bits: int = 5, rows: int = 128, span: float = 1.0, cell_bits: int | None = None) -> None:
        if cell_bits is not None:
            check_bits(cell_bits)
        check_count("bits", bits)
        check_count("rows", rows)
        self.bits, self.rows, self.span, self.cell_bits = bits, rows, span, cell_bits

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        if self.cell_bits is not None:
            FewBits(self.cell_bits)(network, generator)
        read_by_converters(network, self.bits, self.rows, self.span, self.cell_bits)

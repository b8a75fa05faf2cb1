"""What can befall a trained network before it is tested."""

import copy
import re
from abc import ABC, abstractmethod
from typing import get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_finite, check_fraction, check_positive
from spikelearn.hardware.adc import read_by_converters
from spikelearn.hardware.masks import Method, global_masks
from spikelearn.hardware.quantise import check_bits, quantised
from spikelearn.hardware.weights import settle_weights, synaptic_weights
from spikelearn.network import Network, evaluating
from spikelearn.registry import Registry, parse_component

IMPAIRMENTS: Registry[type["Impairment"]] = Registry("impairment")


class Impairment(ABC):
    """Changes the weights, or the layers, of a network that learns no more."""

    @abstractmethod
    def __call__(self, network: Network, generator: torch.Generator) -> None:
        """Change ``network``; random numbers come from ``generator``, a CPU generator."""


@IMPAIRMENTS.register("prune")
class Prune(Impairment):
    """The smallest synaptic weights become 0 (``global_masks``).

    Args:
        sparsity: share of the weights that go, in [0, 1).
        minimum: share of all weights that every layer keeps at least, in [0, 1].
        method: "global", or "uniform": the same share of every layer.

    Shapes: weights of any shape.

    Raises:
        ValueError: a value out of range; a sparsity that the minimum does not allow.

    Source: Gupta et al., arXiv 2209.14624; after training as in Gupta et al., arXiv 2212.04614.
    """

    def __init__(self, sparsity: float, minimum: float = 0.0, method: Method = "global") -> None:
        check_fraction("sparsity", sparsity, below_one=True)
        check_fraction("minimum", minimum)
        check_choice("method", method, get_args(Method))
        self.sparsity, self.minimum, self.method = sparsity, minimum, method

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        masks = global_masks(network, self.sparsity, minimum=self.minimum, method=self.method)
        for name, mask in masks.items():
            network.get_parameter(name).masked_fill_(~mask, 0.0)


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
        _check_not_negative("sd", sd)
        self.sd = sd

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        for weight in synaptic_weights(network).values():
            weight.add_(self.sd * weight.abs().max() * _normal(weight, generator))


@IMPAIRMENTS.register("device")
class Cells(Impairment):
    r"""Weights are programmed once into cells of imperfect conductance, and may drift.

    With w in units of its layer's largest absolute weight, R = ``on_off`` and $\epsilon, \eta \sim \mathcal N(0, 1)$
    for each cell:

    $$G = \tfrac{1 + w}{2}(1 - \tfrac 1R) + \tfrac 1R, \qquad
      w' = \frac{2}{1 - 1/R}\bigl(G\,(1 + \mathrm{d2d}\,\epsilon)\,t^{-(\nu + \sigma\eta)} - G_{ref}\,t^{-\nu}\bigr)$$

    t = ``seconds``, $\nu$ = ``drift``, $\sigma$ = ``drift_sd``; $G_{ref}$, the conductance of w = 0, is that of a
    reference column.

    Args:
        d2d: device-to-device spread of the conductance, share of it.
        on_off: largest conductance over the lowest, dimensionless, above 1; inf: cells that are off carry nothing.
        drift, drift_sd: exponent of the drift and its spread, dimensionless.
        seconds: time since programming, seconds, at least 1.

    Shapes: weights of any shape.

    Raises:
        ValueError: a value out of range.

    Source: cell noise, on/off ratio, reference column and retention of DNN+NeuroSim V2.1, Peng et al., IEEE TCAD 40,
    2021. deviation: there the reference column does not drift.
    """

    def __init__(
        self, d2d: float = 0.1, on_off: float = 10.0, drift: float = 0.0, drift_sd: float = 0.0, seconds: float = 1.0
    ) -> None:
        for name, value in (("d2d", d2d), ("drift", drift), ("drift_sd", drift_sd)):
            _check_not_negative(name, value)
        if not isinstance(on_off, int | float) or not on_off > 1:
            raise ValueError(f"on_off is {on_off!r}, expected a ratio above 1, or infinity")
        check_positive("seconds", seconds, "s")
        if seconds < 1:
            raise ValueError(f"seconds is {seconds!r}, expected at least 1: drift is counted from the first second")
        self.d2d, self.on_off, self.drift, self.drift_sd, self.seconds = d2d, on_off, drift, drift_sd, seconds

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        off = 1.0 / self.on_off
        reference = ((1.0 - off) / 2 + off) * self.seconds**-self.drift
        for weight in synaptic_weights(network).values():
            largest = weight.abs().max()
            if largest == 0:
                continue
            conductance = (1.0 + weight / largest) / 2 * (1.0 - off) + off
            conductance = conductance * (1.0 + self.d2d * _normal(weight, generator))
            exponent = self.drift + self.drift_sd * _normal(weight, generator)
            left = conductance * self.seconds**-exponent
            weight.copy_(largest * 2.0 / (1.0 - off) * (left - reference))


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
    chosen = impairments_from(text)
    impaired = copy.deepcopy(network)
    with evaluating(impaired):
        settle_weights(impaired)
    for impairment in chosen:
        impairment(impaired, generator)
    return impaired


def impairments_from(text: str) -> list[Impairment]:
    """Impairments as ``impair`` takes them, made but not applied."""
    parsed = [parse_component(part) for part in re.split(r"\+(?=[a-z])", text)]
    return [IMPAIRMENTS.build(name, options) for name, options in parsed]


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)


def _check_not_negative(name: str, value: float) -> None:
    check_finite(name, value)
    if value < 0:
        raise ValueError(f"{name} is {value!r}, expected a number of at least 0")

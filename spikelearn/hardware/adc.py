"""Arrays of memory cells that are read by analogue-to-digital converters."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from spikelearn.checks import check_count, check_fraction, check_positive
from spikelearn.hardware.quantise import MOST_BITS
from spikelearn.network import Network, is_synaptic


class SubArrays(nn.Module):
    r"""A linear or convolutional layer whose sums are formed on sub-arrays of ``rows`` inputs and then converted.

    The inputs of a neuron, a convolution's unrolled, are cut into pieces of ``rows``; each piece's sum y becomes
    $\Delta\,\mathrm{round}(y/\Delta)$, one of $2^{\mathrm{bits}}$ levels, and the pieces are added digitally. A
    sub-array's sums go, for inputs in [0, 1], from $y_-$, its lowest sum of negative weights, to $y_+$, its highest of
    positive ones; then

    $$\Delta = \max\Bigl(\mathrm{unit},\ \mathrm{span}\,\frac{y_+ - y_-}{2^{\mathrm{bits}} - 1}\Bigr)$$

    which is lossless for whole multiples of ``unit`` where $2^{\mathrm{bits}}$ exceeds their range. Negative inputs are
    applied in a pass of their own, and inputs above 1 with a reference of their sample's largest. Biases are digital.
    Derivatives do not pass.

    Args:
        layer: ``nn.Linear``, or a convolution that is not transposed.
        bits: of a converter.
        rows: of a sub-array.
        span: share of the sums' range that the levels cover, in (0, 1]; sums beyond are clipped.
        unit: smallest step between weights; 0: none.

    Shapes: as the layer's.

    Raises:
        ValueError: a value out of range, another kind of layer.

    Source: DNN+NeuroSim V2.1, Peng et al., IEEE TCAD 40, 2021. deviation: levels follow from the weights alone; there
    they follow from the sums of the batch that is presented.
    """

    def __init__(self, layer: nn.Module, bits: int, rows: int = 128, *, span: float = 1.0, unit: float = 0.0) -> None:
        super().__init__()
        check_count("bits", bits)
        if bits > MOST_BITS:
            raise ValueError(f"bits is {bits}, expected at most {MOST_BITS}")
        check_count("rows", rows)
        check_positive("span", span)
        check_fraction("span", span)
        if not is_array_layer(layer):
            raise ValueError(f"a converter reads linear and convolutional layers, not {type(layer).__name__}")
        self.layer, self.bits, self.rows = layer, bits, rows
        self.steps: list[tuple[float, int]] = []
        for piece in self._weight().detach().flatten(1).split(rows, dim=1):
            low, high = float(piece.clamp(max=0).sum(1).min()), float(piece.clamp(min=0).sum(1).max())
            step = max(unit, span * (high - low) / (2**bits - 1))
            self.steps.append((step, round(span * low / step) if step else 0))

    def forward(self, x: Tensor) -> Tensor:
        current = self._read(x.clamp(min=0.0))
        if bool((x < 0).any()):
            current = current - self._read(x.clamp(max=0.0).neg())
        bias = self.layer.bias
        assert bias is None or isinstance(bias, Tensor)
        return current if bias is None else current + bias.view(-1, *[1] * (current.ndim - 2))

    def _read(self, x: Tensor) -> Tensor:
        reference = x.flatten(1).amax(1).clamp(min=1.0).view(-1, *[1] * (x.ndim - 1))
        x = x / reference
        total = torch.zeros((), dtype=x.dtype, device=x.device)
        for number, (step, lowest) in enumerate(self.steps):
            if step:
                levels = (self._piece(x, number) / step).round()
                total = total + step * levels.clamp(lowest, lowest + 2**self.bits - 1)
        return total * reference if total.ndim else self._piece(x, 0)

    def _piece(self, x: Tensor, number: int) -> Tensor:
        """The sums of one sub-array."""
        weight, layer = self._weight(), self.layer
        piece = slice(number * self.rows, (number + 1) * self.rows)
        if isinstance(layer, nn.Linear):
            return F.linear(x[..., piece], weight[:, piece])
        assert isinstance(layer, _ConvNd)
        part = torch.zeros_like(weight).flatten(1)
        part[:, piece] = weight.flatten(1)[:, piece]
        current: Tensor = layer._conv_forward(x, part.view_as(weight), None)
        return current

    def _weight(self) -> Tensor:
        weight = self.layer.weight
        assert isinstance(weight, Tensor)
        return weight


def is_array_layer(module: nn.Module) -> bool:
    """Tell whether sub-arrays can hold the weights of a module."""
    return isinstance(module, nn.Linear | _ConvNd) and not isinstance(module, _ConvTransposeNd)


def read_by_converters(network: Network, bits: int, rows: int, span: float, unit_bits: int | None) -> None:
    """Put every synapse and linear readout of ``network`` on sub-arrays; the weights' unit follows from ``unit_bits``.

    Raises:
        ValueError: a layer with weights that sub-arrays cannot hold.
    """
    layers = {name: module for name, module in network.named_modules() if is_array_layer(module)}
    for name, parameter in network.named_parameters():
        if is_synaptic(name, parameter) and name.rpartition(".")[0] not in layers:
            kind = type(network.get_submodule(name.rpartition(".")[0])).__name__
            raise ValueError(f"{name} belongs to a {kind}, which converters cannot read: use linear or convolution")
    for name, layer in layers.items():
        parent, _, child = name.rpartition(".")
        largest = float(layer.weight.detach().abs().max())
        unit = largest / (2 ** (unit_bits - 1) - 1) if unit_bits else 0.0
        setattr(network.get_submodule(parent), child, SubArrays(layer, bits, rows, span=span, unit=unit))

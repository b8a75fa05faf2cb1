"""A constant factor on what a synapse is given."""

from torch import Tensor, nn

from spikelearn.checks import check_finite


class Scale(nn.Module):
    r"""A constant factor, $y = k\,x$: what neurons without batch norm send is scaled so that currents keep their size.

    Args:
        factor: k, dimensionless.

    Shapes: any, kept.

    Source: Xiao et al., NeurIPS 2022 (k = 2.74 behind every neuron, with ``WeightStandardisation``).
    """

    def __init__(self, factor: float) -> None:
        super().__init__()
        check_finite("factor", factor)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x

    def extra_repr(self) -> str:
        return f"{self.factor:g}"

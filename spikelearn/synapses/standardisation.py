"""Weights of mean 0 and a variance that follows from the fan-in, in place of batch norm."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

#: Keeps constant weights from a division by 0; in units of the fan-in times the variance.
EPSILON = 1e-4


class WeightStandardisation(nn.Module):
    r"""Reparametrisation $W_i = g_i\,(R_i - \bar R_i) / \sqrt{n\,\mathrm{var}(R_i) + \epsilon}$ of each output unit i.

    n is the fan-in, the variance is unbiased, $\epsilon$ = 1e-4. It depends on no sample, so that it can stand where
    batch norm cannot: in networks that learn step by step.

    Args:
        weight: R, the weight as it is drawn.

    Shapes: R and W alike, [out, ...]; ``gain`` g, learnable, [out, 1, ...], at first 1.

    Raises:
        ValueError: a single weight an output unit, which has no variance.

    Source: Qiao, Wang, Liu, Shen & Yuille, arXiv 1903.10520; with a gain: Brock, De & Smith, ICLR 2021, as in the
    programs of OTTT and S-TLLR.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        if weight[0].numel() < 2:
            raise ValueError(
                f"weights of shape {list(weight.shape)} cannot be standardised, expected at least two an output unit: "
                "leave out the standardisation there"
            )
        self.gain = nn.Parameter(weight.new_ones(len(weight), *[1] * (weight.ndim - 1)))

    def forward(self, weight: Tensor) -> Tensor:
        rows = weight.flatten(1)
        variance, mean = torch.var_mean(rows, 1, keepdim=True)
        scaled = (rows - mean) / (variance * rows.shape[1] + EPSILON).sqrt()
        return self.gain * scaled.view_as(weight)


def standardised(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    """The layer, its weight reparametrised by ``WeightStandardisation``."""
    parametrize.register_parametrization(layer, "weight", WeightStandardisation(layer.weight))
    return layer


def standardise(synapse: nn.Module) -> None:
    """Put a ``WeightStandardisation`` on the weight of every dense and convolutional layer inside.

    Raises:
        ValueError: a transposed convolution, whose weights are not kept by output unit.
    """
    for layer in list(synapse.modules()):
        if isinstance(layer, nn.ConvTranspose2d):
            raise ValueError(
                f"{' '.join(repr(layer).split())} cannot be standardised, for its weights are kept by input unit: "
                "use feedback to an image of the same size, or leave out the standardisation"
            )
        if isinstance(layer, nn.Linear | nn.Conv2d):
            standardised(layer)

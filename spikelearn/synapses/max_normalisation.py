"""Weights of mean 0 and a largest one of about 1, by numbers that are taken for constants."""

from torch import Tensor, nn
from torch.nn.utils import parametrize


class MaxNormalisation(nn.Module):
    r"""Reparametrisation $W_i = (R_i - \bar R_i) / (\max R - \bar R)$ of each output unit i.

    The maximum and the mean in the denominator are those of all units together. Means and maximum are held fixed where
    it is differentiated: a gradient in W, divided by the denominator, is that in R.

    Shapes: R and W alike, [out, ...].

    Raises:
        ValueError: weights that are all the same.

    Source: Apolinario, Roy & Frenkel, IJCNN 2025, the authors' program (TESS).
    """

    def forward(self, weight: Tensor) -> Tensor:
        fixed = weight.detach()
        means = fixed.flatten(1).mean(1).view(-1, *[1] * (weight.ndim - 1))
        spread = fixed.max() - fixed.mean()
        if not float(spread) > 0.0:
            raise ValueError(
                f"weights of shape {list(weight.shape)} are all {float(fixed.flatten()[0]):g}, and none is the "
                "largest: draw them at random"
            )
        return (weight - means) / spread


def max_normalised(layer: nn.Module) -> nn.Module:
    """The layer, its weight reparametrised by ``MaxNormalisation``."""
    parametrize.register_parametrization(layer, "weight", MaxNormalisation())
    return layer

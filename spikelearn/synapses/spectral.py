"""Feedback weights of bounded gain: a learnable scale on a matrix divided by its spectral norm."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

#: Power iterations for the gain's first value.
FIRST_ITERATIONS = 10


class SpectralGain(nn.Module):
    r"""Reparametrisation $W = \mathrm{clamp}(g, -1, 1)\,R / (p^\top M q)$, M = R as a matrix [dim 0, rest].

    p and q follow M's first singular vectors by one power iteration a call, $q \leftarrow M^\top p$,
    $p \leftarrow M q$, each normalised; they are constants for the derivative, $p^\top M q$ is not. In training mode
    the new vectors are kept, so a presentation, in which weights are computed once, moves them once; in evaluation
    mode they are forgotten. For a convolution the bound is on the reshaped matrix, the operator's norm may be larger.

    Args:
        weight: R, the weight as it is drawn.
        generator: where p and q come from; None: torch's global generator.

    Shapes: R and W alike; ``gain`` g is a learnable scalar, at first the spectral norm of R.

    Source: Xiao et al., NeurIPS 2021 (implicit differentiation on the equilibrium), the authors' program; power
    iteration as in Miyato et al., ICLR 2018. deviation: there evaluation moves p and q too.
    """

    left: Tensor
    right: Tensor

    def __init__(self, weight: Tensor, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros((), dtype=weight.dtype, device=weight.device))
        matrix = weight.detach().flatten(1)
        self.register_buffer("left", matrix.new_zeros(matrix.shape[0]))
        self.register_buffer("right", matrix.new_zeros(matrix.shape[1]))
        self.start(weight, generator)

    @torch.no_grad()
    def start(self, weight: Tensor, generator: torch.Generator | None = None) -> None:
        """Draw p and q anew, and set the gain to the spectral norm of ``weight``."""
        matrix = weight.detach().flatten(1)

        def drawn(size: int) -> Tensor:
            vector = torch.randn(size, generator=generator, dtype=torch.float64)
            return F.normalize(vector, dim=0).to(matrix)

        left, right = drawn(matrix.shape[0]), drawn(matrix.shape[1])
        for _ in range(FIRST_ITERATIONS):
            left, right = _iterated(matrix, left)
        self.gain.copy_(left @ matrix @ right)
        self.left.copy_(drawn(matrix.shape[0]))
        self.right.copy_(drawn(matrix.shape[1]))

    def forward(self, weight: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        with torch.no_grad():
            left, right = _iterated(matrix, self.left)
            if self.training:
                self.left.copy_(left)
                self.right.copy_(right)
        return self.gain.clamp(-1.0, 1.0) * weight / (left @ matrix @ right)


def _iterated(matrix: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
    right = F.normalize(matrix.t() @ left, dim=0, eps=1e-12)
    return F.normalize(matrix @ right, dim=0, eps=1e-12), right


def bound_spectral_norm(synapse: nn.Module, generator: torch.Generator | None = None) -> None:
    """Put a ``SpectralGain`` on the weight of ``synapse``."""
    weight = synapse.weight
    assert isinstance(weight, Tensor)
    parametrize.register_parametrization(synapse, "weight", SpectralGain(weight, generator), unsafe=True)

"""The solver that equilibrium methods share: a fixed point by Anderson acceleration."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_count

#: Weight of the identity in the normal equations, relative to their trace: what is fitted is the residual of the step
#: before, so a little damping costs accuracy nowhere and keeps samples that have settled from dividing 0 by 0.
DAMPING = 1e-14


class Settled(NamedTuple):
    """x: the best iterate; residual: |f(x) - x| over the whole batch, relative to ``scale``; iterations taken.

    Without an iteration the residual is not known, and given as 1.
    """

    x: Tensor
    residual: float
    iterations: int


@torch.no_grad()
def settle(
    f: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    iterations: int = 30,
    tolerance: float | None = None,
    history: int = 5,
    scale: float | None = None,
) -> Settled:
    r"""A fixed point $x = f(x)$, sample by sample, by Anderson acceleration.

    With $r_k = f(x_k) - x_k$ and differences $\Delta r_i$, $\Delta f_i$ of the last ``history`` iterates,
    $x_{k+1} = f(x_k) - \sum_i \gamma_i \Delta f_i$, $\gamma = \arg\min |r_k - \sum_i \gamma_i \Delta r_i|$, one
    $\gamma$ a sample. Without history it is the plain iteration $x_{k+1} = f(x_k)$. For a linear f it does what
    GMRES does, as long as the history holds all iterates. The iterate with the smallest residual is returned, not the
    last.

    Args:
        f: maps [B, ...] to [B, ...].
        start: $x_0$, [B, ...].
        iterations: most evaluations of f; 0: the start is the answer.
        tolerance: stop at a residual below this; None: 1e-6, or 1e-12 in float64.
        history: differences kept; memory is 2 * history * the size of x.
        scale: what residuals are relative to, unit of x; None: the first residual.

    Shapes: x has the shape of ``start``.

    Raises:
        ValueError: a count below 0.

    Source: Anderson, Journal of the ACM 12, 1965; Walker & Ni, SIAM Journal on Numerical Analysis 49, 2011, eq. 2.3.
    """
    check_count("iterations", iterations, least=0)
    check_count("history", history, least=0)
    if tolerance is None:
        tolerance = 1e-12 if start.dtype == torch.float64 else 1e-6
    x, best, lowest, taken = start, start, float("inf"), 0
    mixer = _Mixer(start, history)
    while taken < iterations:
        value = f(x)
        residual = value - x
        taken += 1
        norm = float(residual.norm())
        scale = norm if scale is None else scale
        if norm < lowest:
            best, lowest = x, norm
        if norm <= tolerance * scale:
            break
        x = mixer.next(value, residual)
    if taken == 0 or scale is None:
        return Settled(best, 1.0, taken)
    return Settled(best, lowest / scale if scale else 0.0, taken)


class _Mixer:
    """Differences of the last values and residuals, kept in rings of fixed size, and the next iterate from them."""

    def __init__(self, like: Tensor, history: int) -> None:
        self.history, self.seen = history, 0
        self.value = self.residual = like.flatten(1)
        if history:
            self.steps, self.moves = like.new_zeros(2, len(like), history, like[0].numel()).unbind(0)
            self.gram = like.new_zeros(len(like), history, history)

    def next(self, value: Tensor, residual: Tensor) -> Tensor:
        if self.history == 0:
            return value
        flat_value, flat_residual = value.flatten(1), residual.flatten(1)
        if self.seen:
            slot = (self.seen - 1) % self.history
            torch.sub(flat_residual, self.residual, out=self.steps[:, slot])
            torch.sub(flat_value, self.value, out=self.moves[:, slot])
            row = (self.steps @ self.steps[:, slot].unsqueeze(2)).squeeze(2)
            self.gram[:, slot], self.gram[:, :, slot] = row, row
        self.value, self.residual = flat_value, flat_residual
        self.seen += 1
        if self.seen == 1:
            return value
        known = min(self.seen - 1, self.history)
        wanted = self.steps[:, :known] @ flat_residual.unsqueeze(2)
        weights = _least_squares(self.gram[:, :known, :known], wanted)
        return value - (weights.mT @ self.moves[:, :known]).view_as(value)


def _least_squares(gram: Tensor, wanted: Tensor) -> Tensor:
    trace = gram.diagonal(dim1=1, dim2=2).sum(1)
    identity = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    damping = (DAMPING * trace + torch.finfo(gram.dtype).tiny).view(-1, 1, 1) * identity
    solution = torch.linalg.solve_ex(gram + damping, wanted).result
    return torch.nan_to_num(solution, nan=0.0, posinf=0.0, neginf=0.0)

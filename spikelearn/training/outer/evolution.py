"""Evolution: a derivative estimated from values of a function at both ends of random directions."""

from collections.abc import Callable

import torch
from torch import Tensor


def antithetic(
    value: Callable[[Tensor], float],
    at: Tensor,
    *,
    pairs: int,
    spread: float,
    generator: torch.Generator,
    learning: Tensor | None = None,
) -> tuple[float, Tensor]:
    r"""The mean of the values, and an estimate of the derivative from pairs of them.

    $$g = \frac{1}{2 \sigma P} \sum_{p=1}^P
      (f(\theta + \sigma\epsilon_p) - f(\theta - \sigma\epsilon_p))\,\epsilon_p$$

    Args:
        value: f.
        at: $\theta$ [n].
        pairs: P, directions $\epsilon \sim N(0, I)$.
        spread: $\sigma$, unit of $\theta$.
        generator: draws the directions.
        learning: bool [n], which numbers are moved; None: all.

    Source: Salimans et al., arXiv 1703.03864, 2017.
    """
    grad, values = torch.zeros_like(at), []
    for _ in range(pairs):
        way = torch.randn(len(at), generator=generator, dtype=torch.float64)
        way = way if learning is None else way * learning
        up, down = (value(at + sign * spread * way) for sign in (1.0, -1.0))
        grad += (up - down) / (2.0 * spread * pairs) * way
        values += [up, down]
    return sum(values) / len(values), grad

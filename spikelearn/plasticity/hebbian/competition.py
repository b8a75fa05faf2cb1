"""Competition among the neurons of a block: who learns, and with which sign.

A record is [T, B, n, ...]; its n neurons compete at every step, and in an image the maps at every place by itself.
"""

from torch import Tensor

#: The axis of a record along which neurons compete.
UNITS = 2


def soft_winners(potential: Tensor, t_inv: float) -> Tensor:
    r"""Shares $y_k = e^{\beta u_k} / \sum_j e^{\beta u_j}$, which sum to 1; $\beta$ is ``t_inv``."""
    return (t_inv * potential).softmax(UNITS)


def opposed(shares: Tensor, potential: Tensor) -> Tensor:
    """``shares`` with a minus in front of all but that of the largest potential: losers unlearn."""
    first = potential.argmax(UNITS, keepdim=True)
    return (-shares).scatter(UNITS, first, shares.gather(UNITS, first))


def over_places(record: Tensor) -> Tensor:
    """The sum of a record [T, B, n, ...] over all but its neurons, [n]."""
    return record.sum([axis for axis in range(record.ndim) if axis != UNITS])


def by_neuron(values: Tensor, weight: Tensor) -> Tensor:
    """``values`` [n], one for each neuron, shaped so that they multiply its row of ``weight`` [n, ...]."""
    return values.view(-1, *[1] * (weight.ndim - 1))


def rate_homeostasis(fired: Tensor, target: float) -> Tensor:
    r"""How far neurons fire above their target rate, $\bar z - \rho$: by how much their thresholds should rise.

    As the gradient of a bias, which is a threshold with a minus, it lowers that of a neuron that fires too much and
    raises that of a silent one, until all fire alike.

    Args:
        fired: spikes or wins, 0 or 1, [T, B, n, ...].
        target: $\rho$, spikes per step.

    Shapes: result [n].

    Source: Miconi, arXiv 2107.01729, 2021, the author's program; thresholds that follow the rate as in Diehl & Cook,
    Frontiers in Computational Neuroscience 9, 2015.
    """
    sums = over_places(fired)
    return sums / (fired.numel() / len(sums)) - target

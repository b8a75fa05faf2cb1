"""Inference by gradient descent of an energy in the values of a network."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from spikelearn.plasticity.equilibrium.energies.energy import Energy, Slopes, Values


class Look(NamedTuple):
    """The values of one iteration and the slopes there, before the values move.

    Args:
        number: of the iteration, from 1.
        values: {block: [T, B, ...]}.
        slopes: of the energy at these values.
        rate: step size of the move that follows.
    """

    number: int
    values: Values
    slopes: Slopes
    rate: float


def descend(
    energy: Energy,
    iterations: int,
    rate: float,
    *,
    momentum: float = 0.0,
    discount: float = 1.0,
    tolerance: float = 0.0,
    start: Values | None = None,
) -> Iterator[Look]:
    r"""Look at an energy's values, and move them down its slope after every look but the last.

    $$u \leftarrow m\,u + \partial E / \partial v, \qquad v \leftarrow v - \eta\,u$$

    Weights may change between two looks (``Energy.weights_changed``).

    Args:
        energy: what is descended.
        iterations: most looks; one less move.
        rate: $\eta$, unit of value per unit of slope.
        momentum: m, dimensionless.
        discount: factor of $\eta$ after every move that started at a total not below that of the look before.
        tolerance: the last look is the first one at which no sample's residual is above this; 0: none is asked for.
        start: first values; None: the energy's own.
    """
    values = energy.start() if start is None else start
    moving: Values = {}
    before: float | None = None
    for number in range(1, iterations + 1):
        slopes = energy.slopes(values)
        settled = tolerance > 0.0 and values and float(energy.residuals(values, slopes).max()) <= tolerance
        yield Look(number, values, slopes, rate)
        if settled or number == iterations:
            return
        moving = {n: momentum * moving[n] + s if moving and momentum else s for n, s in slopes.values.items()}
        values = {name: value.sub(moving[name], alpha=rate) for name, value in values.items()}
        if discount != 1.0:
            total = float(slopes.total)
            rate *= discount if before is not None and not total < before else 1.0
            before = total


def last(looks: Iterator[Look]) -> Look:
    """The last look of an inference, at which weights learn."""
    return deque(looks, maxlen=1).pop()

"""Compiled change of listed weights at the connections whose neurons have spiked."""

from typing import Any

from spikelearn.kernels.compiled import kernel


@kernel(
    contract=False,  # the weights must be those of the change that is formed of every connection
    takes={
        **{"met": "real n", "x": "real n", "up": "real m", "down": "real m", "weight": "real K"},
        **{"of_pre": "short K < n", "of_post": "short K < m"},
        **{"first_by_pre": "int n+1 ^ K", "by_pre": "short K < K", "first_by_post": "int m+1 ^ K"},
        "by_post": "short K < K",
    },
)
def change_listed(
    met: Any,
    x: Any,
    up: Any,
    down: Any,
    of_pre: Any,
    of_post: Any,
    first_by_pre: Any,
    by_pre: Any,
    first_by_post: Any,
    by_post: Any,
    plus: float,
    minus: float,
    low: float,
    high: float,
    weight: Any,
) -> None:  # pragma: no cover
    """weight[k] += plus (up[j] x[i]) + minus (down[j] met[i]), cut to [low, high], where met[i] or up[j] is not 0."""
    real = weight.dtype.type
    a, b, least, most = real(plus), real(minus), real(low), real(high)
    for i in range(len(met)):
        if met[i] != 0:
            for at in range(first_by_pre[i], first_by_pre[i + 1]):
                k = by_pre[at]
                j = of_post[k]
                changed = weight[k] + (a * (up[j] * x[i]) + b * (down[j] * met[i]))
                weight[k] = least if changed < least else (most if changed > most else changed)
    for j in range(len(up)):
        if up[j] != 0:
            for at in range(first_by_post[j], first_by_post[j + 1]):
                k = by_post[at]
                i = of_pre[k]
                if met[i] == 0:
                    changed = weight[k] + a * (up[j] * x[i])
                    weight[k] = least if changed < least else (most if changed > most else changed)

"""How many seeds a comparison needs."""

import math

#: Probability with which a true difference is to be shown.
POWER = 0.8

#: Standardised difference below which normal distributions, with a term for Student's t, come within two pairs.
SMALL = 0.02


def pairs_needed(difference: float, sd: float, level: float = 0.95, power: float = POWER) -> int:
    r"""The least n of pairs from which a paired t-test on both sides shows a true ``difference`` with this ``power``.

    With $\delta = \sqrt{n}\,|d| / s$ and t* the quantile of Student's t for the level,
    $P(|T_{n-1}(\delta)| > t^*) \ge$ power, T noncentral. No correction over several arms is in it.

    Args:
        difference: d, the true mean difference, not 0.
        sd: s, standard deviation of the differences of pairs, above 0, in the unit of ``difference``.
        level: of the interval that is to exclude 0; 0 to 1.
        power: 0 to 1.

    Source: Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd ed., 1988, chapter 2.
    """
    from scipy import special

    effect = abs(difference) / sd
    if effect < SMALL:
        two_sided = special.ndtri(0.5 + level / 2)
        return math.ceil(((two_sided + special.ndtri(power)) / effect) ** 2 + two_sided**2 / 2)
    low, high = 1, 2
    while _power(effect, high, level) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(effect, middle, level) >= power else (middle, high)
    return high


def _power(effect: float, pairs: int, level: float) -> float:
    """Probability that the test rejects."""
    from scipy import special

    free, shift = pairs - 1, effect * math.sqrt(pairs)
    critical = special.stdtrit(free, 0.5 + level / 2)
    return float(1 - special.nctdtr(free, shift, critical) + special.nctdtr(free, shift, -critical))

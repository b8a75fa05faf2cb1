"""Means over seeds, differences paired by seed, and what may be said of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from spikelearn.bench.analyse.power import pairs_needed
from spikelearn.bench.analyse.ranges import ANY, POINTS, Range
from spikelearn.checks import check_positive

Verdict = Literal["better", "worse", "equivalent", "no difference shown", "not compared"]

#: Pairs from which Wilcoxon's test can reach p < 0.05 on both sides: 2 / 2**6 = 0.031.
WILCOXON_PAIRS = 6

#: Draws of a bootstrap, and how many at a time, which bounds the memory.
DRAWS, AT_ONCE = 9999, 1111

#: |t| up to which the distribution of an effect size is computed.
LARGEST_T = 1000.0

Pair = tuple[float, float]


@dataclass(frozen=True)
class Mean:
    """A mean over seeds.

    Args:
        n: seeds.
        mean, sd: in the unit of the values; sd with n - 1.
        interval: by Student's t, which covers at its level from two seeds on where seeds scatter normally; without
            what cannot be.
        bootstrap: BCa; from few seeds it is too narrow (measured on normal values at 95 %: it covers 72 % with three
            seeds, 84 % with five, 91 % with ten).
        note: why an interval is not there, or has no width.
    """

    n: int
    mean: float | None
    sd: float | None = None
    interval: Pair | None = None
    bootstrap: Pair | None = None
    note: str | None = None

    @property
    def seen(self) -> Pair | None:
        """The interval to be shown; None where there is none, or where equal values leave it no width."""
        return self.interval if self.sd else None


@dataclass(frozen=True)
class Difference:
    """An arm less the reference, paired by seed.

    Args:
        seeds, dropped: seeds that both have; seeds that only one has.
        mean: difference with its spread and intervals, in the unit of the values.
        p: of the paired t-test on both sides; where all pairs differ equally, of the exact test of signs.
        p_holm: corrected over the arms that were compared with the same reference.
        wilcoxon: p of Wilcoxon's signed-rank test; None with the reason in ``no_wilcoxon``.
        effect: d_z, the mean difference over its standard deviation, times Hedges' correction for few pairs.
        effect_interval: for the population's d_z, from the noncentral t distribution.
        no_effect: why there is no effect size, or no interval.
        seeds_needed: pairs from which a true difference of the threshold would be shown four times in five, if pairs
            scatter as they did here (``power.pairs_needed``); None: they did not scatter, or there are too few.
        note: what else must be said.
    """

    arm: str
    reference: str
    seeds: tuple[int, ...]
    dropped: tuple[int, ...]
    mean: Mean
    verdict: Verdict
    p: float | None = None
    p_holm: float | None = None
    wilcoxon: float | None = None
    no_wilcoxon: str | None = None
    effect: float | None = None
    effect_interval: Pair | None = None
    no_effect: str | None = None
    seeds_needed: int | None = None
    note: str | None = None


def means(
    groups: Sequence[Sequence[float]], level: float = 0.95, *, bootstrap: bool = True, within: Range = ANY
) -> list[Mean]:
    """The mean of every group with its intervals.

    The bootstrap draws from a generator of its own with a fixed seed, the same draws for all groups of a size: a
    group's interval does not depend on what stands beside it.

    Args:
        groups: values, one a seed, finite.
        level: of the intervals, 0 to 1.
        bootstrap: whether it is drawn; by far the most work where there are many groups.
        within: what the values can be; intervals end there.
    """
    import numpy as np

    intervals = [_mean(group, level, within) for group in groups]
    if not bootstrap:
        return intervals
    for n in sorted({len(group) for group in groups if len(group) > 2}):
        at = [i for i, mean in enumerate(intervals) if mean.n == n and mean.sd]
        for i, pair in zip(at, _bca(np.array([groups[i] for i in at]), level), strict=True):
            intervals[i] = replace(
                intervals[i], bootstrap=pair, note=None if pair else "no bootstrap interval: too few values"
            )
    return intervals


def differences(
    values: Mapping[str, Mapping[int, float]],
    reference: str,
    *,
    threshold: float = 0.3,
    level: float = 0.95,
    within: Range = POINTS,
    higher: bool = True,
) -> dict[str, Difference]:
    r"""Every other arm less ``reference``, paired by seed.

    "better" and "worse" take both: p below 1 - ``level`` after Holm's correction over the arms, and a mean difference
    of at least ``threshold``. "equivalent": the whole interval, by t and uncorrected, lies within $\pm$ ``threshold``,
    from three seeds on.

    Args:
        values: {arm: {seed: value}}, in the unit of ``threshold``.
        reference: the arm that is taken away; without values nothing is compared.
        threshold: smallest difference that counts.
        level: of the intervals, 0 to 1.
        within: what a difference can be; by default one of accuracies in percent.
        higher: whether more is better.

    Raises:
        ValueError: a threshold that is not positive.

    Source: Holm, Scandinavian Journal of Statistics 6, 1979; Hedges, Journal of Educational Statistics 6, 1981.
    """
    check_positive("threshold", threshold)
    base = values.get(reference, {})
    others = [arm for arm in values if arm != reference]
    seeds = {arm: tuple(sorted(set(values[arm]) & set(base))) for arm in others}
    pairs = {arm: [values[arm][seed] - base[seed] for seed in seeds[arm]] for arm in others}
    made = dict(zip(others, means([pairs[arm] for arm in others], level, within=within), strict=True))
    tested = {arm: p for arm in others if (p := _p(pairs[arm], made[arm])) is not None}
    corrected = _holm(tested)
    return {
        arm: Difference(
            arm=arm,
            reference=reference,
            seeds=seeds[arm],
            dropped=tuple(sorted(set(values[arm]) ^ set(base))),
            mean=made[arm],
            verdict=_verdict(made[arm], corrected.get(arm), threshold, level, higher),
            p=tested.get(arm),
            p_holm=corrected.get(arm),
            note=_note(made[arm], corrected.get(arm), threshold, level),
            seeds_needed=pairs_needed(threshold, sd, level) if (sd := made[arm].sd) else None,
            **_wilcoxon(pairs[arm]),
            **_effect(made[arm], level),
        )
        for arm in others
    }


def _mean(group: Sequence[float], level: float, within: Range) -> Mean:
    """All but the bootstrap."""
    from scipy import special

    n = len(group)
    if n == 0:
        return Mean(0, None, note="no seed")
    mean = math.fsum(group) / n
    if n == 1:
        return Mean(1, mean, note="one seed: no spread and no interval")
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in group) / (n - 1))
    if sd <= 1e-12 * max(1.0, abs(mean)):
        return Mean(n, mean, 0.0, (mean, mean), note=f"all {n} values are equal: the interval has no width")
    half = float(special.stdtrit(n - 1, 0.5 + level / 2)) * sd / math.sqrt(n)
    note = "two seeds: no bootstrap interval" if n == 2 else None
    return Mean(n, mean, sd, within.cut(mean - half, mean + half, mean), note=note)


def of_samples(share: float, samples: int, level: float = 0.95) -> Pair:
    """Wilson's interval for an accuracy that was measured on so many test samples: what the samples leave open.

    Args:
        share: the accuracy, 0 to 1, rounded to a whole number of samples.
        samples: how many there are.
        level: of the interval, 0 to 1.

    Source: Wilson, Journal of the American Statistical Association 22, 1927.
    """
    from scipy import stats

    interval = stats.binomtest(round(share * samples), samples).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def _bca(values: Any, level: float) -> list[Pair | None]:
    """Bias-corrected and accelerated bootstrap intervals of the mean of every row; None where it has none."""
    import warnings

    import numpy as np
    from scipy import stats

    if not len(values):
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        bounds = stats.bootstrap(
            (values,),
            np.mean,
            axis=-1,
            n_resamples=DRAWS,
            batch=AT_ONCE,
            confidence_level=level,
            method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval
    return [
        (float(low), float(high)) if math.isfinite(low) and math.isfinite(high) else None
        for low, high in zip(bounds.low, bounds.high, strict=True)
    ]


def _p(pairs: Sequence[float], mean: Mean) -> float | None:
    from scipy import stats

    if mean.n < 2:
        return None
    if mean.sd:
        return float(stats.ttest_1samp(pairs, 0.0).pvalue)
    return 2.0 ** (1 - mean.n) if mean.mean else 1.0


def _holm(tested: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down correction.

    Not by statsmodels: its ``multipletests`` collects all garbage at every call, 0.2 s beside a comparison in memory.
    """
    corrected, largest = {}, 0.0
    for rank, arm in enumerate(sorted(tested, key=lambda arm: tested[arm])):
        largest = max(largest, min(1.0, (len(tested) - rank) * tested[arm]))
        corrected[arm] = largest
    return corrected


def _verdict(mean: Mean, p: float | None, threshold: float, level: float, higher: bool) -> Verdict:
    if mean.mean is None or mean.interval is None or p is None:
        return "not compared"
    if p < 1 - level and abs(mean.mean) >= threshold:
        return "better" if (mean.mean > 0) == higher else "worse"
    # Two seeds that happen to differ equally have an interval of no width.
    within = mean.n > 2 and -threshold <= mean.interval[0] and mean.interval[1] <= threshold
    return "equivalent" if within else "no difference shown"


def _note(mean: Mean, p: float | None, threshold: float, level: float) -> str | None:
    if mean.mean is None or mean.interval is None or p is None:
        return {0: "no seed that both have", 1: "one seed that both have, from which nothing can be tested"}.get(mean.n)
    if not mean.sd:
        if mean.mean == 0:
            return "equal in every seed"
        return f"the same difference in all {mean.n} seeds: p is that of the exact test of signs, 2 / 2^{mean.n}"
    if p >= 1 - level and (mean.interval[0] > 0 or mean.interval[1] < 0):
        return "its own interval excludes 0, but not after the correction over all arms"
    if p < 1 - level and abs(mean.mean) < threshold:
        return f"a difference is shown, but one smaller than {threshold:g}"
    return None


def _wilcoxon(pairs: Sequence[float]) -> dict[str, Any]:
    from scipy import stats

    unequal = sum(pair != 0 for pair in pairs)
    if unequal < WILCOXON_PAIRS:
        reason = f"unequal pairs: {unequal}; with fewer than {WILCOXON_PAIRS} it cannot reach p < 0.05"
        return {"no_wilcoxon": reason}
    return {"wilcoxon": float(stats.wilcoxon(pairs).pvalue)}


def _effect(mean: Mean, level: float) -> dict[str, Any]:
    """d_z with Hedges' correction, and the interval of d_z in which the t that was seen is not rare."""
    from scipy import special

    if mean.n < 2 or mean.mean is None or mean.sd is None:
        return {"no_effect": "it needs two pairs"}
    if mean.sd == 0:
        reason = "infinite: the same difference in every seed" if mean.mean else "undefined: no difference in any seed"
        return {"no_effect": reason}
    free, root = mean.n - 1, math.sqrt(mean.n)
    if free == 1:
        return {"no_effect": "two pairs: Hedges' correction is not defined"}
    correction = math.exp(special.gammaln(free / 2) - special.gammaln((free - 1) / 2)) / math.sqrt(free / 2)
    effect: dict[str, Any] = {"effect": correction * mean.mean / mean.sd}
    t = root * mean.mean / mean.sd
    if abs(t) > LARGEST_T:
        return {**effect, "no_effect": f"no interval: |t| is above {LARGEST_T:g}"}
    low, high = (float(special.nctdtrinc(free, p, t)) / root for p in (0.5 + level / 2, 0.5 - level / 2))
    return {**effect, "effect_interval": (low, high)}

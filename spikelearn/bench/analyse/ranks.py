"""Arms over several data sets: average ranks, Friedman's test, Nemenyi's critical difference."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spikelearn.extras import from_extra

#: Fewest data sets, and arms, for which ranks are tested.
LEAST = 3


@dataclass(frozen=True)
class Ranks:
    """Average ranks of arms over data sets.

    Args:
        ranks: {arm: its mean rank, 1 the best}, the best first.
        blocks: data sets that were ranked.
        p: of Friedman's test that all arms rank alike.
        critical: Nemenyi's critical difference of two mean ranks.
        pairs: {arm: {arm: p of Nemenyi's test}}.
        groups: arms that are not shown to differ, in the order of ``ranks``; none of them lies within another.
        left_out: arms that lack a data set.
        reason: why nothing was tested.
    """

    ranks: dict[str, float]
    blocks: tuple[str, ...]
    p: float | None = None
    critical: float | None = None
    pairs: dict[str, dict[str, float]] | None = None
    groups: tuple[tuple[str, ...], ...] = ()
    left_out: tuple[str, ...] = ()
    reason: str | None = None


def ranked(values: Mapping[str, Mapping[str, float]], level: float = 0.95) -> Ranks:
    r"""Rank the arms on every data set, and test the mean ranks.

    $$CD = q_{\alpha}\sqrt{\frac{k(k+1)}{6N}}$$

    with k arms, N data sets and q the studentised range over $\sqrt 2$.

    Args:
        values: {data set: {arm: mean value, more is better}}.
        level: of the tests, 0 to 1.

    Source: Demsar, Journal of Machine Learning Research 7, 2006, section 3.2.2.
    """
    pd = from_extra("pandas", "a comparison of ranks")
    from scipy import stats

    arms = list(dict.fromkeys(arm for found in values.values() for arm in found))
    kept = [arm for arm in arms if all(arm in found for found in values.values())]
    left_out, blocks = tuple(arm for arm in arms if arm not in kept), tuple(values)
    table = pd.DataFrame({arm: [values[block][arm] for block in blocks] for arm in kept}, index=list(blocks))
    mean = table.rank(axis=1, ascending=False).mean().sort_values(kind="stable")
    ranks = {str(arm): float(rank) for arm, rank in mean.items()}
    sets = "data set" if len(blocks) == 1 else "data sets"
    few = f"{len(blocks)} {sets} and {len(kept)} arms that have all of them, expected at least {LEAST} of each"
    if len(blocks) < LEAST or len(kept) < LEAST:
        return Ranks(ranks, blocks, left_out=left_out, reason=few)
    if (table.nunique(axis=1) == 1).all():
        return Ranks(ranks, blocks, left_out=left_out, reason="all arms are equal on every data set")
    scikit_posthocs = from_extra("scikit_posthocs", "a comparison of ranks")

    p = float(stats.friedmanchisquare(*[table[arm] for arm in kept]).pvalue)
    found = scikit_posthocs.posthoc_nemenyi_friedman(table.reset_index(drop=True))
    pairs = {a: {b: float(found.loc[a, b]) for b in kept} for a in kept}
    spread = float(stats.studentized_range.ppf(level, len(kept), math.inf)) / math.sqrt(2)
    critical = spread * math.sqrt(len(kept) * (len(kept) + 1) / (6 * len(blocks)))
    return Ranks(ranks, blocks, p, critical, pairs, _groups(ranks, critical), left_out)


def _groups(ranks: Mapping[str, float], critical: float) -> tuple[tuple[str, ...], ...]:
    """Longest runs of two arms or more whose ranks lie closer than the critical difference."""
    arms: Sequence[str] = list(ranks)
    groups: list[tuple[str, ...]] = []
    end = 0
    for start, first in enumerate(arms):
        near = [arm for arm in arms[start:] if ranks[arm] - ranks[first] < critical]
        if len(near) > 1 and start + len(near) > end:
            groups.append(tuple(near))
        end = max(end, start + len(near))
    return tuple(groups)

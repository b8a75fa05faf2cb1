"""Verdicts on published claims: whether what was said of rules holds in a comparison."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from spikelearn.bench.analyse.columns import mean_known
from spikelearn.bench.analyse.results import Results
from spikelearn.bench.analyse.statistics import Difference, differences
from spikelearn.bench.plan.claims import Check, CheckPlace, Claim

ClaimVerdict = Literal["reproduced", "partly reproduced", "not reproduced", "not decided"]

#: Differences below this many points do not count, as everywhere in a comparison.
THRESHOLD = 0.3


@dataclass(frozen=True)
class CheckOutcome:
    """What was seen of one check.

    Args:
        check: what had to be seen.
        holds: whether it holds; None: it cannot be decided.
        mean: of "reaches": the arm's mean accuracy, percent; None: no result.
        better: of "count": the arms that are better.
        ratio: of "costs": the cost of ``arm`` in those of ``than``; None: one was not measured.
        cosines: of "aligned": the cosine at ``at``, and that at ``against``; None: one was not measured.
        difference: of the other kinds: ``arm`` less what it is compared with, points; None: one has no results.
    """

    check: Check
    holds: bool | None
    mean: float | None = None
    better: tuple[str, ...] = ()
    ratio: float | None = None
    cosines: tuple[float, float] | None = None
    difference: Difference | None = None


@dataclass(frozen=True)
class Judgement:
    """The verdict on a claim, with the outcome of each of its checks."""

    claim: Claim
    verdict: ClaimVerdict
    outcomes: tuple[CheckOutcome, ...]


def judge(claim: Claim, results: Results) -> Judgement:
    """The verdict on a claim: all of its checks hold, some, none, or none could be decided."""
    outcomes = tuple(_outcome(check, results) for check in claim.check)
    holds = [one.holds for one in outcomes if one.holds is not None]
    verdict: ClaimVerdict = "not decided"
    if holds:
        verdict = "reproduced" if all(holds) else "partly reproduced" if any(holds) else "not reproduced"
    if len(holds) < len(outcomes) and verdict == "reproduced":
        verdict = "partly reproduced"
    return Judgement(claim, verdict, outcomes)


def _outcome(check: Check, results: Results) -> CheckOutcome:
    if check.kind == "reaches":
        values = _values(results, check.arm, check.at)
        if not values:
            return CheckOutcome(check, None)
        mean = sum(values.values()) / len(values)
        return CheckOutcome(check, mean >= check.accuracy - check.within, mean=mean)
    if check.kind == "costs":
        ours, theirs = (_mean_cost(results, arm, check) for arm in (check.arm, check.than))
        if math.isnan(ours) or not theirs > 0.0:
            return CheckOutcome(check, None)
        return CheckOutcome(check, ours <= check.share * theirs, ratio=ours / theirs)
    if check.kind == "aligned":
        here, there = (mean_known(_at(results, check.arm, place)["alignment"]) for place in (check.at, check.against))
        if math.isnan(here) or math.isnan(there):
            return CheckOutcome(check, None)
        return CheckOutcome(check, here > there, cosines=(here, there))
    if check.kind == "count":
        differences = [_difference(results, arm, check.than, check.at, check.at) for arm in check.arms]
        better = tuple(arm for arm, one in zip(check.arms, differences, strict=True) if one and one.verdict == "better")
        decided = any(one and one.verdict != "not compared" for one in differences)
        return CheckOutcome(check, len(better) >= check.count if decided else None, better=better)
    same = check.kind == "same arm"
    than, against = (check.arm, check.against) if same else (check.than, check.at)
    one = _difference(results, check.arm, than, check.at, against)
    if one is None or one.verdict == "not compared":
        return CheckOutcome(check, None, difference=one)
    holds = one.verdict == "better" if check.kind == "better" else one.verdict != "worse"
    if check.kind == "not worse" and check.within and one.mean.mean is not None:
        holds = one.mean.mean >= -check.within
    return CheckOutcome(check, holds, difference=one)


def _difference(results: Results, arm: str, than: str, at: CheckPlace, against: CheckPlace) -> Difference | None:
    """``arm`` at one place less ``than`` at another, paired by seed; None where one has no values."""
    ours, theirs = _values(results, arm, at), _values(results, than, against)
    if not ours or not theirs:
        return None
    return differences({"ours": ours, "theirs": theirs}, "theirs", threshold=THRESHOLD)["ours"]


def _mean_cost(results: Results, arm: str, check: Check) -> float:
    """What an arm costs at the check's place, the mean of its seeds; NaN where it was not measured."""
    return mean_known(_at(results, arm, check.at)[check.cost])


def _values(results: Results, arm: str, place: CheckPlace) -> dict[int, float]:
    """{seed: accuracy in percent} of an arm at a place."""
    points = _at(results, arm, place)
    if points["seed"].duplicated().any():
        raise ValueError(f"a check of {arm!r} sees several data sets or networks: name the data set it looks at")
    return {int(seed): 100.0 * float(value) for seed, value in zip(points["seed"], points["score"], strict=True)}


def _at(results: Results, arm: str, place: CheckPlace) -> Any:
    """The rows of an arm at a place, a data frame."""
    points = results.points
    points = points[points["arm"] == arm]
    if place.data is not None:
        points = points[points["data"] == place.data]
    if place.condition is not None:
        return points[points["condition"] == place.condition]
    points = points[points["when"] == "during"]
    points = points[points["axis"].isna() if place.axis is None else points["axis"] == place.axis]
    return points if place.axis is None else points[points["value"].map(str) == str(place.value)]

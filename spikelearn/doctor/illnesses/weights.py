"""Illnesses of learning: weights that do not change, change too much, or cannot change further; errors likewise."""

import math
from statistics import median

from spikelearn.doctor.evidence import Evidence
from spikelearn.doctor.illnesses.base import Finding, Illness, per_block
from spikelearn.training.health import SILENT
from spikelearn.training.unchanged import unchanged_words

#: Change of a weight tensor by one batch, as a share of its length, typical and largest: above, the learning rate is
#: too high; below the last, too low.
HIGH, LARGEST, LOW = 0.5, 2.0, 1e-5

#: Growth of the loss within the batches that are looked at, from which a learning rate is said to be too high.
GROWTH = 2.0

#: Share of weights at a bound from which they are said to lie there: at the upper one, and at either.
UPPER, EITHER = 0.5, 0.98

#: Ratios of the first hidden block's errors to the last block's that are said to vanish and to explode.
VANISHED, EXPLODED = 1e-4, 1e3


def _nothing_changes(evidence: Evidence) -> Finding | None:
    """No weight at all, or none of a hidden block that the rule is meant to train."""
    changed = {name for seen in evidence.learning for name, share in seen.changes.items() if share > 0}
    known = list(evidence.learning[0].changes) if evidence.learning else []
    still = [name for name in known if name not in changed]
    if not still or evidence.failure or (evidence.rule.control and changed):
        return None
    count = len(evidence.learning)
    if changed:
        wished = [name for name in still if any(name in seen.errors for seen in evidence.learning)]
        if not wished:
            return None  # nothing was meant to change there: feedback that stays as it was drawn, a frozen block
        words, cure = f"{', '.join(wished)} did not change in {count} batches", "look at the block's rates and errors"
        return Finding(NOTHING_CHANGES.name, words, "its neurons or its errors are silent", cure, {"batches": count})
    cause = unchanged_words(evidence.rule, count)
    seen, _, cure = cause.partition(": ")
    return Finding(NOTHING_CHANGES.name, seen, "all wished changes were zero", cure, {"batches": count})


def _too_high(evidence: Evidence) -> Finding | None:
    typical = _typical(evidence)
    largest = {name: max(seen.changes.get(name, 0.0) for seen in evidence.learning) for name in typical}
    large = {name: largest[name] for name, share in typical.items() if share > HIGH or largest[name] > LARGEST}
    losses = [seen.loss for seen in evidence.learning if seen.loss is not None]
    # At the first batches alone: what has settled may well change by little and lose all the same.
    grown = len(losses) > 3 and losses[0] > 0 and min(losses[-2:]) > GROWTH * max(losses[:2])
    # The weights of a silent block are too small to measure a change by.
    silent = any(block.rate < SILENT for block in evidence.before.values())
    if not grown and (silent or not large):
        return None
    words = [f"a batch changes weights by up to these shares of their length: {per_block(large)}"] if large else []
    words += [f"the loss went from {losses[0]:.3g} to {losses[-1]:.3g} in {len(losses)} batches"] if grown else []
    figures = {**large, **({"first loss": losses[0], "last loss": losses[-1]} if grown else {})}
    return Finding(
        RATE_TOO_HIGH.name,
        "; ".join(words),
        "a learning rate beyond what the rule and its optimizer bear",
        "lower it ten times (--lr), and look again",
        figures,
    )


def _too_low(evidence: Evidence) -> Finding | None:
    changes = {name: share for name, share in _typical(evidence).items() if share > 0}
    if not changes or max(changes.values()) >= LOW:
        return None
    return Finding(
        RATE_TOO_LOW.name,
        f"weights change by these shares of their length a batch: {per_block(changes)}",
        "a learning rate below what the number of batches can make up for",
        "raise it (--lr) until weights change by about a thousandth a batch",
        changes,
    )


def _typical(evidence: Evidence) -> dict[str, float]:
    """The median over the batches of each weight's change, as a share of its length; none of one that began at 0."""
    names = evidence.learning[0].changes if evidence.learning else {}
    shares = {name: [seen.changes[name] for seen in evidence.learning if name in seen.changes] for name in names}
    return {name: median(own) for name, own in shares.items()}


def _at_bounds(evidence: Evidence) -> Finding | None:
    stuck = {
        name: high if high > UPPER else low + high
        for (name, low), high in zip(evidence.at_low.items(), evidence.at_high.values(), strict=True)
        if high > UPPER or low + high > EITHER
    }
    if not stuck:
        return None
    return Finding(
        AT_BOUNDS.name,
        f"shares of the weights that lie at a bound: {per_block(stuck)}",
        "changes that push one way, or bounds that are too narrow",
        "lower the learning rate, widen the bounds (--bounds LOW HIGH), or balance potentiation and depression",
        stuck,
    )


def _exploding(evidence: Evidence) -> Finding | None:
    if evidence.failure:
        return Finding(
            EXPLODING.name, evidence.failure, "errors that grow from block to block or from step to step",
            "clip them (--clip-norm 1), lower the learning rate, or take a narrower surrogate", {"finite": 0.0},
        )  # fmt: skip
    ratio = _first_to_last(evidence)
    if ratio is None or ratio <= EXPLODED:
        return None
    return Finding(
        EXPLODING.name,
        f"errors of the first block are {ratio:.3g} times those of the last",
        "derivatives that multiply to more than 1 on the way back",
        "clip them (--clip-norm 1), lower the weights, or take a surrogate with a smaller slope",
        {"first to last": ratio},
    )


def _vanishing(evidence: Evidence) -> Finding | None:
    ratio = _first_to_last(evidence)
    if ratio is None or ratio >= VANISHED:
        return None
    return Finding(
        VANISHING.name,
        f"errors of the first block are {ratio:.3g} times those of the last",
        "surrogate derivatives that are zero where potentials lie, or that multiply to less than 1",
        "take a wider surrogate, raise the weights, or a rule that sends errors directly (dfa)",
        {"first to last": ratio},
    )


def _first_to_last(evidence: Evidence) -> float | None:
    """The errors of the first block's weights beside those of the last's; None: the rule sends no derivatives back."""
    blocks = list(evidence.network.blocks)
    if evidence.rule.adjoint is None or evidence.rule.control or len(blocks) < 2 or not evidence.learning:
        return None
    sizes = []
    for block in (blocks[0], blocks[-1]):
        own = [
            error
            for seen in evidence.learning
            for name, error in seen.errors.items()
            if name.startswith(f"blocks.{block}.synapse.")
        ]
        if not own:
            return None
        sizes.append(median(own))
    first, last = sizes
    return first / last if last > 0 and math.isfinite(first) else None


NOTHING_CHANGES = Illness("nothing changes", _nothing_changes)
RATE_TOO_HIGH = Illness("learning rate too high", _too_high)
RATE_TOO_LOW = Illness("learning rate too low", _too_low)
AT_BOUNDS = Illness("weights at their bounds", _at_bounds)
EXPLODING = Illness("exploding errors", _exploding)
VANISHING = Illness("vanishing errors", _vanishing)

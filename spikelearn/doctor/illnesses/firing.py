"""Illnesses of activity: blocks that do not fire, always fire, fire all at once, or stand on the threshold."""

from collections.abc import Mapping

from spikelearn.doctor.evidence import BlockSeen, Evidence
from spikelearn.doctor.illnesses.base import Finding, Illness, per_block
from spikelearn.network.readouts import MembraneReadout
from spikelearn.training.health import RUNAWAY, SILENT
from spikelearn.training.health import SATURATED as FULL

#: Shares of a block's neurons that fire at a step of a burst, and outside of one.
BURST, REST = 0.8, 0.1

#: Share of potentials that lie exactly on the threshold, above which spikes depend on > or >=.
TIED = 1e-3


def _dead(evidence: Evidence) -> Finding | None:
    unread = isinstance(evidence.network.readout, MembraneReadout)
    needed = {n: b for n, b in _now(evidence).items() if not (unread and n in evidence.network.outputs)}
    rates = {name: block.rate for name, block in needed.items() if block.rate < SILENT}
    if not rates:
        return None
    fell = [name for name in rates if evidence.before[name].rate >= 10 * SILENT]
    return Finding(
        DEAD.name,
        f"spikes per step and neuron: {per_block(rates)}",
        "learning has silenced them" if fell else "currents stay below the threshold",
        "lower the learning rate, or bound the weights (--bounds)" if fell
        else "raise the weights (--init kaiming), the gain r, the decay or the number of steps",
        rates,
    )  # fmt: skip


def _saturated(evidence: Evidence) -> Finding | None:
    rates = {name: block.rate for name, block in _now(evidence).items() if block.rate > FULL}
    if not rates:
        return None
    return Finding(
        SATURATED.name,
        f"fires at nearly every step, spikes per step and neuron: {per_block(rates)}",
        "currents are far above the threshold",
        "lower the inputs, the weights or the gain r, or raise the threshold",
        rates,
    )


def _epileptic(evidence: Evidence) -> Finding | None:
    """Activity that runs away while it is shown or learned, or that comes in bursts of all neurons."""
    figures: dict[str, float] = {}
    words = []
    for name, block in _now(evidence).items():
        quarter = max(len(block.over_time) // 4, 1)
        early, late = float(block.over_time[:quarter].mean()), float(block.over_time[-quarter:].mean())
        bursts = int((block.over_time > BURST).sum())
        rests = int((block.over_time < REST).sum())
        was = evidence.before[name].rate
        if block.rate > RUNAWAY and block.rate > 2 * was and late > BURST:
            figures[f"rate of {name}"] = block.rate
            words.append(f"{name} rose from {was:.3g} to {block.rate:.3g} spikes per step and neuron while learning")
        elif late > BURST and 0 < early < 0.5 * late and name in _fed_back(evidence):
            figures[f"last rate of {name}"] = late
            words.append(f"{name} rose from {early:.3g} to {late:.3g} within a presentation")
        elif bursts >= 2 and rests >= 2 and bursts + rests > 0.7 * len(block.over_time):
            figures[f"bursts of {name}"] = float(bursts)
            words.append(f"{name} fires all at once at {bursts} steps and rests at {rests}")
    if not words:
        return None
    return Finding(
        EPILEPTIC.name,
        "; ".join(words),
        "excitation that feeds itself: recurrent or growing weights without inhibition",
        "lower recurrent weights and the learning rate, bound the weights (--bounds), or add inhibition",
        figures,
    )


def _ties(evidence: Evidence) -> Finding | None:
    ties = {name: block.ties for name, block in evidence.before.items() if block.ties > TIED}
    if not ties:
        return None
    return Finding(
        TIES.name,
        f"potentials that are equal to the threshold, bit for bit: {per_block(ties)} of all",
        "weights or inputs on a grid, and a threshold on the same grid",
        "move the threshold between two values of the grid; simulators that fire at >= and at > differ here",
        ties,
    )


def _now(evidence: Evidence) -> Mapping[str, BlockSeen]:
    return evidence.after or evidence.before


def _fed_back(evidence: Evidence) -> set[str]:
    return {edge.target for edge in evidence.network.feedback.values()}


DEAD = Illness("dead block", _dead)
SATURATED = Illness("saturated block", _saturated)
EPILEPTIC = Illness("epileptic block", _epileptic)
TIES = Illness("ties at the threshold", _ties)

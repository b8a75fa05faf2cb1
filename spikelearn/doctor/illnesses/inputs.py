"""Illnesses of what is shown to a network: its axes, its contents, and its time step."""

from typing import Any

import torch
from torch import Tensor

from spikelearn.doctor.evidence import Evidence
from spikelearn.doctor.illnesses.base import Finding, Illness, per_block
from spikelearn.loading.look import DIM
from spikelearn.synapses import float_type

#: Share of samples that are nearest to their own class's mean, as a multiple of chance, from which axes are known.
TELLING = 2.0

#: Share of inputs that are not 0 below which they are said to be nearly empty.
EMPTY = 2e-3

#: A membrane that forgets in less than so many steps, and one that takes longer than so many presentations.
FORGETS, NEVER_DECAYS = 0.5, 20.0


def _wrong_order(evidence: Evidence) -> Finding | None:
    """Samples on the time axis: classes are then recognised along the first axis, and not along the second."""
    batch = evidence.batch
    steps, size = batch.inputs.shape[:2]
    if batch.task.per_step or not batch.task.classes or steps != size:
        return None  # axes of different length are told apart by the targets, where batches are made
    inputs = batch.inputs.to(float_type(evidence.network)).flatten(2)
    right, swapped = (_nearest_share(inputs.mean(axis), batch.targets) for axis in (0, 1))
    chance = float(torch.bincount(batch.targets).max()) / size
    if right > 1.5 * chance or swapped < max(TELLING * chance, 0.3):
        return None
    return Finding(
        WRONG_ORDER.name,
        f"samples {steps} long in batches of {size}: along the second axis {100 * right:.0f} % are nearest to the mean "
        f"of their class, along the first {100 * swapped:.0f} % (chance {100 * chance:.0f} %)",
        "inputs are [B, T, ...], batch first",
        "give them time first, [T, B, ...]: inputs.transpose(0, 1)",
        {"along the second axis": right, "along the first axis": swapped, "chance": chance},
    )


def _nearest_share(samples: Tensor, targets: Tensor) -> float:
    """The share of rows [B, n] that are nearest to the mean of the other rows of their own class."""
    kinds = torch.nn.functional.one_hot(targets.long()).to(samples.dtype)
    counts = kinds.sum(0)
    sums = kinds.T @ samples
    left = counts[None] - kinds  # without the row itself
    means = (sums[None] - kinds[:, :, None] * samples[:, None]) / left.clamp(min=1)[:, :, None]
    distances = (means - samples[:, None]).square().sum(-1).masked_fill(left == 0, torch.inf)
    return float((distances.argmin(1) == targets).float().mean())


def _empty_input(evidence: Evidence) -> Finding | None:
    inputs = evidence.batch.inputs
    shown = inputs[:1] if inputs.stride(0) == 0 else inputs
    share, largest = float((shown != 0).float().mean()), float(shown.abs().max())
    blank = float((shown.flatten(2) != 0).flatten(2).any(2).any(0).logical_not().float().mean())
    dim = shown.is_floating_point() and 0 < largest <= DIM
    if not dim and share >= EMPTY and blank < 0.5:
        return None
    seen = f"{100 * share:.2g} % of the inputs are not 0, the largest is {largest:.3g}"
    return Finding(
        EMPTY_INPUT.name,
        seen + (f", {100 * blank:.0f} % of the samples are empty" if blank else ""),
        "pixels that were divided by 255 twice" if dim else "bins, a gain or a threshold of the encoder that leave out",
        "give intensities up to 1" if dim else "look at the data (spikelearn datasets) and at the encoder's options",
        {"share not 0": share, "largest": largest, "share of empty samples": blank},
    )


def _time_step(evidence: Evidence) -> Finding | None:
    steps = len(evidence.batch.inputs)
    short, long = {}, {}
    for name, block in evidence.network.blocks.items():
        for which in ("tau_mem", "tau_syn"):
            tau: Any = getattr(block.neuron, which, None)
            if not isinstance(tau, int | float | Tensor):
                continue
            in_steps = float(torch.as_tensor(tau).double().mean()) / block.neuron.dt
            if 0 < in_steps < FORGETS:
                short[f"{which} of {name}"] = in_steps
            elif NEVER_DECAYS * steps < in_steps < torch.inf:
                long[f"{which} of {name}"] = in_steps
    if not short and not long:
        return None
    what = "shorter than a step" if short else f"beyond the {steps} steps that are shown"
    return Finding(
        TIME_STEP.name,
        f"time constants {what}, in steps: {per_block(short or long)}",
        "dt and the time constants are in different units (both are seconds)",
        "set dt to a tenth of the shortest time constant, and show as many steps as the longest one takes",
        {**short, **long},
    )


WRONG_ORDER = Illness("wrong order of axes", _wrong_order)
EMPTY_INPUT = Illness("nearly empty input", _empty_input)
TIME_STEP = Illness("time step does not fit", _time_step)

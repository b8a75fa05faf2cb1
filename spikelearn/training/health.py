"""Faults without an error: blocks that are silent or fire all the time, inputs of an odd scale."""

from collections.abc import Mapping

import torch
from torch import Tensor

#: Firing rates, spikes per step and neuron, below which a block is said to be silent, and above which saturated.
SILENT, SATURATED = 1e-3, 0.9

#: Rate above which a block whose rate has doubled since the first epoch is said to run away.
RUNAWAY = 0.5

#: Largest inputs, in thresholds of the first block, that are said to be small or large.
SMALL, LARGE = 0.05, 20.0

#: Standard deviations that lie between 0 and the mean of a typical input whose offset is said to hide what varies.
OFFSET = 5.0


class Health:
    """Looks at the firing rates of every epoch; each fault of a block is said once."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._said: set[tuple[str, str]] = set()

    def words(self, rates: Mapping[str, float]) -> list[str]:
        """Sentences on what is new in the ``rates`` of an epoch, spikes per step and neuron."""
        by_fault: dict[str, list[str]] = {}
        for name, rate in rates.items():
            first = self._first.setdefault(name, rate)
            fault = _fault(first, rate)
            if fault and (name, fault) not in self._said:
                self._said.add((name, fault))
                by_fault.setdefault(fault, []).append(name)
        return [f"{', '.join(names)} {fault}" for fault, names in by_fault.items()]


def _fault(first: float, rate: float) -> str:
    if rate < SILENT:
        if first >= 10 * SILENT:
            return "fell silent: lower the learning rate, or bound the weights"
        if rate == 0:
            return "never fired: raise the decay, the input's gain (r) or the weights (--init kaiming)"
        return "hardly fired: raise the decay, the input's gain (r) or the weights"
    if rate > RUNAWAY and rate > 2 * first:
        return "ran away to more than twice its first rate: lower the learning rate, or bound the weights (--bounds)"
    if rate > SATURATED:
        return (
            "fired at nearly every step, which says nothing: lower the inputs, the gain (r), the decay or the weights"
        )
    return ""


@torch.no_grad()
def odd_scale(inputs: Tensor, threshold: float) -> str:
    """Describe an odd scale of ``inputs`` [T, B, ...] for neurons of that threshold; "" where it is usual."""
    if not inputs.is_floating_point() or not inputs.numel() or not 0 < threshold < float("inf"):
        return ""
    shown = inputs[:1] if inputs.stride(0) == 0 else inputs
    values = shown.float().flatten(0, 1).flatten(1)
    low, high = (float(end) for end in torch.aminmax(values))
    top = max(-low, high)
    if not 0 < top < float("inf") or (top == 1 and bool(((values == 0) | (values == 1)).all())):
        return ""  # empty inputs and infinite ones are said elsewhere; spikes have no scale
    if top > LARGE * threshold or top < SMALL * threshold:
        return f"inputs go up to {top:.3g} where neurons fire at {threshold:g}: {CURE}"
    mean, spread = values.mean(0).abs(), values.std(0, correction=0)
    typical = mean > SMALL * threshold
    if len(values) > 1 and typical.any():
        ratio = float((mean[typical] / spread[typical].clamp(min=1e-12)).median())
        if ratio > OFFSET and float(spread.max()) > 0:
            return f"inputs vary by a small part of their mean (a typical one by 1/{min(ratio, 1e6):.0f}): {CURE}"
    return ""


#: What helps.
CURE = "standardise them (subtract each input's mean, divide by its standard deviation)"

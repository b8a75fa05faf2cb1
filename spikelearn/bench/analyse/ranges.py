"""What values a measure can have, declared once: no interval and no axis goes further."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from spikelearn.tasks import Measure


class Range(NamedTuple):
    """Lowest and highest value that can be."""

    low: float = -math.inf
    high: float = math.inf

    def scaled(self, scale: float) -> "Range":
        """The same in another unit, ``scale`` times the number."""
        return Range(self.low * scale, self.high * scale)

    def cut(self, low: float, high: float, mean: float) -> tuple[float, float]:
        """The interval without what cannot be; ``mean`` stays in it, whatever was measured."""
        return max(low, min(self.low, mean)), min(high, max(self.high, mean))


ANY, FROM_ZERO, SHARE, COSINE = Range(), Range(0.0), Range(0.0, 1.0), Range(-1.0, 1.0)

#: Accuracies in percent, and differences of two.
PERCENT, POINTS = SHARE.scaled(100.0), Range(-100.0, 100.0)

_SHARES = (
    "score", "unique_accuracy", "train_score", "validation_score", "test_score", "plateau", "rate", "silent",
    "saturated", "writes_share",
)  # fmt: skip
_FROM_ZERO = (
    "epochs_to_plateau", "epochs", "epoch", "samples", "seconds", "seconds_per_epoch", "seconds_run", "seconds_looks",
    "seconds_after", "seconds_total", "peak_bytes", "rise_bytes", "live_bytes", "saved_bytes",
    "forward_acs", "forward_macs", "forward_dense", "learning_acs", "learning_macs", "learning_dense",
    "forward_pj", "learning_pj", "forward_with_memory_pj", "learning_with_memory_pj", "writes_per_epoch",
    "in_memory_forward_seconds", "in_memory_backward_seconds", "in_memory_joules",
    "writes_total", "parameters", "train_samples", "test_samples", "resumed", "lr",
)  # fmt: skip

#: {column of the results: its range}, scores being accuracies. Rates are spikes per step and neuron; a loss may be
#: anything.
RANGES: Mapping[str, Range] = {
    **dict.fromkeys(_SHARES, SHARE),
    **dict.fromkeys(_FROM_ZERO, FROM_ZERO),
    "alignment": COSINE,
    "loss": ANY,
    "signal_dense": ANY,  # of a rule that leaves weights as they are, fewer products than forward
}


def range_of(name: str, measure: Measure) -> Range:
    """What a column of the results can hold, where scores, and a plateau, are of that measure."""
    if name != "plateau" and not name.endswith("score"):
        return RANGES[name]
    return SHARE if measure.share else ANY if measure.higher else FROM_ZERO

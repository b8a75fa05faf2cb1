"""Base of all pairings: how many pairs of spikes end at a step, each weighed by its window."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from torch import Tensor

from spikelearn.plasticity.spike_timing.followed import Pairs, Place, followed, mean_product
from spikelearn.registry import Registry


class Sides(NamedTuple):
    """Spikes of one step on both sides of a synapse, and the windows.

    Args:
        pre: what met the weights, [B, in].
        post: what the target sent, [B, out].
        decay_pre, decay_post: decays per step of the windows of potentiation and depression.
        coincident: whether a pair in the same step counts.
        pairs: the connections of a synapse that lists them; None: all.
    """

    pre: Tensor
    post: Tensor
    decay_pre: float
    decay_post: float
    coincident: bool
    pairs: Pairs | None = None


class Pairing(ABC):
    """Which spikes make a pair. A pair of spikes that are k steps apart counts $\\lambda^k$, the decay of its side."""

    #: The name under which the pairing is registered; ``PAIRINGS.register`` sets it.
    name: ClassVar[str] = "the pairing"
    #: {trace: what has it}.
    places: ClassVar[Mapping[str, Place]] = {"x": "pre", "y": "post"}

    @abstractmethod
    def pairs(self, sides: Sides, traces: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Pairs that end at this step, mean over the samples: (post after pre, pre after post), shaped as the weights.

        ``traces`` are the edge's own, empty at first; the pairing writes them anew.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


PAIRINGS = Registry("pairing", Pairing)


def traced_pairs(sides: Sides, traces: dict[str, Tensor], *, nearest: bool) -> tuple[Tensor, Tensor]:
    """Pairs of every spike with the trace of the other side; ``nearest``: its last spike alone."""
    x, traces["x"] = followed(traces.get("x"), sides.pre, sides.decay_pre, nearest=nearest)
    y, traces["y"] = followed(traces.get("y"), sides.post, sides.decay_post, nearest=nearest)
    if sides.coincident:
        x, y = traces["x"], traces["y"]
    return mean_product(sides.post, x, sides.pairs), mean_product(y, sides.pre, sides.pairs)

"""Linear classifiers behind blocks, each with a cross-entropy of its own, and where in a network they stand."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_count, one_of
from spikelearn.network import Network

#: What stands before a block in the names of its head's weights and biases.
WEIGHTS, BIASES = "head_weights.", "head_biases."


class Reading(NamedTuple):
    """A head's look at its block.

    Args:
        pooled: what the block sent, mean of the steps, pooled and flattened, [B, n].
        logits: [B, classes].
        loss: cross-entropy, mean of the samples, a scalar with its graph.
    """

    pooled: Tensor
    logits: Tensor
    loss: Tensor


class Heads:
    """The places of heads: behind which hidden blocks.

    Args:
        wanted: number of heads, that of the output among them, spread evenly; or names of blocks, joined by ``+``;
            None: one behind every hidden block.

    Raises:
        ValueError: no such number, or no name.
    """

    def __init__(self, wanted: int | str | None) -> None:
        if isinstance(wanted, str):
            if not all(wanted.split("+")) or len(set(wanted.split("+"))) < wanted.count("+") + 1:
                raise ValueError(f"heads is {wanted!r}, expected names of blocks, each once, for example conv2+conv4")
        elif wanted is not None:
            check_count("heads", wanted)
        self.wanted = wanted

    def of(self, network: Network) -> tuple[str, ...]:
        """Names of the blocks with a head, in order.

        Raises:
            ValueError: more heads than blocks, a block that the network lacks or that stands at the output.
        """
        names = list(network.blocks)
        hidden = names[: min(names.index(name) for name in network.outputs)]
        if self.wanted is None:
            return tuple(hidden)
        if isinstance(self.wanted, int):
            count = len(hidden) + 1
            if self.wanted > count:
                raise ValueError(
                    f"heads is {self.wanted}, but the network has {len(hidden)} hidden blocks and its output: ask for "
                    f"at most {count}"
                )
            return tuple(hidden[(place * count) // self.wanted - 1] for place in range(1, self.wanted))
        named = self.wanted.split("+")
        for name in named:
            if name not in hidden:
                raise ValueError(
                    f"heads names {name!r}, which is no hidden block before the output, expected {one_of(name, hidden)}"
                )
        return tuple(name for name in hidden if name in named)


def learned_with(network: Network, heads: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """{head at the end of a part of the network: those parameters of ``names`` that lie in the part}; "": the output's.

    A part has its blocks with all forward edges into them; the readout belongs to the output's.
    """
    found: dict[str, list[str]] = {}
    paths: list[str] = []
    for block in network.blocks:
        paths += [f"{path}." for path, _, _ in network.into(block)]
        if block in heads:
            found[block] = [name for name in names if name.startswith(tuple(paths))]
            paths = []
    found[""] = [name for name in names if name.startswith((*paths, "readout."))]
    return found


def pooled(image: Tensor, kernel: int) -> Tensor:
    """Means over windows of a block's output [B, n] or [B, C, H, W], flattened, [B, n].

    Windows of ``kernel`` x ``kernel`` stand side by side, and what is left over at the end is left out; 0: the whole
    image.

    Raises:
        ValueError: a window larger than the image.
    """
    if image.ndim == 2:
        return image
    if kernel == 0:
        return image.flatten(2).mean(2)
    if kernel > min(image.shape[2:]):
        raise ValueError(
            f"a head pools windows of {kernel} x {kernel}, but what its block sends is {list(image.shape[1:])}: use "
            "pool=0, the whole image, or smaller windows"
        )
    return F.avg_pool2d(image, kernel).flatten(1)


def read(rate: Tensor, kernel: int, weights: Tensor, biases: Tensor, targets: Tensor) -> Reading:
    """What a head makes of its block's output, mean of the steps, [B, ...]."""
    seen = pooled(rate, kernel)
    logits = F.linear(seen, weights, biases)
    return Reading(seen, logits, F.cross_entropy(logits, targets))


def of_head(name: str, memory: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Weights and biases of the head behind a block."""
    return memory[WEIGHTS + name], memory[BIASES + name]

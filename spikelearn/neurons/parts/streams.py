r"""Random numbers of random neurons: a stream for each neuron and sample, kept in the neuron's state.

A stream is a 64-bit counter that goes on by one constant at every draw; a draw is a mixture of its bits (SplitMix64:
Steele, Lea & Flood, OOPSLA 2014). It follows from the seed of the sample, the block and the place of the neuron, and
from nothing else: not from the size of the batch, the process, the device or the order in which blocks are run.
"""

import math

import torch
from torch import Tensor

from spikelearn.checks import check_shape
from spikelearn.seeding import derived_seed

#: Step of the counter, and the factors of the mixture, as signed 64-bit numbers.
STEP, FIRST, SECOND = (number - (1 << 64) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))

#: Bits of a draw, by the type of the number that it becomes.
BITS = {torch.float64: 52, torch.float32: 23, torch.float16: 23, torch.bfloat16: 23}


def streams(seeds: Tensor, place: str, like: Tensor) -> Tensor:
    """The streams of the neurons of block ``place`` before the first draw, int64, shaped like ``like`` [B, ...].

    Args:
        seeds: one for each sample, int64 [B].
        place: name of the block.
        like: a current of the neurons, [B, ...].

    Raises:
        ValueError: another number of seeds than samples.
    """
    check_shape("seeds", seeds, like.shape[:1], "give one seed for each sample, int64 [B]")
    places = torch.arange(math.prod(like.shape[1:]), device=like.device).view(1, *like.shape[1:])
    own = _mixed(seeds.to(like.device) + derived_seed("streams", place))
    return _mixed(own.view(-1, *(1 for _ in like.shape[1:])) + places * STEP)


def uniform(stream: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Numbers between 0 and 1, neither of which occurs, and the streams behind them; shaped like ``stream``."""
    stream = stream + STEP
    return between(_right(_mixed(stream), 64 - BITS[dtype]), dtype), stream


def between(whole: Tensor, dtype: torch.dtype) -> Tensor:
    """The number between 0 and 1 that a draw of ``BITS[dtype]`` bits stands for."""
    kind = torch.float64 if dtype == torch.float64 else torch.float32
    return ((whole.to(kind) + 0.5) * 2.0 ** -BITS[dtype]).to(dtype)


def _mixed(x: Tensor) -> Tensor:
    x = (x ^ _right(x, 30)) * FIRST
    x = (x ^ _right(x, 27)) * SECOND
    return x ^ _right(x, 31)


def _right(x: Tensor, places: int) -> Tensor:
    """Shifted by ``places`` bits, with zeros from the left: torch's own shift repeats the sign."""
    return (x >> places) & ((1 << (64 - places)) - 1)

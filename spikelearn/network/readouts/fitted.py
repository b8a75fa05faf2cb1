"""Readouts that are fitted to records of training samples, and not learned."""

from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from spikelearn.checks import check_all_finite, check_count, check_shape
from spikelearn.network.readouts.rate import RateReadout
from spikelearn.network.records import Activity
from spikelearn.neurons import Neuron

#: Samples of which solvers hold a copy in double precision at a time.
PART = 2048


class FittedLinear(nn.Module):
    """A linear layer whose weights are buffers, found otherwise than by a gradient; zero before.

    Args:
        units: number of inputs.
        classes: number of outputs.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, units: int, classes: int) -> None:
        super().__init__()
        check_count("units", units)
        check_count("classes", classes)
        self.register_buffer("weight", torch.zeros(classes, units))
        self.register_buffer("bias", torch.zeros(classes))

    def forward(self, read: Tensor) -> Tensor:
        return nn.functional.linear(read, self.weight, self.bias)


class FittedReadout(RateReadout):
    r"""Scores $W a + b$ of the firing rates a of the last block, with W and b fitted after every epoch.

    They are buffers, part of a run's checkpoint and weights; before the first fit all scores are 0. In a network string
    the last number is the number of classes, and no block; pools before it, as in ``400C3-P2-10``, pool what is read.

    Args:
        units: number of numbers that are read: neurons, or what pools leave of them.
        classes: number of scores.
    """

    takes_last_number = True
    head: FittedLinear

    def __init__(self, units: int, classes: int) -> None:
        super().__init__(FittedLinear(units, classes))
        #: What stands between the rates of the last block, [B, ...], and the head.
        self.front: nn.Module = nn.Identity()

    @classmethod
    def behind(cls, neuron: Neuron, units: int, classes: int) -> "FittedReadout":
        if not neuron.sends:
            raise ValueError(
                f"a fitted readout reads firing rates, but the last block is a {type(neuron).__name__}, which never "
                "fires: use LIF, or another model that does (--neuron lif)"
            )
        return cls(units, classes)

    def read(self, output: Activity) -> Tensor:
        front: Tensor = self.front(super().read(output))
        return front

    def read_valid(self, output: Activity, valid: Tensor) -> Tensor:
        front: Tensor = self.front(super().read_valid(output, valid))
        return front

    def of_rate(self, rate: Tensor) -> Tensor:
        return super().of_rate(self.front(rate))

    @torch.no_grad()
    def fit(self, read: Tensor, targets: Tensor) -> None:
        """Replace the weights by those that fit ``targets`` best; the same arguments give the same weights.

        Args:
            read: what ``read`` gave of N samples, spikes per step.
            targets: their class numbers.

        Shapes: read [N, units]; targets [N], int64.

        Raises:
            ValueError: tensors of another shape, rates that are not finite, class numbers out of range.
        """
        classes, units = self.head.weight.shape
        read = read.flatten(1)
        check_shape("what is read", read, (len(read), units), f"fit the readout to a block of {units} neurons")
        check_all_finite("what is read", read, "look at the weights of the network")
        if targets.ndim != 1 or targets.dtype != torch.int64 or len(targets) != len(read) or not len(read):
            raise ValueError(
                f"targets have shape {list(targets.shape)} and type {targets.dtype}, expected class numbers [N] of "
                f"type int64 for {len(read)} samples"
            )
        if int(targets.min()) < 0 or int(targets.max()) >= classes:
            raise ValueError(
                f"targets go from {int(targets.min())} to {int(targets.max())}, but the readout has {classes} classes: "
                "make one with more"
            )
        weight, bias = self.solved(read.cpu(), targets.cpu())
        self.head.weight.copy_(weight)
        self.head.bias.copy_(bias)

    @abstractmethod
    def solved(self, read: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Weights [classes, units] and biases [classes], float64, for rates [N, units] and class numbers [N]."""


def centred_parts(read: Tensor, targets: Tensor, mean: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Parts of the rates [N, units] less their ``mean``, in double precision, with their targets [N, ...]."""
    for rates, wanted in zip(read.split(PART), targets.split(PART), strict=True):
        yield rates - mean, wanted

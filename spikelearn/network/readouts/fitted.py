"""Readouts that are fitted to records of training samples, and not learned."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from spikelearn.checks import check_all_finite, check_count, check_shape
from spikelearn.network.readouts.rate import RateReadout
from spikelearn.neurons import Neuron


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
    the last number is the number of classes, and no block.

    Args:
        units: number of neurons that are read.
        classes: number of scores.
    """

    takes_last_number = True
    head: FittedLinear

    def __init__(self, units: int, classes: int) -> None:
        super().__init__(FittedLinear(units, classes))

    @classmethod
    def behind(cls, neuron: Neuron, units: int, classes: int) -> "FittedReadout":
        if not neuron.sends:
            raise ValueError(
                f"a fitted readout reads firing rates, but the last block is a {type(neuron).__name__}, which never "
                "fires: use LIF, or another model that does (--neuron lif)"
            )
        return cls(units, classes)

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
        weight, bias = self.solved(read.double().cpu(), targets.cpu())
        self.head.weight.copy_(weight)
        self.head.bias.copy_(bias)

    @abstractmethod
    def solved(self, read: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Weights [classes, units] and biases [classes] for rates [N, units], float64, and class numbers [N]."""

"""A loss of a block's own, on what it sends, pooled to one vector a sample."""

import math
from abc import abstractmethod
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_flag
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import neuron_shapes
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.losses import Loss
from spikelearn.plasticity.per_layer import PerLayer, check_places, of_layer, per_layer
from spikelearn.plasticity.three_factor.engine.latents import at_steps, behind_pools, mean_of, pooled, spread
from spikelearn.plasticity.three_factor.signals.base import Local, Taught
from spikelearn.tasks import check_targets

Over = Literal["presentation", "step"]


class Latent(Local):
    r"""A signal that is the derivative of a block's own loss, of the vector z that it sends.

    Images are pooled to p x p places a channel, with p the largest number by which all channels together have no more
    than ``length`` numbers, or ``places``; vectors of more than ``length`` numbers to so many.

    Args:
        loss: what the last block and the readout descend.
        length: largest number of entries of z, where the channels alone are no more.
        places: p, of all hidden blocks or one a block (``2/1``); None: by ``length``.
        over: "presentation": z is of the mean over the steps; "step": every step is a sample of its own.
        behind_pools: whether z is read behind the pools that stand in front of the weights of the block's only reader.

    Shapes: s_l [T, B, ...], z [samples, d].

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a task without classes; a
            value out of range; more places than hidden blocks.
    """

    def __init__(
        self,
        loss: Loss,
        *,
        length: int = 512,
        places: PerLayer | None = None,
        over: Over = "presentation",
        behind_pools: bool = False,
    ) -> None:
        super().__init__(loss)
        check_choice("over", over, get_args(Over))
        check_count("length", length)
        check_flag("behind_pools", behind_pools)
        self.length, self.over, self.behind_pools = length, over, behind_pools
        self.places = None if places is None else tuple(int(p) for p in per_layer("places", places, _check_whole))
        self.whole = over == "presentation"

    def seen(self, network: Network, name: str, spikes: Tensor, potentials: Tensor) -> tuple[Tensor, Tensor]:
        return behind_pools(network, name, spikes, potentials) if self.behind_pools else (spikes, potentials)

    def read_from(self, network: Network) -> tuple[dict[str, int], int]:
        """{hidden block: entries of its z}, and the number of outputs."""
        shapes, like = neuron_shapes(self.name, network), next(network.parameters())
        hidden = [name for name in shapes if name not in network.outputs]
        if self.places is not None:
            check_places(self.name, "places", self.places, len(hidden))
        entries = {}
        for number, name in enumerate(hidden):
            silent = like.new_zeros(1, 1, *shapes[name])
            seen = tuple(self.seen(network, name, silent, silent)[0].shape[2:])
            entries[name] = math.prod(self.pooled_shape(seen, number))
        return entries, sum(math.prod(shapes[name]) for name in network.outputs)

    def pooled_shape(self, shape: tuple[int, ...], number: int = 0) -> tuple[int, ...]:
        """Shape of z before it is flattened, of the hidden block of that number, of neurons [n] or [C, H, W]."""
        if len(shape) == 1:
            return (min(shape[0], self.length),)
        if self.places is not None:
            return _to_places(shape, of_layer(self.places, number))
        places = 1
        while shape[0] * (places + 1) ** (len(shape) - 1) <= self.length:
            places += 1
        return _to_places(shape, places)

    @abstractmethod
    def entries(self, name: str, memory: Memory) -> int:
        """The number of entries of a block's z."""

    @abstractmethod
    def classes(self, name: str, memory: Memory) -> int:
        """The number of classes that a block can tell."""

    @abstractmethod
    def losses(self, name: str, latent: Tensor, targets: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of each sample, and {memory tensor: as it went into the graph} of what is learned.

        Args:
            name: of the block.
            latent: z, [samples, d].
            targets: class numbers, int64 [samples].
            memory: the rule's.
        """

    def teach(
        self, name: str, spikes: Tensor, potentials: Tensor, batch: Batch, shares: Tensor, memory: Memory
    ) -> Taught:
        targets = self._targets(batch, self.classes(name, memory))
        targets = targets if self.whole else targets.repeat(len(spikes))
        # How much every sample of the loss counts.
        weights = shares.sum(0) if self.whole else shares.flatten()
        seen = mean_of(spikes, shares / weights) if self.whole else spikes.flatten(0, 1)
        shape = _shape_of(tuple(seen.shape[1:]), self.entries(name, memory))
        latent = pooled(seen, shape).requires_grad_()
        with torch.enable_grad():
            each, learned = self.losses(name, latent, targets, memory)
            loss = (weights * each).sum() / batch.size
        at, *own = torch.autograd.grad(loss, [latent, *learned.values()])
        signal = spread(at, seen, shape)
        signal = at_steps(signal, shares / weights) if self.whole else signal.view_as(spikes)
        return Taught(signal, own=dict(zip(learned, own, strict=True)), loss=loss.detach())

    def _targets(self, batch: Batch, classes: int) -> Tensor:
        if batch.task.name != "classify":
            raise ValueError(
                f"{self.name} has a vector for each class, but the task is {batch.task!s}: use another signal"
            )
        check_targets(batch.targets, classes)
        return batch.targets


def _check_whole(name: str, value: float) -> None:
    if value < 1 or value != int(value):
        raise ValueError(f"{name} is {value:g}, expected a whole number from 1 on: as many places a side")


def _to_places(shape: tuple[int, ...], places: int) -> tuple[int, ...]:
    return (shape[0], *(min(places, side) for side in shape[1:]))


def _shape_of(shape: tuple[int, ...], entries: int) -> tuple[int, ...]:
    """Shape of a block's z before it is flattened, of that many entries."""
    if len(shape) == 1:
        return (entries,)
    places = next(p for p in range(1, max(shape[1:]) + 1) if math.prod(_to_places(shape, p)) == entries)
    return _to_places(shape, places)

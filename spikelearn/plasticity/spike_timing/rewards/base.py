"""Base of all rewards: one number a sample and step, which every synapse gets alike."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from spikelearn.network import Network, Record
from spikelearn.plasticity.batch import Batch
from spikelearn.registry import Registry


class Payments(ABC):
    """The rewards of one presentation, asked for step after step."""

    @abstractmethod
    def at(self, t: int, record: Record) -> Tensor:
        """The reward of each sample at step t, [B], after the network has made that step.

        Args:
            t: number of the step; steps come in order.
            record: of the step, [B, ...].
        """


class Given(Payments):
    """Rewards that come with the batch, [T, B]."""

    def __init__(self, rewards: Tensor) -> None:
        self.rewards = rewards

    def at(self, t: int, record: Record) -> Tensor:
        return self.rewards[t]


class Reward(ABC):
    """What a network is paid for, where its batches bring no rewards of their own."""

    #: The name under which the reward is registered; ``REWARDS.register`` sets it.
    name: ClassVar[str] = "the reward"

    @abstractmethod
    def payments(self, network: Network, batch: Batch) -> Payments:
        """The rewards of one presentation of ``batch`` to ``network``."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


REWARDS = Registry("reward", Reward)


def output_of(network: Network, record: Record, why: str) -> Tensor:
    """The spikes [B, n] of the one population that is read; ``why`` is a phrase behind "a reward"."""
    if len(network.outputs) > 1:
        raise ValueError(f"a reward {why} needs one population, but {', '.join(network.outputs)} are read")
    (name,) = network.outputs
    spikes = record[name].spikes
    if spikes.ndim != 2:
        raise ValueError(
            f"a reward {why} needs one output neuron a class, but block {name!r} has the shape {list(spikes.shape[1:])}"
        )
    return spikes

"""What a learning rule is: it looks at activity and yields the changes it wishes; it writes nothing."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from spikelearn.checks import check_shape, check_time_first
from spikelearn.network import Network
from spikelearn.registry import Registry

RULES: Registry[type["Rule"]] = Registry("rule")

Memory = dict[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """Samples presented together.

    Args:
        inputs: [T, B, ...], floating point, or spikes as bytes (bool or uint8, 0 or 1); a constant image as
            ``x.expand(T, *x.shape)``.
        targets: class numbers, int64 [B].
        masks: {place: factor [B, ...]}, 0 or 1/(1-p), constant in time; places as in ``Network.step``.

    Raises:
        ValueError: a wrong order of axes (batch first is named as such), targets that are no class numbers, a mask
            for another number of samples.
    """

    inputs: Tensor
    targets: Tensor
    masks: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_time_first(self.inputs, self.targets)
        for place, mask in self.masks.items():
            if mask.ndim and mask.shape[0] != len(self.targets):
                check_shape(
                    f"mask {place!r}", mask, (len(self.targets), *mask.shape[1:]), "one mask a sample, [B, ...]"
                )

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device; a constant input stays stored once."""
        constant = self.inputs.shape[0] > 1 and self.inputs.stride(0) == 0
        inputs = self.inputs[0].to(device).expand_as(self.inputs) if constant else self.inputs.to(device)
        return Batch(inputs, self.targets.to(device), {k: m.to(device) for k, m in self.masks.items()})


@dataclass(frozen=True)
class Update:
    """What a rule wishes after looking at a batch.

    Args:
        grads: {parameter: minus the desired change}, mean over the batch, sum over time, linear in the samples.
        scores: class scores, [B, classes].
        loss: the number that the rule descends, if it has one; scalar.
        own: {memory tensor: minus the desired change} for what the rule itself learns.
        buffers: {network buffer: new value}.
        memory: {memory tensor: new value}, for what the rule only keeps.
        rates: {block: mean firing rate, spikes per step}, a measurement.
        metrics: {name: number} of the rule's own, a measurement; averaged over an epoch and shown with it.
    """

    grads: dict[str, Tensor]
    scores: Tensor
    loss: Tensor | None = None
    own: dict[str, Tensor] = field(default_factory=dict)
    buffers: dict[str, Tensor] = field(default_factory=dict)
    memory: dict[str, Tensor] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimizerChoice:
    """An optimizer by name (``training.optimizers.OPTIMIZERS``), its learning rate and further options of its class."""

    name: str
    lr: float
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join([f"{self.name} lr={self.lr:g}", *(f"{k}={v}" for k, v in self.options.items())])


class Rule(ABC):
    """A learning rule: how the network is run, and which changes follow.

    A rule never writes parameters, buffers or memory, never owns an optimizer and never loops over epochs. The
    number of updates and their keys do not depend on the data.
    """

    #: The optimizer under which the rule means what its source says; every result prints the one used.
    default_optimizer: ClassVar[OptimizerChoice] = OptimizerChoice("adam", 1e-3)
    #: The optimizer of the tensors that the rule itself learns (``Update.own``); None: it learns none.
    default_own_optimizer: ClassVar[OptimizerChoice | None] = None
    #: How the learning rate runs, by name (``training.optimizers.SCHEDULES``).
    default_schedule: ClassVar[str] = "constant"
    #: Lowest and highest weight; None: no bounds.
    default_bounds: ClassVar[tuple[float, float] | None] = None
    #: Largest norm of all gradients together, to which larger ones are scaled; None: no clipping.
    default_clip_norm: ClassVar[float | None] = None
    #: Whether learning rate and clipping are meant for the sum over the batch, as some papers have it: ``learn``
    #: then multiplies the mean by the number of samples before the optimizer sees it.
    sums_over_batch: ClassVar[bool] = False
    #: Whether the rule uses the targets.
    supervised: ClassVar[bool] = True

    def check(self, network: Network) -> None:
        """Raise ValueError, with the reason and the cure, where this rule cannot train ``network``."""

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """The rule's memory: tensors only, all at once, drawn from ``generator``."""
        self.check(network)
        return {}

    @abstractmethod
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        """Look at one batch and yield one or more updates, each to be applied before the next is asked for."""

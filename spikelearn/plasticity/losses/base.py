"""Losses: numbers to descend, from what the output neurons did."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from spikelearn.network import Activity, FirstSpikeReadout, MembraneReadout, Network, RateReadout
from spikelearn.plasticity.batch import Batch
from spikelearn.registry import Registry
from spikelearn.tasks import Task


class Loss(ABC):
    """A scalar, mean over the batch, of the output's activity, the readout's scores and the targets."""

    #: The name under which the loss is registered; ``LOSSES.register`` sets it.
    name: ClassVar[str] = "unregistered"
    #: Names of the tasks whose targets it takes (``tasks.TASKS``).
    tasks: ClassVar[frozenset[str]] = frozenset({"classify"})
    #: Whether it leaves out steps that do not count; then it is called with their mask.
    leaves_out_steps: ClassVar[bool] = True
    #: Whether the sign of its derivative at each output follows from the target alone, as that of p - y where p cannot
    #: come so near to 0 or 1 that it is rounded to it.
    sign_by_target: ClassVar[bool] = False

    @property
    def is_mean_over_steps(self) -> bool:
        """True if a sequence's loss is the mean over its steps of the loss of each step alone."""
        return False

    @abstractmethod
    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        """The loss of output [T, B, n], scores [B, classes] and targets [B], over steps ``valid`` [T, B]; None: all."""

    def of(self, batch: Batch, output: Activity, scores: Tensor) -> Tensor:
        """The loss of a batch.

        Raises:
            ValueError: a task that this loss does not serve; scores that do not fit the targets; steps that it cannot
                leave out.
        """
        task = batch.task
        self.check_task(task)
        task.check_scores(scores, batch.targets)
        valid = batch.valid_steps
        if valid is None:
            return self(output, scores, batch.targets)
        if not self.leaves_out_steps:
            raise ValueError(
                f"loss {self.name!r} looks at every step, but lengths or valid leave some out: cut "
                f"the samples to one length, or use {task.loss!r}"
            )
        return self(output, scores, batch.targets, valid)

    def error(self, scores: Tensor, targets: Tensor) -> Tensor | None:
        """Derivative in the scores [B, n] of the sum of all samples' losses; None: it is left to differentiation.

        Rules that ask for it at many points of one batch save the graph.
        """
        return None

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings of a run, as plain values, under which predictions follow it."""
        return {}

    def check_task(self, task: Task) -> None:
        """Raise ValueError where this loss does not take the targets of ``task``."""
        if task.name not in self.tasks:
            raise ValueError(
                f"loss {self.name!r} serves {', '.join(sorted(self.tasks))}, but the task is {str(task)!r}: use "
                f"{task.loss!r} (--rule-option loss={task.loss})"
            )

    def check(self, network: Network) -> None:
        """Raise ValueError where this loss says nothing about ``network``, or its predictions would not follow it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in vars(self).items())})"


LOSSES = Registry("loss", Loss)


class SpikingLoss(Loss):
    """A loss on what the output sends, spikes or real values: it needs output neurons that send something."""

    def check(self, network: Network) -> None:
        for name in network.outputs:
            if not (neuron := network.blocks[name].neuron).sends:
                raise ValueError(
                    f"loss {self.name!r} looks at spikes, but the block {name!r}, which is read, is a "
                    f"{type(neuron).__name__}, which never fires: use 'cross-entropy-membrane'"
                )
        if isinstance(network.readout, MembraneReadout):
            raise ValueError(
                f"loss {self.name!r} looks at spikes, but the readout predicts from potentials: use "
                "RateReadout (--readout rate), or 'cross-entropy-membrane'"
            )


class LogitLoss(Loss):
    """A loss on the readout's scores as logits, which bare firing rates in [0, 1] are not."""

    def check(self, network: Network) -> None:
        readout = network.readout
        fires = any(network.blocks[name].neuron.fires for name in network.outputs)
        if fires and isinstance(readout, RateReadout) and isinstance(readout.head, nn.Identity):
            raise ValueError(
                f"loss {self.name!r} takes the readout's scores as logits, but these are bare firing rates in "
                "[0, 1]: use 'cross-entropy-rate', or a readout with weights, RateReadout(nn.Linear(...))"
            )


class TimingLoss(Loss):
    """A loss on the times of first spikes alone: scores are minus these times, seconds, minus infinity for never."""

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"readout": "first-spike"}

    def check(self, network: Network) -> None:
        if not isinstance(network.readout, FirstSpikeReadout):
            raise ValueError(
                f"loss {self.name!r} looks at the times of first spikes, but the readout is "
                f"{type(network.readout).__name__}: use FirstSpikeReadout() (--readout first-spike)"
            )

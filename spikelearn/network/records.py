"""What a run leaves behind: activity, and the state to go on from."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from spikelearn.events import share_active
from spikelearn.fused import ErrorCount


class Activity(NamedTuple):
    """What one block saw and did; [T, B, ...] from ``run``, [B, ...] from ``step``.

    Args:
        pre: what met the weights, after delay and masks.
        spikes: what was sent, after masks.
        v: what was compared with the threshold, before reset.
    """

    pre: Tensor
    spikes: Tensor
    v: Tensor


class Record(dict[str, Activity]):
    """{block: Activity}, in the order of the blocks; of a run with ``output_only``, the last block alone.

    Args:
        activity: what is held.
        feedback: what met each feedback edge's weights.
        rates: {block: mean firing rate, spikes per step and neuron} of blocks that are not held.
        errors: {block: what a backward pass through its neurons counts}, where it does.
    """

    def __init__(
        self,
        activity: dict[str, Activity],
        feedback: dict[str, Tensor],
        rates: dict[str, float] | None = None,
        errors: dict[str, ErrorCount] | None = None,
    ) -> None:
        super().__init__(activity)
        self.feedback, self.rates, self.errors = feedback, rates or {}, errors or {}

    def last(self) -> "Record":
        """The same with the last block alone, and the rates of the others."""
        *hidden, last = self
        return Record({last: self[last]}, {}, {name: share_active(self[name].spikes) for name in hidden} | self.rates)

    @property
    def output(self) -> Activity:
        """The last block's activity."""
        return next(reversed(self.values()))


class State(NamedTuple):
    """Everything a network carries from one step to the next, as a value.

    Args:
        neurons: {block: neuron state}.
        delay_lines: {block: inputs on their way, oldest first, [delay, B, ...]}; only blocks with a delay.
        sent: {block: spikes of the last step, [B, ...]}; only sources of feedback.
    """

    neurons: dict[str, Any]
    delay_lines: dict[str, Tensor]
    sent: dict[str, Tensor]

    def detach(self) -> "State":
        """The same values cut from the graph: for sequences carried across batches."""
        return self.mapped(Tensor.detach)

    def mapped(self, change: Callable[[Tensor], Tensor]) -> "State":
        """The state with ``change`` applied to each of its tensors."""
        return State(
            {name: type(s)(*map(change, s)) for name, s in self.neurons.items()},
            {name: change(line) for name, line in self.delay_lines.items()},
            {name: change(spikes) for name, spikes in self.sent.items()},
        )

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state by a name of its own."""
        neurons = {f"neurons.{name}.{n}": x for name, s in self.neurons.items() for n, x in enumerate(s)}
        lines = {f"delay_lines.{name}": line for name, line in self.delay_lines.items()}
        return neurons | lines | {f"sent.{name}": spikes for name, spikes in self.sent.items()}

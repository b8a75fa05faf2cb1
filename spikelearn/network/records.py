"""What a run leaves behind: activity, and the state to go on from."""

from typing import Any, NamedTuple

from torch import Tensor


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
    """{block: Activity}, in the order of the blocks; ``feedback`` holds what met each feedback edge's weights."""

    def __init__(self, activity: dict[str, Activity], feedback: dict[str, Tensor]) -> None:
        super().__init__(activity)
        self.feedback = feedback

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
        return State(
            {name: type(s)(*(x.detach() for x in s)) for name, s in self.neurons.items()},
            {name: line.detach() for name, line in self.delay_lines.items()},
            {name: spikes.detach() for name, spikes in self.sent.items()},
        )

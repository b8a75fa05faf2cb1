"""Records of a run: activity, and the state to go on from."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from spikelearn.events import share_active
from spikelearn.fused import ErrorCount


class Activity(NamedTuple):
    """Input, spikes and potentials of one block; [T, B, ...] from ``run``, [B, ...] from ``step``.

    Args:
        pre: what met the weights, after release, delay and masks; [T, B, D + 1, ...] where single connections take up
            to D steps, the oldest step first.
        spikes: what was sent, after masks.
        v: what was compared with the threshold, before reset.
    """

    pre: Tensor
    spikes: Tensor
    v: Tensor


class Record(dict[str, Activity]):
    """{block: Activity}, in the order of the blocks; of a run with ``output_only``, the blocks that are read alone.

    Args:
        activity: what is held.
        feedback: what met each feedback edge's weights.
        rates: {block: mean firing rate, spikes per step and neuron} of blocks that are not held.
        errors: {block: number of non-zero surrogate derivatives, which the backward pass fills in}, where it counts.
        feedforward: what met the weights of each further forward edge.
        outputs: blocks that the readout reads; none named: the last.
        leading: axes in front of a population's own: 2, [T, B, ...], or 1, [B, ...] of a step.
    """

    def __init__(
        self,
        activity: dict[str, Activity],
        feedback: dict[str, Tensor],
        rates: dict[str, float] | None = None,
        errors: dict[str, ErrorCount] | None = None,
        *,
        feedforward: dict[str, Tensor] | None = None,
        outputs: tuple[str, ...] = (),
        leading: int = 2,
    ) -> None:
        super().__init__(activity)
        self.feedback, self.rates, self.errors = feedback, rates or {}, errors or {}
        self.feedforward, self.outputs, self.leading = feedforward or {}, outputs, leading

    def last(self) -> "Record":
        """The same with the blocks that are read alone, and the rates of the others."""
        read = self._read()
        rates = {name: share_active(seen.spikes) for name, seen in self.items() if name not in read}
        return Record({name: self[name] for name in read}, {}, rates | self.rates, outputs=read, leading=self.leading)

    @property
    def output(self) -> Activity:
        """The activity of the block that is read; of several, flattened and side by side."""
        read = self._read()
        if len(read) == 1:
            return self[read[0]]
        seen = zip(*(self[name] for name in read), strict=True)
        return Activity(*(torch.cat([part.flatten(self.leading) for part in parts], -1) for parts in seen))

    def _read(self) -> tuple[str, ...]:
        return self.outputs or (next(reversed(self)),)


class State(NamedTuple):
    """Everything a network carries from one step to the next, as a value.

    Args:
        neurons: {block: neuron state}.
        delay_lines: {place of an edge: what is on its way, oldest first, [delay, B, ...]}; only of edges with a delay,
            or connections that have one.
        sent: {block: spikes of the last step, [B, ...]}; only sources of feedback.
        releases: {place of an edge: state of its short-term plasticity}; only those with some.
    """

    neurons: dict[str, Any]
    delay_lines: dict[str, Tensor]
    sent: dict[str, Tensor]
    releases: dict[str, Any]

    @classmethod
    def empty(cls) -> "State":
        """A state without entries, of a network that has not begun."""
        return cls({}, {}, {}, {})

    def detach(self) -> "State":
        """The same values cut from the graph: for sequences carried across batches."""
        return self.mapped(Tensor.detach)

    def mapped(self, change: Callable[[Tensor], Tensor]) -> "State":
        """The state with ``change`` applied to each of its tensors."""
        return State(
            {name: type(s)(*map(change, s)) for name, s in self.neurons.items()},
            {name: change(line) for name, line in self.delay_lines.items()},
            {name: change(spikes) for name, spikes in self.sent.items()},
            {name: type(s)(*map(change, s)) for name, s in self.releases.items()},
        )

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state by a name of its own."""
        neurons = {f"neurons.{name}.{n}": x for name, s in self.neurons.items() for n, x in enumerate(s)}
        lines = {f"delay_lines.{name}": line for name, line in self.delay_lines.items()}
        releases = {f"releases.{name}.{n}": x for name, s in self.releases.items() for n, x in enumerate(s)}
        return neurons | lines | releases | {f"sent.{name}": spikes for name, spikes in self.sent.items()}

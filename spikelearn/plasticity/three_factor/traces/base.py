"""The trace of a three-factor rule: how the past of a synapse enters its update."""

from abc import ABC
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from spikelearn.neurons import Adjoint, AtTheStep, Neuron
from spikelearn.plasticity.requires import Need
from spikelearn.registry import Registry
from spikelearn.synapses import as_float, correlate


class Edge(NamedTuple):
    """A weighted edge and what crossed it.

    Args:
        synapse: its weights.
        pre: what met them, [T, B, in...]; T is 1 of a step.
        neuron: the neurons that it drives.
        fed_by_inputs: whether the inputs of the network drive it.
        read: whether the neurons are read.
    """

    synapse: nn.Module
    pre: Tensor
    neuron: Neuron
    fed_by_inputs: bool
    read: bool


class Behind(NamedTuple):
    """Activity of the neurons behind an edge, which are not read.

    Args:
        signal: m, at what they send, [T, B, out...].
        slopes: a trace of the derivatives of what they send, of the steps before, [T, B, out...].
    """

    signal: Tensor
    slopes: Tensor


class Trace(ABC):
    r"""The trace at a synapse: it stands for $\partial s[t]/\partial W$, the past of what met the weights.

    A sequence is differentiated within each block by autograd, as ``adjoint`` lets derivatives cross the neurons,
    unless the trace is a factor of its own (``is_factor``): then it meets the error at the current, in ``correlate``.
    In the form that goes step by step it always is one, carried from step to step by ``follow``.
    """

    #: The name under which the trace is registered; ``TRACES.register`` sets it.
    name: ClassVar[str] = "the trace"
    #: Whether derivatives go through time within a block, which needs the whole sequence.
    through_time: ClassVar[bool] = False
    #: Whether the trace is a factor that meets the error at the current, instead of what autograd makes of a block.
    is_factor: ClassVar[bool] = False
    #: Whether a factor looks behind the synapse too: at the signal, and at the past of its neurons' derivatives.
    looks_behind: ClassVar[bool] = False
    #: Whether the way of a neuron to itself, by a feedback edge one step late, is part of it.
    own_loop: bool = False
    #: Whether errors that go down block by block go back along feedback edges too, to the step before.
    returns_errors: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in vars(self).items())})"

    @property
    def requires(self) -> tuple[Need, ...]:
        """The needs of a network for such a trace."""
        return ()

    def adjoint(self, adjoint: Adjoint) -> Adjoint:
        """The adjoint of a run over the whole sequence."""
        return adjoint if self.through_time else AtTheStep(adjoint)

    def correlate(self, edge: Edge, error: Tensor, behind: Behind | None = None) -> dict[str, Tensor]:
        """{parameter of the synapse: sum over time of error times trace}, of errors at the current [T, B, out...].

        ``behind`` is given where the trace looks there, of neurons that are not read.
        """
        return correlate(edge.synapse, edge.pre, error)

    def follow(self, edge: Edge, before: Tensor | None) -> Tensor:
        """The trace at this step [1, B, in...], given that of the step before; None: there was none."""
        return as_float(edge.pre, edge.synapse)

    def meet(self, edge: Edge, traced: Tensor, error: Tensor, behind: Behind | None = None) -> dict[str, Tensor]:
        """The summand of one step in ``correlate``, of its trace as ``follow`` gives it; all are [1, B, ...]."""
        return correlate(edge.synapse, traced, error)

    def follow_slopes(self, slopes: Tensor, before: Tensor | None = None) -> Tensor:
        """The trace of derivatives behind a synapse [T, B, out...], given that of steps before; None: there were none.

        Raises:
            ValueError: a trace that does not look there.
        """
        raise ValueError(f"the trace {self.name!r} does not look behind the synapse: use pre-post")


TRACES = Registry("trace", Trace)

"""The learning signal of a three-factor rule: what stands for the loss's derivative at a block's spikes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_instance, check_not_negative, check_positive
from spikelearn.network import Network
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.base import Batch, Memory, OptimizerChoice
from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.losses import Loss
from spikelearn.plasticity.requires import LossFits, Need
from spikelearn.registry import Registry


class Sent(NamedTuple):
    """A record that a signal may look at: a sequence, or one step of it (T = 1).

    Args:
        network: as it was run.
        currents: of zeros, added to those of the blocks that are read, [T, B, outputs...]; their gradients are the
            output's error. Empty where errors pass between blocks.
        spikes: {hidden block that learns: what it sent, [T, B, ...]}, with the graph within the block.
        heard: {hidden block that learns: what an error at the output meets of what it sent}: the spikes themselves, or,
            where the error of a step is that of a potential, what that remembers of them.
        potentials: {hidden block that learns: what was compared with the threshold, [T, B, ...]}, for signals that look
            at a block by itself.
        batch: the whole batch.
        shares: how much each step of each sample counts, [T, B]; those of a sample sum to 1 where the loss is a mean.
        more: {hidden block: what is added to the signal at its spikes, [...]}, at all steps and for all samples alike.
        first: number of the first step.
        scores: of the whole sequence, [B, classes], without a graph; None: step by step there are none yet.
        read: what the blocks that are read sent, [T, B, outputs...], with the graph within them.
    """

    network: Network
    currents: Sequence[Tensor]
    spikes: Mapping[str, Tensor]
    heard: Mapping[str, Tensor]
    potentials: Mapping[str, Tensor]
    batch: Batch
    shares: Tensor
    more: Mapping[str, Tensor] = {}
    first: int = 0
    scores: Tensor | None = None
    read: Sequence[Tensor] = ()


class Pulled(NamedTuple):
    """A signal's errors for a sequence, or for one step of it.

    Args:
        at: what arrives at the points that were asked for; None where nothing does.
        own: {memory tensor: minus the desired change} of what the signal itself learns; steps add up.
        metrics: {name: number}, a measurement; steps add up.
    """

    at: Sequence[Tensor | None]
    own: dict[str, Tensor]
    metrics: Mapping[str, float] = {}


class Taught(NamedTuple):
    """A signal for a block that is taught by itself.

    Args:
        spikes: signal at what the block sent, [T, B, ...].
        potentials: signal at what was compared with the threshold, [T, B, ...]; None: there is none.
        own: {memory tensor: minus the desired change}.
        loss: the block's own, a number; None: it has none.
    """

    spikes: Tensor
    potentials: Tensor | None = None
    own: Mapping[str, Tensor] = {}
    loss: Tensor | None = None


class Signal(ABC):
    r"""The learning signal: it stands for $m_l[t] = \partial L/\partial s_l[t]$ at the spikes of a hidden block.

    The last block and the readout learn by the derivative of the loss itself.

    Args:
        loss: what is descended.
    """

    #: The name under which the signal is registered; ``SIGNALS.register`` sets it.
    name: ClassVar[str] = "the signal"
    #: Whether errors stop between blocks; otherwise the run is differentiated across them.
    cut: ClassVar[bool] = True
    #: Whether errors pass between blocks within a step alone, so that they need nothing of the time to come.
    within_step: ClassVar[bool] = False
    #: Whether it looks at the whole sequence at once.
    whole: bool = False
    #: The optimizer of what the signal itself learns; None: it learns nothing, or as the network's weights do.
    own_optimizer: OptimizerChoice | None = None
    #: Whether what it learns is stepped as the network's weights are, by their optimizer.
    own_as_network: bool = False
    #: Why gradients cannot be clipped by their norm, a phrase behind the rule's name; "": they can.
    unclipped: str = ""

    def __init__(self, loss: Loss) -> None:
        check_instance("loss", loss, Loss, "for example loss=MSECount()")
        self.loss = loss

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in vars(self).items())})"

    @property
    def linear(self) -> bool:
        """True if it is linear in the output's error, where it comes from that."""
        return True

    @property
    def factors(self) -> Factors:
        """The factors of the signal at a hidden block: "targets", "error", "weights" of other synapses."""
        return frozenset({"targets", "error"})

    @property
    def requires(self) -> tuple[Need, ...]:
        """The needs of a network to be sent such a signal."""
        return (LossFits(self.loss),)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """The weights on the way back."""
        return {}

    def crossing(self, network: Network, inputs: Tensor, memory: Memory) -> AbstractContextManager[None]:
        """Context in which the network is run: it may change how errors will cross its weights."""
        return nullcontext()

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The signal's draws by sample, as ``Rule.draws``; it finds them in ``batch.draws``."""
        return {}

    @abstractmethod
    def pull(self, value: Tensor, points: Sequence[Tensor], sent: Sent, memory: Memory) -> Pulled:
        """Errors that arrive at ``points``, parameters or currents of the run, and the signal's own changes.

        Args:
            value: the loss, a scalar with its graph.
            points: where the derivative is asked for.
            sent: what the run sent.
            memory: the rule's.
        """

    def own_changes(
        self, network: Network, batch: Batch, memory: Memory, adjoint: Adjoint, grads: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """{memory tensor: minus the desired change} of what the signal learns from the batch as a whole.

        Args:
            network, batch, memory: as they were when the batch was presented.
            adjoint: how derivatives cross the neurons, as the trace has it.
            grads: the changes of the network's own parameters.
        """
        return {}


SIGNALS = Registry("signal", Signal)


class Layered(Signal):
    """A signal that goes down block by block as the derivative of the run; ``crossing`` says how it crosses weights."""

    cut = False

    def pull(self, value: Tensor, points: Sequence[Tensor], sent: Sent, memory: Memory) -> Pulled:
        return Pulled(torch.autograd.grad(value, points, allow_unused=True), {})


class Local(Signal):
    """A signal that a hidden block gets from what it did itself and from the targets: a loss of its own, or none.

    It needs nothing of other blocks, so a block may learn as soon as it has run.
    """

    @property
    def factors(self) -> Factors:
        return frozenset({"targets"})

    def seen(self, network: Network, name: str, spikes: Tensor, potentials: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes and potentials of a hidden block as the signal looks at them, with their graph; here all of them.

        Args:
            network: as it was run.
            name: of the block.
            spikes, potentials: of the block, [T, B, ...].
        """
        return spikes, potentials

    @abstractmethod
    def teach(
        self, name: str, spikes: Tensor, potentials: Tensor, batch: Batch, shares: Tensor, memory: Memory
    ) -> Taught:
        """The signal that a hidden block is told.

        Args:
            name: of the block.
            spikes, potentials: what of the block is ``seen``, [T, B, ...], without a graph.
            batch, shares, memory: as in ``Sent`` and ``pull``.
        """

    def pull(self, value: Tensor, points: Sequence[Tensor], sent: Sent, memory: Memory) -> Pulled:
        top = torch.autograd.grad(value, points, allow_unused=True)
        hidden = [point for point, grad in zip(points, top, strict=True) if grad is None]
        if not hidden or not sent.spikes:
            return Pulled(top, {})
        own: dict[str, Tensor] = {}
        metrics: dict[str, float] = {}
        outputs, signals = list[Tensor](), list[Tensor]()
        for name, spikes in sent.spikes.items():
            if name in sent.more:
                outputs.append(spikes)
                signals.append(sent.more[name].expand_as(spikes))
            seen, v = self.seen(sent.network, name, spikes, sent.potentials[name])
            taught = self.teach(name, seen.detach(), v.detach(), sent.batch, sent.shares, memory)
            told = told_to(seen, v, taught)
            outputs += told[0]
            signals += told[1]
            own |= taught.own
            metrics |= local_loss(name, taught)
        below = iter(torch.autograd.grad(outputs, hidden, signals, allow_unused=True))
        return Pulled([next(below) if grad is None else grad for grad in top], own, metrics)


def told_to(spikes: Tensor, potentials: Tensor, taught: Taught) -> tuple[list[Tensor], list[Tensor]]:
    """The points at which blocks are told something, and what they are told."""
    if taught.potentials is None:
        return [spikes], [taught.spikes]
    return [spikes, potentials], [taught.spikes, taught.potentials]


def local_loss(name: str, taught: Taught) -> dict[str, float]:
    """The measurement of a block's own loss."""
    return {} if taught.loss is None else {f"loss_{name}": float(taught.loss)}


class Broadcast(Signal):
    """A signal that reaches every hidden block at once; the subclass says what is sent."""

    def error_at(self, sent: Sent) -> Sequence[Tensor]:
        """The tensors of the run whose error is sent; here the currents of the blocks that are read."""
        return sent.currents

    @abstractmethod
    def send(self, error: Tensor, sent: Sent, memory: Memory) -> dict[str, Tensor]:
        """{hidden block: signal at its spikes, [T, B, ...]}, given the output's error [T, B, outputs], dL/dI."""

    def follow(self, error: Tensor, sent: Sent, memory: Memory) -> dict[str, Tensor]:
        """{memory tensor: minus the desired change}, given the output's error; arguments as of ``send``."""
        return {}

    def pull(self, value: Tensor, points: Sequence[Tensor], sent: Sent, memory: Memory) -> Pulled:
        # In a cut run the loss depends on what is learned in the blocks that are read; the rest is None.
        heard = self.error_at(sent)
        pulled = torch.autograd.grad(value, [*heard, *points], allow_unused=True)
        top = pulled[len(heard) :]
        hidden = [point for point, grad in zip(points, top, strict=True) if grad is None]
        if not hidden or not sent.spikes:
            return Pulled(top, {})
        error = _side_by_side(heard, pulled)
        signals = self.send(error, sent, memory)
        signals = {name: signal + sent.more[name] if name in sent.more else signal for name, signal in signals.items()}
        outputs = [sent.spikes[name] for name in signals]
        below = iter(torch.autograd.grad(outputs, hidden, list(signals.values()), allow_unused=True))
        arrived = [next(below) if grad is None else grad for grad in top]
        return Pulled(arrived, self.follow(error, sent, memory))


def _side_by_side(currents: Sequence[Tensor], errors: Sequence[Tensor | None]) -> Tensor:
    """The errors of all blocks that are read, flattened, [T, B, outputs]."""
    pairs = zip(currents, errors, strict=False)
    parts = [(torch.zeros_like(current) if error is None else error).flatten(2) for current, error in pairs]
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


def sent_by(weights: Mapping[str, Tensor], error: Tensor, spikes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """{block: e D, shaped like its spikes}, of the output's error e [T, B, outputs] and weights D [outputs, ...]."""
    flat = error.flatten(2)
    return {name: (flat @ weights[name].flatten(1)).view_as(own) for name, own in spikes.items()}


def feedback_adam(lr: float, decay: float) -> OptimizerChoice:
    """Adam for weights on the way back; ``decay`` is part of their gradient."""
    check_positive("feedback_lr", lr)
    check_not_negative("feedback_decay", decay)
    return OptimizerChoice("adam", lr, {"weight_decay": decay})

"""Evidence on a training: what a few batches show of its inputs, its activity and its learning."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor

from spikelearn.network import Network, evaluating
from spikelearn.plasticity import Batch, Rule, Update
from spikelearn.training import Bounds, Constraint, NonFiniteUpdate, Training, learn

#: Batches that are learned for the evidence.
BATCHES = 8


@dataclass(frozen=True)
class BlockSeen:
    """What one block that fires did on a batch.

    Args:
        over_time: share of its neurons that fired, at every step, [T].
        silent: share of neurons that never fired.
        ties: share of its potentials that were equal to the threshold, bit for bit.
    """

    over_time: Tensor
    silent: float
    ties: float

    @property
    def rate(self) -> float:
        """Spikes per step and neuron."""
        return float(self.over_time.mean())


@dataclass(frozen=True)
class LearningSeen:
    """What one batch changed.

    Args:
        changes: {weight: |change| / |weight|}, Euclidean, of weights with two axes or more that were not all 0.
        errors: {weight: root mean square of minus the wished change}, before the optimizer.
        loss: what the rule descends; None: it descends none.
    """

    changes: Mapping[str, float]
    errors: Mapping[str, float]
    loss: float | None


@dataclass(frozen=True)
class Evidence:
    """All that illnesses are recognised by.

    Args:
        network: what was looked at, before it learned the batches.
        rule: how it learns.
        batch: the first batch, inputs [T, B, ...].
        before, after: {block: what it did on that batch} before and after the batches were learned.
        learning: what each batch changed, in their order.
        at_low, at_high: {weight: share at the lower or upper bound}, the larger of before and after; none
            without bounds.
        failure: the sentence that ended the learning; "": nothing did.
    """

    network: Network
    rule: Rule
    batch: Batch
    before: Mapping[str, BlockSeen]
    after: Mapping[str, BlockSeen]
    learning: tuple[LearningSeen, ...]
    at_low: Mapping[str, float] = field(default_factory=dict)
    at_high: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""


def gather(training: Training, batches: Iterable[Batch]) -> Evidence:
    """Learn up to ``BATCHES`` batches, look before and after, and put the training back as it was, bit for bit.

    Args:
        training: what is looked at, also one that has been trained.
        batches: samples as ``learn`` takes them; the device is that of the network.

    Raises:
        ValueError: no batch; what ``learn`` refuses, but not a change that is not finite, which is evidence.
    """
    taken = [batch for batch, _ in zip(batches, range(BATCHES), strict=False)]
    if not taken:
        raise ValueError("there is no batch to look at, expected at least one")
    network, first = training.network, taken[0]
    state, mode = deepcopy(training.state_dict()), network.training
    before, (low, high) = look(network, first), at_bounds(network, training.constraints)
    learned, failure = [], ""
    try:
        for batch in taken:
            learned.append(_learned(training, batch))
        training.check_finite()
    except NonFiniteUpdate as error:
        failure = str(error)
    try:
        after = {} if failure else look(network, first)
        low, high = (_larger(*pair) for pair in zip((low, high), at_bounds(network, training.constraints), strict=True))
    finally:
        training.load_state_dict(state)
        network.train(mode)
    return Evidence(network, training.rule, first, before, after, tuple(learned), low, high, failure)


@torch.no_grad()
def look(network: Network, batch: Batch) -> dict[str, BlockSeen]:
    """{block: what it did on a batch}, of the blocks that fire."""
    with evaluating(network):
        if network.random:
            with network.drawing(torch.arange(batch.size)):
                record, _ = network.run(batch.inputs)
        else:
            record, _ = network.run(batch.inputs)
    seen = {}
    for name, block in network.blocks.items():
        if not block.neuron.fires:
            continue
        fired = record[name].spikes.flatten(2) != 0
        v, threshold = record[name].v, block.neuron.v_threshold
        equal = v == torch.as_tensor(threshold, dtype=v.dtype, device=v.device)
        seen[name] = BlockSeen(
            fired.float().mean((1, 2)).cpu(),
            float((~fired.any(0).any(0)).float().mean()),
            float(equal.float().mean()),
        )
    return seen


def _learned(training: Training, batch: Batch) -> LearningSeen:
    weights = {name: p for name, p in training.network.named_parameters() if p.ndim > 1 and p.requires_grad}
    old = {name: weight.detach().clone() for name, weight in weights.items()}
    update: Update = learn(training, batch)
    training.to_steps()
    if training.schedule is not None:
        training.schedule.step()
    changes = {
        name: float((weight.detach() - old[name]).norm() / old[name].norm())
        for name, weight in weights.items()
        if old[name].any()
    }
    errors = {name: float(grad.square().mean().sqrt()) for name, grad in update.grads.items() if grad.ndim > 1}
    return LearningSeen(changes, errors, None if update.loss is None else float(update.loss))


def _larger(some: dict[str, float], others: dict[str, float]) -> dict[str, float]:
    return {name: max(share, others[name]) for name, share in some.items()}


def at_bounds(network: Network, constraints: Iterable[Constraint]) -> tuple[dict[str, float], dict[str, float]]:
    """The shares of the weights at the lower and at the upper bound, of those that have finite ones."""
    shares: tuple[dict[str, float], dict[str, float]] = {}, {}
    bounds = [(part.low, part.high) for part in constraints if isinstance(part, Bounds)]
    if not bounds:
        return shares
    low, high = bounds[0]
    for name, weight in network.named_parameters():
        if weight.ndim > 1 and weight.requires_grad:
            shares[0][name] = float((weight <= low).float().mean())
            shares[1][name] = float((weight >= high).float().mean())
    return shares

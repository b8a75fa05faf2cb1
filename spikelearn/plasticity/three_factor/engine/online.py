"""A run whose weights change after each of its steps."""

from collections.abc import Iterator

import torch

from spikelearn.network import Network, learning_only
from spikelearn.plasticity.base import Batch, Memory, Update
from spikelearn.plasticity.gradient.base import named_gradients
from spikelearn.plasticity.three_factor.engine.plain_walk import PlainWalk
from spikelearn.plasticity.three_factor.rule import ThreeFactor


def updates_at_every_step(
    rule: ThreeFactor, network: Network, batch: Batch, memory: Memory, generator: torch.Generator
) -> Iterator[Update]:
    """One update for each step that counts, with scores and loss of all steps so far.

    Potentials and traces are those that the weights of their own steps made.

    Args:
        rule: of the form "step".
        network, batch, memory, generator: as of ``updates``.
    """
    names = rule.learned(network)
    walk = rule.walk(network, batch, memory, rule.counted(len(batch.inputs), generator))
    for t, share in enumerate(walk.shares):
        if isinstance(walk, PlainWalk):
            step, buffers = walk.step(t), {}
        else:
            # Left before the update is handed over: a presentation holds the weights as they were.
            with learning_only(network, names), network.presentation() as buffers, torch.enable_grad():
                step = walk.step(t)
        if share:
            grads = named_gradients(rule.loss, names, [step.grads.get(name) for name in names])
            seen = walk.seen
            yield Update(grads, seen.scores(), walk.loss.clone(), own=step.own, buffers=buffers, rates=seen.rates())

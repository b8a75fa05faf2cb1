"""The weights of a block while a few batches are learned."""

from collections.abc import Iterable

import numpy as np

from spikelearn.network.block_weights import chosen_weights, tensors_of
from spikelearn.plasticity import Batch
from spikelearn.training.learning import learn
from spikelearn.training.training import Training


def forming_weights(training: Training, batches: Iterable[Batch], block: str | None = None) -> np.ndarray:
    """Learn batches, and keep the weights of a block before the first and behind each, as ``draw.forming`` takes them.

    Args:
        training: what learns, and has learned behind it.
        batches: samples as ``learn`` takes them.
        block: whose weights; None: the first that has some.

    Shapes: [N, out, in] of dense weights and of listed connections, [N, out, in, ...] of filters.

    Raises:
        ValueError: a block without weights.
    """
    name, values = chosen_weights(tensors_of(training.network), block)
    frames = [values]
    for batch in batches:
        learn(training, batch)
        frames.append(chosen_weights(tensors_of(training.network), name)[1])
    return np.stack(frames)

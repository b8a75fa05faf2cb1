"""Weights of a block while a few batches are learned."""

import numpy as np
import pytest
import torch

from spikelearn import BPTT, Batch, Training, build, draw
from spikelearn.training import forming_weights


@pytest.mark.parametrize(("net", "block", "shape"), [("16-6-3", "fc2", (3, 6)), ("4C3-3", None, (4, 1, 3, 3))])
def test_weights_before_the_first_batch_and_behind_each(net, block, shape):
    network = build(net, input_shape=(1, 4, 4), generator=torch.Generator().manual_seed(0))
    before = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    drawn = torch.Generator().manual_seed(1)
    batches = [Batch((torch.rand(6, 8, 1, 4, 4, generator=drawn) < 0.5).float(), torch.arange(8) % 3) for _ in range(4)]
    training = Training.start(network, BPTT())
    frames = forming_weights(training, batches, block)
    assert frames.shape == (5, *shape)
    name = next(name for name, value in before.items() if value.shape == shape)
    assert np.array_equal(frames[0], before[name])
    assert np.array_equal(frames[-1], network.get_parameter(name).detach().numpy())
    assert all(np.abs(later - earlier).max() > 0 for earlier, later in zip(frames, frames[1:], strict=False))
    assert draw.forming(frames).startswith(b"GIF89a")


def test_a_block_that_is_not_there():
    with pytest.raises(ValueError, match="block 'fc7' has no dense or convolutional weights"):
        forming_weights(Training.start(build("6-4-3"), BPTT()), [], "fc7")

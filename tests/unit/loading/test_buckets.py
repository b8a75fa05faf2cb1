"""Batches of samples of like length: every sample once, less padding, and the same losses as without."""

import pytest
import torch

from spikelearn import BPTT, ArrayDataset, Digits, Loader, Training, build
from spikelearn.plasticity import Batch


@pytest.fixture(scope="module")
def data():
    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(2, 31, (50,), generator=draw)
    inputs = (torch.rand(50, 30, 6, generator=draw) < 0.4).to(torch.uint8)
    inputs *= (torch.arange(30)[None, :] < lengths[:, None]).unsqueeze(2)
    return ArrayDataset(inputs, torch.arange(50) % 4, sequence=True, lengths=lengths)


def loader(data, **options):
    return Loader(data, 30, 8, shuffle=True, seed=1, **options)


def test_every_sample_is_shown_once_with_less_padding(data):
    bucketed, plain = loader(data, buckets=3), loader(data)
    for epoch in (0, 1):
        assert bucketed.order(epoch).sort().values.equal(torch.arange(50))
        assert bucketed.order(epoch).equal(loader(data, buckets=3).order(epoch))
    assert not bucketed.order(0).equal(bucketed.order(1))
    batches = list(bucketed.epoch(0))
    assert [batch.inputs.shape[1] for batch in batches] == [8] * 6 + [2]
    assert all(len(batch.inputs) == batch.lengths.max() for batch in batches)
    shown = sum(batch.inputs.shape[0] * batch.inputs.shape[1] for batch in batches)
    padded = sum(batch.inputs.shape[0] * batch.inputs.shape[1] for batch in plain.epoch(0))
    assert shown < 0.8 * padded
    firsts = [int(batch.lengths.max()) for batch in batches[:-1]]
    assert firsts != sorted(firsts)  # nobody learns from the short ones first


def test_padding_that_is_cut_off_teaches_nothing(data):
    """The same samples with and without their padding give the same gradients."""
    network = build("6-20-4", input_shape=(6,))
    batch = next(iter(loader(data, buckets=3).epoch(0)))
    place = loader(data, buckets=3).order(0)[:8]
    whole = Loader(data, 30, 8).load(place)
    assert len(whole.inputs) > len(batch.inputs)
    assert whole.targets.equal(batch.targets)
    updates = []
    for samples in (batch, whole):
        training = Training.start(network, BPTT())
        updates.append(
            next(iter(training.rule.updates(network, Batch.of(samples), training.memory, training.generator)))
        )
    for name, gradient in updates[0].grads.items():
        torch.testing.assert_close(gradient, updates[1].grads[name])


def test_what_has_no_buckets(data):
    for refused in ({"dataset": Digits("train")}, {"dataset": data, "shuffle": False}):
        with pytest.raises(ValueError, match="buckets are of shuffled samples with lengths"):
            Loader(n_steps=30, batch=8, **{"shuffle": True, **refused}, buckets=2)

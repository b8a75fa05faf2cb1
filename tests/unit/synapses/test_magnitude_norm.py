"""The norm that keeps the length of what it passes on."""

import torch

from spikelearn.synapses import MagnitudeNorm

F64 = torch.float64


def drawn(seed):
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(seed), dtype=F64)


def test_statistics_move_in_training_alone_and_are_those_of_before():
    norm = MagnitudeNorm(4, decay=0.9).double()
    for training in (True, False, True):
        norm.train(training)
        y, mean, variance = drawn(1), norm.mean.clone(), norm.variance.clone()
        z = (y.abs() - mean) / variance.sqrt()
        expected = z * y.norm(dim=1, keepdim=True) / z.norm(dim=1, keepdim=True)
        torch.testing.assert_close(norm(y), expected, rtol=1e-12, atol=1e-12)
        assert norm.mean.equal(mean) != training
        assert norm.variance.equal(variance) != training
    torch.testing.assert_close(norm(y).norm(dim=1), y.norm(dim=1))

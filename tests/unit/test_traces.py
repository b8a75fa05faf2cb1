import pytest
import torch

from spikelearn.traces import reverse_trace, trace


def test_trace_by_hand():
    record = torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert trace(record, 0.5).tolist() == [1.0, 0.5, 1.25, 0.625]
    assert reverse_trace(record, 0.5).tolist() == [1.25, 0.5, 1.0, 0.0]


def test_the_filter_may_stand_on_either_side():
    a, b = torch.rand(7, 3, 2, dtype=torch.float64), torch.rand(7, 3, 2, dtype=torch.float64)
    torch.testing.assert_close((trace(a, 0.8) * b).sum(0), (a * reverse_trace(b, 0.8)).sum(0))


def test_decay_is_checked():
    with pytest.raises(ValueError, match="decay is 1.5"):
        trace(torch.zeros(2), 1.5)

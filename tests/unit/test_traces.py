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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(9, 3, 5), (9, 2, 3, 4), (1, 2, 2)])
def test_the_compiled_loop_gives_the_same_bits(shape, dtype):
    record, decay = torch.randn(shape, dtype=dtype), 0.9512294245007140
    given = record.clone().requires_grad_()  # what is differentiated takes the loop of torch operations
    assert trace(record, decay).equal(trace(given, decay).detach())
    assert reverse_trace(record, decay).equal(reverse_trace(given, decay).detach())
    start = torch.randn(shape[1:], dtype=dtype)
    assert trace(record, decay, start).equal(trace(given, decay, start).detach())
    view = record.expand(2, *shape).transpose(0, 1)
    assert trace(view, decay).equal(trace(view.clone().requires_grad_(), decay).detach())


def test_a_trace_is_carried_on():
    record = torch.rand(9, 2, 3)
    first = trace(record[:4], 0.8)
    assert torch.cat([first, trace(record[4:], 0.8, first[-1])]).equal(trace(record, 0.8))


def test_traces_are_differentiable():
    record = torch.rand(6, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: (trace(s, 0.7), reverse_trace(s, 0.7)), record)
    _, tangent = torch.func.jvp(lambda s: trace(s, 0.7), (record.detach(),), (torch.ones_like(record),))
    assert tangent.equal(trace(torch.ones_like(record), 0.7).detach())

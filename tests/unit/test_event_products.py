import pytest
import torch

from spikelearn import event_products
from spikelearn.event_products import gated_outer_product, gather, outer_product
from spikelearn.events import events_of


@pytest.mark.parametrize("share", [0.0, 0.01, 0.15])
@pytest.mark.parametrize(("rows", "size_in", "size"), [((6, 5), 40, 7), ((3, 700), 13, 130), ((40, 9), 784, 80)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gather_and_outer_product_are_the_dense_products(monkeypatch, share, rows, size_in, size, dtype):
    """Rows, inputs and outputs that fill the kernels' blocks, pieces and words, and that do not."""
    record = (torch.rand(*rows, size_in) < share).to(dtype)
    weight, bias = torch.randn(size, size_in, dtype=dtype), torch.randn(size, dtype=dtype)
    post = torch.randn(rows[0] * rows[1], size, dtype=dtype)
    monkeypatch.setattr("spikelearn.events.SMALLEST", 0)
    found, flat = events_of(record), record.flatten(0, 1)
    assert len(found.columns) == int(record.sum())
    torch.testing.assert_close(gather(weight, bias, found), flat @ weight.T + bias)
    torch.testing.assert_close(gather(weight, None, found), flat @ weight.T)
    torch.testing.assert_close(outer_product(found, post), post.T @ flat, rtol=1e-5, atol=1e-4)
    assert outer_product(found, post).is_contiguous()


def gated_case(share=0.05):
    record = (torch.rand(6, 5, 40) < share).double()
    factor = torch.randn(5, 40).double() * (torch.rand(5, 40) < 0.6)
    pre = torch.randn(6, 5, 7).double()
    return record, factor, pre, torch.einsum("tbo,bo,tbi->oi", record, factor, pre)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gated_outer_product_is_the_dense_one(share, dtype):
    record, factor, pre, expected = gated_case(share)
    found = gated_outer_product(record.to(dtype), factor.to(dtype), pre.to(dtype))
    assert found.shape == (40, 7)
    torch.testing.assert_close(found, expected.to(dtype))


@pytest.mark.parametrize("limit", [-1.0, 2.0])
def test_gated_outer_product_is_the_same_on_both_sides_of_the_break_even(monkeypatch, limit):
    monkeypatch.setattr(event_products, "GATED_BREAK_EVEN", limit)
    record, factor, pre, expected = gated_case(0.2)
    torch.testing.assert_close(gated_outer_product(record, factor, pre), expected)
    assert not gated_outer_product(record, torch.zeros_like(factor), pre).any()


def test_a_gate_is_what_is_not_zero_whatever_its_size():
    record, factor, pre, expected = gated_case()
    torch.testing.assert_close(gated_outer_product(record / 0.7, factor, pre), expected)

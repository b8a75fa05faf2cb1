import copy

import pytest
import torch
from torch.autograd import forward_ad

from spikelearn import events
from spikelearn.events import events_of, gated_outer_product, gather, outer_product


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(events, "SMALLEST", 0)


def sparse_record():
    return (torch.rand(6, 5, 40) < 0.03).double()


def test_gather_and_outer_product_are_the_dense_products():
    record, weight, post = sparse_record(), torch.randn(7, 40).double(), torch.randn(30, 7).double()
    found = events_of(record)
    torch.testing.assert_close(gather(weight, found), record.flatten(0, 1) @ weight.T)
    torch.testing.assert_close(outer_product(found, post), post.T @ record.flatten(0, 1))


def test_a_silent_record_has_no_events():
    found = events_of(torch.zeros(3, 2, 4))
    assert found.columns.numel() == 0
    assert gather(torch.randn(5, 4), found).abs().max() == 0
    assert outer_product(found, torch.randn(6, 5)).abs().max() == 0


def test_lists_are_kept_until_the_record_is_written():
    record = sparse_record()
    first = events_of(record)
    assert events_of(record) is first
    record[0, 0, 0] = 1.0 - record[0, 0, 0]
    second = events_of(record)
    assert second is not first
    torch.testing.assert_close(gather(torch.eye(40).double(), second), record.flatten(0, 1))


@pytest.mark.parametrize("record", [torch.rand(6, 5, 40), torch.ones(6, 5, 40), torch.zeros(6, 5, 4, 10)])
def test_dense_analog_and_image_records_have_none(record):
    assert events_of(record) is None


def test_forward_mode_steps_aside():
    record = sparse_record()
    with forward_ad.dual_level():
        assert events_of(forward_ad.make_dual(record, torch.ones_like(record))) is None
    assert events_of(record) is not None


def test_small_records_are_dense(monkeypatch):
    monkeypatch.setattr(events, "SMALLEST", 10**6)
    assert events_of(sparse_record()) is None


def test_lists_are_left_out_of_copies_and_files(tmp_path):
    record = sparse_record()
    assert events_of(record) is not None
    torch.save(record, tmp_path / "record.pt")
    assert torch.load(tmp_path / "record.pt", weights_only=True).equal(record)
    other = copy.deepcopy(record).zero_()
    assert events_of(other).columns.numel() == 0


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
    monkeypatch.setattr(events, "GATED_BREAK_EVEN", limit)
    record, factor, pre, expected = gated_case(0.2)
    torch.testing.assert_close(gated_outer_product(record, factor, pre), expected)
    assert not gated_outer_product(record, torch.zeros_like(factor), pre).any()


def test_a_gate_is_what_is_not_zero_whatever_its_size():
    record, factor, pre, expected = gated_case()
    torch.testing.assert_close(gated_outer_product(record / 0.7, factor, pre), expected)

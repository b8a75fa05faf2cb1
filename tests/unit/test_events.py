import copy

import pytest
import torch
from torch.autograd import forward_ad

from spikelearn import events
from spikelearn.events import (
    detached,
    events_of,
    gated_outer_product,
    gather,
    outer_product,
    remember_spikes,
    share_active,
    spikes_of,
)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(events, "SMALLEST", 0)


def sparse_record():
    return (torch.rand(6, 5, 40) < 0.03).double()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.15])
@pytest.mark.parametrize(("rows", "size_in", "size"), [((6, 5), 40, 7), ((3, 700), 13, 130), ((40, 9), 784, 80)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gather_and_outer_product_are_the_dense_products(share, rows, size_in, size, dtype):
    """Rows, inputs and outputs that fill the kernels' blocks, pieces and words, and that do not."""
    record = (torch.rand(*rows, size_in) < share).to(dtype)
    weight, bias = torch.randn(size, size_in, dtype=dtype), torch.randn(size, dtype=dtype)
    post = torch.randn(rows[0] * rows[1], size, dtype=dtype)
    found, flat = events_of(record), record.flatten(0, 1)
    assert len(found.columns) == int(record.sum())
    torch.testing.assert_close(gather(weight, bias, found), flat @ weight.T + bias)
    torch.testing.assert_close(gather(weight, None, found), flat @ weight.T)
    torch.testing.assert_close(outer_product(found, post), post.T @ flat, rtol=1e-5, atol=1e-4)
    assert outer_product(found, post).is_contiguous()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8, torch.bool])
def test_lists_are_the_same_whatever_the_type(dtype):
    active = torch.rand(4, 6, 3, 11) < 0.1
    found = events_of(active.to(dtype))
    rows, columns = active.flatten(0, 1).flatten(1).nonzero(as_tuple=True)
    assert found.columns.tolist() == columns.tolist()
    assert found.offsets.tolist() == [0, *torch.bincount(rows, minlength=24).cumsum(0).tolist()]
    assert found.shape == (24, 33)


def test_wide_records_have_wider_columns():
    active = torch.zeros(2, 1, 70_000, dtype=torch.bool)
    active[1, 0, 69_999] = True
    assert events_of(active).columns.tolist() == [69_999]


def test_a_silent_record_has_no_events():
    found = events_of(torch.zeros(3, 2, 4))
    assert len(found.columns) == 0
    assert gather(torch.randn(5, 4), None, found).abs().max() == 0
    assert outer_product(found, torch.randn(6, 5)).abs().max() == 0


def test_lists_are_kept_until_the_record_is_written():
    record = sparse_record()
    first = events_of(record)
    assert events_of(record) is first
    record[0, 0, 0] = 1.0 - record[0, 0, 0]
    second = events_of(record)
    assert second is not first
    torch.testing.assert_close(gather(torch.eye(40).double(), None, second), record.flatten(0, 1))


def test_bytes_that_are_kept_stand_for_the_record_until_it_is_written():
    record = sparse_record()
    other = torch.rand(6, 5, 40) < 0.05
    remember_spikes(record, other.view(torch.uint8), int(other.sum()))
    assert spikes_of(record).equal(other.view(torch.uint8))
    assert len(events_of(record).columns) == int(other.sum())
    cut = detached(record)
    assert events_of(cut) is events_of(record)
    assert share_active(cut) == share_active(record) == int(other.sum()) / other.numel()
    record.add_(0.0)
    assert spikes_of(record) is None
    assert share_active(record) == float(record.mean())


@pytest.mark.parametrize(
    "record",
    [torch.rand(6, 5, 40), torch.ones(6, 5, 40), 0.5 * sparse_record(), sparse_record().flatten(0, 1)],
    ids=["analog", "dense", "of another height", "without time"],
)
def test_records_for_which_there_is_no_list(record):
    assert events_of(record) is None


def test_without_numba_everything_is_dense(monkeypatch):
    monkeypatch.setattr(events, "has_numba", lambda: False)
    assert events_of(sparse_record()) is None


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
    assert len(events_of(other).columns) == 0


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

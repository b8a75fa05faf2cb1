import copy

import pytest
import torch
from torch.autograd import forward_ad

from spikelearn import events
from spikelearn.event_products import gather, outer_product
from spikelearn.events import detached, events_of, remember_spikes, share_active, spikes_of


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(events, "SMALLEST", 0)


def sparse_record():
    return (torch.rand(6, 5, 40) < 0.03).double()


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

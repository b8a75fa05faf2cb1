"""What every data set must hold to; of those that are not bundled a tiny copy is written."""

import warnings

import pytest
import torch

from spikelearn import datasets
from spikelearn.datasets.digits_events import DigitsEvents
from spikelearn.loading import Loader
from tests.conformance.cases import DATASETS


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """What opens a split of a data set: its tiny copy, or the bundled one."""

    def split_of(name, split):
        case = DATASETS[name]
        if case.write is None:
            assert case.make.bundled, f"the row of {name} needs what writes a tiny copy of it"
        else:
            case.write(tmp_path)
        for attribute, value in case.published.items():
            monkeypatch.setattr(case.make, attribute, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", datasets.DataWarning)  # tiny copies are not the published files
            return case.make(split, tmp_path)

    return split_of


def test_every_data_set_has_a_case():
    assert set(DATASETS) == set(datasets.DATASETS)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", DATASETS)
def test_batches(opened, name, split):
    data = opened(name, split)
    steps = getattr(data, "length", 4)
    inputs, targets = Loader(data, n_steps=steps, batch=5).load(torch.tensor([0, 3, 1]))
    assert inputs.shape == (steps, 3, *data.shape)
    assert inputs.dtype == (torch.float32 if data.still else torch.uint8)
    assert inputs.min() >= 0
    assert inputs.max() <= 1
    assert inputs.sum() > 0
    wished = data.targets[torch.tensor([0, 3, 1])]
    assert targets.equal(wished.T if data.task.per_step else wished)
    assert data.targets.dtype == torch.int64
    assert data.targets.min() >= 0
    assert data.targets.max() < data.classes


@pytest.mark.parametrize("name", [name for name, case in DATASETS.items() if case.make.events])
def test_recordings(opened, name):
    data = opened(name, "test")
    events = data.recording(0)
    width, height, polarities = data.sensor_size
    assert data.shape == (polarities, height, width)
    assert events.dtype.names == ("x", "y", "t", "p")
    assert events["x"].max() < width
    assert events["y"].max() < height
    assert set(events["p"].tolist()) <= {0, 1}
    assert (events["t"][1:] >= events["t"][:-1]).all()


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_recordings_are_kept_as_bits(steps):
    """What comes back from eight entries a byte is what was binned, also where the last byte is not full."""

    class Odd(DigitsEvents):
        sensor_size = (15, 15, 1)

        def recording(self, index):
            events = super().recording(index)
            return events[(events["x"] < 15) & (events["y"] < 15) & (events["p"] == 0)]

    data = Odd("test")
    first, again = data.frames([3, 0], steps), data.frames([3, 0], steps)
    assert first.shape == (steps, 2, 1, 15, 15)
    assert first.dtype == again.dtype == torch.uint8
    assert first.sum() > 0
    assert first.equal(again)
    assert data._kept_bytes == 2 * -(-steps * 225 // 8)


def test_recordings_that_are_kept_are_bounded(monkeypatch):
    monkeypatch.setattr("spikelearn.datasets.base.KEPT_BYTES", 3 * 4 * 512 // 8)
    data = DigitsEvents("test")
    data.frames(range(10), 4)
    assert len(data._kept) == 3

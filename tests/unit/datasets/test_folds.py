"""Parts of all samples: each is the test set once, and a run takes that of its seed."""

import pytest
import torch

from spikelearn.datasets import Digits, DigitsEvents, fold_of
from spikelearn.datasets.folds import parts_of
from spikelearn.runs import Settings


def test_every_sample_is_tested_once_and_classes_are_spread_evenly():
    train, test = Digits("train"), Digits("test")
    targets = torch.cat([train.targets, test.targets])
    parts = [fold_of(train, test, "test", 5, number) for number in range(5)]
    assert sum(len(part) for part in parts) == len(targets)
    assert {len(part) for part in parts} <= {359, 360}
    shown = torch.cat([part.images for part in parts]).flatten(1).sum(1).sort().values
    assert shown.equal(torch.cat([train.images, test.images]).flatten(1).sum(1).sort().values)
    counts = torch.stack([part.targets.bincount(minlength=10) for part in parts])
    assert (counts.amax(0) - counts.amin(0)).max() <= 1
    rest = fold_of(train, test, "train", 5, 3)
    assert len(rest) + len(parts[3]) == len(targets)
    assert (parts_of(targets, 5) == 3).sum() == len(parts[3])


def test_a_run_tests_the_part_of_its_seed():
    runs = [Settings(folds=4, seed=seed) for seed in (1, 5, 2)]
    first, again, other = (run.make_dataset("test").images for run in runs)
    assert torch.equal(first, again)
    assert first.shape[1:] == other.shape[1:]
    assert not first.equal(other)
    assert "folds" not in Settings().result_depends_on()
    assert runs[0].result_depends_on()["folds"] == 4


def test_other_samples_have_no_folds():
    with pytest.raises(ValueError, match="recordings in files, and these samples are neither: leave folds out"):
        fold_of(DigitsEvents("train"), DigitsEvents("test"), "test", 5, 0)

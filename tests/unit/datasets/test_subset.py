import pytest
import torch

from spikelearn.datasets import Digits, stratified_subset
from spikelearn.loading import hold_out
from spikelearn.runs import make_loaders, settings_from

FRACTIONS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)


def test_smaller_subsets_lie_within_larger_ones():
    targets = Digits("train").targets
    for seed in range(3):
        parts = [set(stratified_subset(targets, fraction, seed).tolist()) for fraction in FRACTIONS]
        assert all(small <= large for small, large in zip(parts, parts[1:], strict=False))
        assert parts[-1] == set(range(len(targets)))


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_every_class_has_its_share_and_at_least_one(fraction):
    targets = Digits("train").targets
    chosen = stratified_subset(targets, fraction, 0)
    assert chosen.equal(chosen.unique())
    for label in range(10):
        members = int((targets == label).sum())
        assert int((targets[chosen] == label).sum()) == max(round(fraction * members), 1)


def test_seeds_choose_differently():
    targets = Digits("train").targets
    assert not stratified_subset(targets, 0.1, 0).equal(stratified_subset(targets, 0.1, 1))
    assert stratified_subset(targets, 0.1, 0).equal(stratified_subset(targets, 0.1, 0))


def test_rare_classes_stay():
    targets = torch.tensor([0] * 1000 + [4] + [7] * 3)
    assert targets[stratified_subset(targets, 0.01, 0)].tolist() == [0] * 10 + [4, 7]


@pytest.mark.parametrize("fraction", [0, -0.1, 1.5, "half"])
def test_fractions_are_checked(fraction):
    with pytest.raises(ValueError, match="data_fraction is"):
        stratified_subset(torch.arange(3), fraction, 0)


def test_validation_samples_are_a_share_of_the_subset():
    data = Digits("train")
    there = stratified_subset(data.targets, 0.2, 3)
    kept, held = hold_out(data, 0.25, 3, there)
    assert set(kept.tolist()) | set(held.tolist()) == set(there.tolist())
    assert not set(kept.tolist()) & set(held.tolist())
    assert len(held) == pytest.approx(0.25 * len(there), abs=10)
    assert all(int((data.targets[held] == label).sum()) > 0 for label in range(10))


def test_all_of_it_is_parted_as_before():
    data = Digits("train")
    for fraction in (0.0, 0.2):
        whole, given = hold_out(data, fraction, 1), hold_out(data, fraction, 1, torch.arange(len(data)))
        assert all(one.equal(other) for one, other in zip(whole, given, strict=True))


def test_a_run_on_a_share_of_the_data():
    whole, part = (make_loaders(settings_from({"data_fraction": f, "seed": 2})) for f in (1.0, 0.1))
    assert part["train"].samples + part["validation"].samples == pytest.approx(143, abs=5)
    assert part["test"].samples == whole["test"].samples == 360
    targets = part["train"].dataset.targets
    there = set(stratified_subset(targets, 0.1, 2).tolist())
    assert set(part["train"].indices.tolist()) | set(part["validation"].indices.tolist()) == there


def test_too_few_to_hold_some_out():
    with pytest.raises(ValueError, match="validation is 0.1, which leaves 10 training and 0 validation samples of 10"):
        make_loaders(settings_from({"data_fraction": 0.001}))
    assert make_loaders(settings_from({"data_fraction": 0.001, "validation": 0}))["train"].samples == 10


@pytest.mark.parametrize("fraction", [0, 1.2, "all"])
def test_settings_are_checked(fraction):
    with pytest.raises(ValueError, match="data_fraction is"):
        settings_from({"data_fraction": fraction})

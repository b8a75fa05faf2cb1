"""Training on one split of the classes after the other."""

import copy

import pytest
import torch

from spikelearn.datasets import Digits
from spikelearn.loading import Loader
from spikelearn.runs import Settings, continual
from spikelearn.runs.continual import class_splits, reconstruct_continually, train_continually

RATE = {
    "neuron": "rate", "output": "rate", "output_option": {"activation": "linear"}, "steps": 1, "net": "64-16-10",
    "optimizer": "adam", "lr": 0.005, "schedule": "constant", "epochs": 1, "data_fraction": 0.05, "batch": 8,
}  # fmt: skip

GIVEN_BACK = {**RATE, "net": "64-16-64", "task": "autoencode"}


def test_classes_are_split_in_order():
    assert class_splits(10, 5) == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert class_splits(5, 2) == [[0, 1, 2], [3, 4]]
    with pytest.raises(ValueError, match="splits is 6, but there are 5 classes"):
        class_splits(5, 6)


def test_a_loader_of_some_classes_has_their_samples_alone():
    loader = Loader(Digits("test"), n_steps=1, batch=7)
    chosen = loader.of_classes([2, 5])
    targets = [int(t) for batch in chosen.epoch() for t in batch.targets]
    assert targets == [t for t in loader.dataset.targets.tolist() if t in (2, 5)]
    with pytest.raises(ValueError, match=r"no sample has a class of \[11\]"):
        loader.of_classes([11])


def test_each_split_is_learned_in_its_phase_and_the_first_forgotten():
    settings, told = Settings(rule="bptt", **{**RATE, "epochs": 2, "data_fraction": 0.3}), []
    found = train_continually(settings, 2, lambda number, phase: told.append((number, phase)))
    assert [number for number, _ in told] == [0, 1]
    first, last = found.phases
    assert first.class_incremental[0] > 0.6
    assert first.class_incremental[1] == 0.0  # none of its classes was seen
    assert last.class_incremental[1] > 0.4
    assert last.class_incremental[0] < first.class_incremental[0] - 0.4
    for phase in found.phases:
        for free, within in zip(phase.class_incremental, phase.task_incremental, strict=True):
            assert within >= free  # a class that is highest among all is highest within its split
    measures = found.class_incremental
    assert measures.forgetting == pytest.approx(first.class_incremental[0] - last.class_incremental[0])
    assert measures.backward_transfer == pytest.approx(-measures.forgetting)


def test_the_same_settings_give_the_same_numbers():
    settings = Settings(rule="dfa", **RATE)
    assert train_continually(settings, 2) == train_continually(settings, 2)


def test_a_phase_begins_with_the_weights_and_the_feedback_of_the_one_before(monkeypatch):
    seen = []

    def kept(training):
        return {**copy.deepcopy(training.network.state_dict()), **copy.deepcopy(training.memory)}

    def watched(training, loader, **options):
        seen.append(kept(training))
        fit(training, loader, **options)
        seen.append(kept(training))

    fit = continual.fit
    monkeypatch.setattr(continual, "fit", watched)
    # The weights on the way back learn, so that both go on.
    train_continually(Settings(rule="dkp", **RATE), 2)
    begun, after, before, _ = seen
    assert all(torch.equal(value, before[name]) for name, value in after.items())
    assert not any(torch.equal(value, after[name]) for name, value in begun.items())


def test_what_has_no_meaning_is_refused():
    with pytest.raises(ValueError, match="drop --patience"):
        train_continually(Settings(rule="dfa", **RATE, patience=2), 2)
    with pytest.raises(ValueError, match="task is autoencode"):
        train_continually(Settings(rule="bptt", **GIVEN_BACK), 2)
    with pytest.raises(ValueError, match="set --task autoencode"):
        reconstruct_continually(Settings(rule="bptt", **RATE), 2)


def test_samples_are_given_back_part_after_part():
    told = []
    found = reconstruct_continually(
        Settings(rule="bptt", **{**GIVEN_BACK, "epochs": 3, "data_fraction": 0.3}), 2, lambda *at: told.append(at)
    )
    assert told == [(0, found.errors[0]), (1, found.errors[1])]
    assert found.splits == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    (first, other), (last, own) = found.errors
    assert own < other
    assert found.forgotten == ((last + own) / 2, (first + own) / 2, last - first)

"""Searches that take no time."""

import math

import pytest

from spikelearn.bench.tune import studies, tuning


@pytest.fixture
def instant(monkeypatch):
    """Trainings that take no time: best at lr = 0.03. What was trained, in order."""
    trained = []

    def train(settings, epochs):
        trained.append(settings)
        epochs.start(settings.epochs, 1, 0, 0)
        epochs.of_an_epoch = 100
        for epoch in range(1, settings.epochs + 1):
            accuracy = 0.9 - 0.1 * abs(math.log10(settings.lr / 0.03)) - 0.1 / epoch
            epochs.epoch({"epoch": epoch, "validation_accuracy": accuracy})
        return epochs.value

    monkeypatch.setattr(tuning, "train_trial", train)
    return trained


@pytest.fixture
def clock(monkeypatch):
    """What ``time.monotonic`` shows; ``time.sleep`` moves it on."""
    now = [1000.0]
    monkeypatch.setattr(studies, "HEARTBEAT", 10)
    monkeypatch.setattr(studies.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(studies.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now

"""Pruning, hardware and noise as the settings of a run."""

import pytest

from spikelearn.hardware import Bits
from spikelearn.runs import prepare, settings_from
from spikelearn.sparsity import GlobalPruning, sparsity_of

SMALL = {"net": "64-20-10", "steps": 4, "epochs": 2, "data_fraction": 0.1}


def test_a_run_is_made_of_its_settings():
    text = {"prune": "global:sparsity=0.9", "hardware": "bits:bits=4", "noise": "gaussian:sd=0.2"}
    training, loaders = prepare(settings_from(SMALL | text))
    assert isinstance(training.pruning, GlobalPruning)
    assert isinstance(training.hardware, Bits)
    assert training.pruning.batches == 2 * len(loaders["train"])
    assert sparsity_of(training.network) == int(0.9 * 1480) / 1480, "pruned before the first batch"
    noises = {name: type(loader.noise).__name__ for name, loader in loaders.items()}
    assert noises == dict.fromkeys(("train", "validation", "test"), "Gaussian")


def test_without_them_nothing_is_there():
    training, loaders = prepare(settings_from(SMALL))
    assert training.pruning is None
    assert training.hardware is None
    assert all(loader.noise is None for loader in loaders.values())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prune": "globl:sparsity=0.5"}, "unknown pruning 'globl'"),
        ({"hardware": "device:nl=1"}, "hardware 'device' has no option 'nl'"),
        ({"noise": "gaussian:sd=-1"}, "sd is -1"),
        ({"noise": "jitter:sd=1"}, "changes spikes, but the inputs are currents"),
        ({"noise": "gaussian:sd=1", "data": "digits-events", "net": "512-10"}, "the samples are recordings of events"),
        ({"prune": "global:sparsity=0.5", "bounds": (0.1, 1.0)}, "bounds go from 0.1 to 1, where no weight"),
        ({"prune": "global:sparsity=0.5,gradual=true", "patience": 2}, "drop patience, or prune at the start"),
        ({"prune": "global:sparsity=0.5,start=0.2", "patience": 2}, "the best epoch may lie before"),
    ],
)
def test_what_cannot_be_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        prepare(settings_from(SMALL | values))


def test_pruning_at_the_start_goes_with_patience():
    training, _ = prepare(settings_from(SMALL | {"prune": "uniform:sparsity=0.5", "patience": 2}))
    assert training.pruning is not None

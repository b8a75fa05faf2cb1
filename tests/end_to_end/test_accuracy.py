"""The site's figures, as bars; minutes each, on data from the data root."""

import pytest

from spikelearn.datasets import data_root
from spikelearn.runs import merged, read_preset, settings_from, train
from spikelearn.training import RunFolder

pytestmark = pytest.mark.slow

COMMON = {"rule": "bptt", "lr": 0.002, "schedule": "one-cycle", "batch": 64, "validation": 0.0}
BARS = {
    "mlp-3": ({"data": "mnist", "net": "784-400-10", "steps": 25, "epochs": 3}, 0.970),
    "mlp-5": ({"data": "mnist", "net": "784-400-10", "steps": 25, "epochs": 5}, 0.975),
    "conv-3": ({"data": "mnist", "net": "15C5-P2-40C5-P2-300-10", "steps": 5, "epochs": 3}, 0.985),
    "n-mnist": (
        {
            "data": "nmnist",
            "net": "2x34x34-12C5p1-P2-64C5-P2-10",
            "steps": 10,
            "epochs": 15,
            "batch": 32,
            "validation": 0.1,
        },
        0.90,
    ),
}


#: {preset: what departs from it, the bar}; the first rows take minutes, the others tens of them.
PRESETS = {
    "tssl-bp/fashion-mnist-mlp": ({"epochs": 25, "schedule": "cosine"}, 0.885),
    "ide/fashion-mnist": ({"epochs": 15, "schedule": "cosine"}, 0.890),
    "tssl-bp/mnist": ({"epochs": 10, "schedule": "cosine"}, 0.992),
    "ide/mnist": (
        {
            "steps": 5,
            "epochs": 2,
            "batch": 64,
            "schedule": "cosine",
            "rule_option": {"dropout": 0.1, "iterations": 4},
        },
        0.985,
    ),
    "desire/mnist": ({"epochs": 15, "batch": 50, "lr": 1e-4, "schedule": "linear"}, 0.970),
    "emstdp/mnist-plain": ({"validation": 0.0}, 0.95),
}


def accuracy_of(values, folder):
    if not (data_root() / values["data"]).is_dir():
        pytest.skip(f"{data_root() / values['data']} is not there: set SPIKELEARN_DATA")
    return train(settings_from(values), RunFolder(folder))["test_accuracy"]


@pytest.mark.parametrize("name", BARS)
def test_accuracy(name, tmp_path):
    values, bar = BARS[name]
    assert accuracy_of(COMMON | values, tmp_path / "run") >= bar


@pytest.mark.parametrize("name", PRESETS)
def test_preset(name, tmp_path):
    values, bar = PRESETS[name]
    assert accuracy_of(merged(read_preset(name).values, values), tmp_path / "run") >= bar

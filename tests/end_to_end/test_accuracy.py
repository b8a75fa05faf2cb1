"""The README's figures, as bars; minutes each, on data from the data root."""

import pytest

from spikelearn.datasets import data_root
from spikelearn.training import RunFolder, settings_from, train

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


@pytest.mark.parametrize("name", BARS)
def test_accuracy(name, tmp_path):
    values, bar = BARS[name]
    if not (data_root() / values["data"]).is_dir():
        pytest.skip(f"{data_root() / values['data']} is not there: set SPIKELEARN_DATA")
    result = train(settings_from(COMMON | values), RunFolder(tmp_path / "run"))
    assert result["test_accuracy"] >= bar

"""What the benchmark of first spikes draws and tests."""

import torch
from torch import nn

from benchmarks.first_spikes import control, draw, kernels_of
from spikelearn.network import Block, Network
from spikelearn.neurons import FirstSpikeIF
from spikelearn.runs import settings_from


def test_kernels_behind_a_pool_are_sums_of_those_below(tmp_path):
    torch.manual_seed(0)
    below, above = nn.Conv2d(2, 3, 3, bias=False), nn.Conv2d(3, 4, 2, bias=False)
    network = Network(
        {
            "a": Block(below, FirstSpikeIF()),
            "b": Block(nn.Sequential(nn.MaxPool2d(2), above), FirstSpikeIF()),
        }
    )
    first, second = kernels_of(network)
    assert first.equal(below.weight)
    assert second.shape == (4, 2, 5, 5)
    expected = torch.zeros(4, 2, 5, 5)
    for y in range(2):
        for x in range(2):
            part = torch.einsum("nm,mchw->nchw", above.weight[:, :, y, x].detach(), below.weight.detach())
            expected[:, :, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3] += part
    torch.testing.assert_close(second, expected)
    draw(network, tmp_path / "kernels.png")
    assert (tmp_path / "kernels.png").stat().st_size > 1000


def test_the_control_is_fitted_to_the_run_s_images_and_tested():
    values = {"rule": "first-spike-stdp", "data": "digits", "net": "16C3-MP2-10", "encoder": "on-off-latency"}
    values |= {"neuron": "first-spike-if", "neuron_option": {"v_threshold": 3.0, "window": 2}, "steps": 4}
    values |= {"readout": "ridge", "bias": False, "init": "normal", "validation": 0.0, "data_fraction": 0.2}
    settings = settings_from({**values, "init_option": {"mean": 0.8, "std": 0.05, "each": True}})
    found = control(settings, 1.5, uniform=True)
    assert found["threshold"] == 4.5
    assert found["fitted_to"] < 300 < found["tested"]
    assert 0.2 < found["accuracy"] < 1.0

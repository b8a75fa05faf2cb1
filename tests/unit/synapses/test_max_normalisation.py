"""Weights divided by their maximum: their values, and a derivative that holds mean and maximum fixed."""

import pytest
import torch
from torch import nn

from spikelearn.synapses import max_normalised


def test_values_and_derivative():
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 3, 3, bias=False).double()
    raw = layer.weight.detach().clone()
    max_normalised(layer)
    spread = raw.max() - raw.mean()
    torch.testing.assert_close(layer.weight, (raw - raw.mean((1, 2, 3), keepdim=True)) / spread)
    factor = torch.rand_like(raw)
    (layer.weight * factor).sum().backward()
    torch.testing.assert_close(layer.parametrizations.weight.original.grad, factor / spread)


def test_weights_without_a_largest_one_are_refused():
    layer = nn.Linear(3, 2)
    nn.init.constant_(layer.weight, 0.5)
    with pytest.raises(ValueError, match=r"shape \[2, 3\] are all 0.5, and none is the largest"):
        max_normalised(layer)

"""The event-driven convolution against torch's, and where it steps aside."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from spikelearn.synapses import drive
from spikelearn.synapses.event_conv import CONV_BREAK_EVEN, event_conv, event_forward

CASES = [
    ((64, 64, 5, 1, 2), (16, 64, 14, 14)),
    ((3, 24, (3, 5), (2, 1), (1, 0)), (80, 3, 17, 23)),
    ((2, 32, 4, 3, 3), (400, 2, 11, 9)),
    ((64, 64, 3, 2, 1), (20, 64, 9, 13)),
    ((4, 64, 1, 1, 3), (300, 4, 9, 7)),
]


def sparse(shape, dtype=torch.float64, share=0.05):
    return (torch.rand(shape) < share).to(dtype)


@pytest.mark.parametrize(("arguments", "shape"), CASES)
@pytest.mark.parametrize("threads", [1, 2])
def test_is_the_dense_convolution(arguments, shape, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        conv = nn.Conv2d(*arguments, dtype=torch.float64)
        rows = sparse(shape) * torch.randn(shape, dtype=torch.float64)
        with torch.no_grad():
            torch.testing.assert_close(event_conv(conv, rows), conv(rows), rtol=1e-12, atol=1e-13)
    finally:
        torch.set_num_threads(before)


def test_single_precision_no_bias_and_silence():
    conv = nn.Conv2d(64, 64, 5, padding=2, bias=False)
    rows = sparse((16, 64, 14, 14), torch.float32)
    with torch.no_grad():
        found = event_conv(conv, rows)
        torch.testing.assert_close(found, conv(rows), rtol=1e-5, atol=1e-5)
        assert found.dtype == torch.float32
        assert event_conv(conv, torch.zeros_like(rows)).abs().max() == 0


def test_behind_a_norm_and_reparametrised():
    class Doubled(nn.Module):
        def forward(self, weight):
            return 2 * weight

    synapse = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64)).double().eval()
    parametrize.register_parametrization(synapse[0], "weight", Doubled())
    rows = sparse((16, 64, 14, 14))
    with torch.no_grad():
        torch.testing.assert_close(event_forward(synapse, rows), synapse(rows), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(drive(synapse, rows.unsqueeze(0))[0], synapse(rows), rtol=1e-12, atol=1e-12)


def test_steps_aside():
    conv, rows = nn.Conv2d(64, 64, 3).double(), sparse((16, 64, 14, 14))
    assert event_conv(conv, rows) is None, "a derivative in the weights is asked for"
    with torch.no_grad():
        assert event_conv(conv, rows) is not None
        assert event_conv(conv, sparse(rows.shape, share=CONV_BREAK_EVEN + 0.1)) is None
        assert event_conv(conv, rows[:1]) is None, "small"
        assert event_conv(conv, rows.float()) is None, "another type"
        assert event_conv(nn.Conv2d(64, 64, 3, groups=2).double(), rows) is None
        assert event_conv(nn.Conv2d(64, 64, 3, dilation=2).double(), rows) is None
        assert event_conv(nn.Conv2d(64, 64, 3, padding="same").double(), rows) is None
        assert event_conv(nn.Conv2d(64, 4, 3).double(), rows) is None, "few maps"
        assert event_conv(nn.Linear(3, 3), rows) is None
        hooked = nn.Conv2d(64, 64, 3).double()
        hooked.register_forward_hook(lambda *_: None)
        assert event_conv(hooked, rows) is None
    half_frozen = nn.Conv2d(64, 64, 3).double()
    half_frozen.weight.requires_grad_(False)
    assert event_conv(half_frozen, rows) is None, "a derivative in the bias is asked for"
    frozen = nn.Conv2d(64, 64, 3).double().requires_grad_(False)
    assert event_conv(frozen, rows) is not None
    assert event_conv(frozen, rows.clone().requires_grad_()) is None


def test_derivatives_go_the_dense_way():
    conv = nn.Conv2d(64, 64, 3).double()
    rows = sparse((1, 16, 64, 14, 14))
    drive(conv, rows).sum().backward()
    assert conv.weight.grad.abs().max() > 0

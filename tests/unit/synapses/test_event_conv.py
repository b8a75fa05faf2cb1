"""The event-driven convolution, its gradients and its correlation against torch's, and where it steps aside."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrize

from spikelearn.synapses import correlate, drive, event_conv
from spikelearn.synapses.event_conv import GRADIENT_BREAK_EVEN, forward_break_even
from spikelearn.synapses.event_conv import event_conv as by_events

F64 = torch.float64

CASES = [
    ((64, 64, 5, 1, 2), (16, 64, 14, 14)),
    ((3, 24, (3, 5), (2, 1), (1, 0)), (80, 3, 17, 23)),
    ((2, 32, 4, 3, 3), (400, 2, 11, 9)),
    ((64, 64, 3, 2, 1), (20, 64, 9, 13)),
    ((4, 64, 1, 1, 3), (300, 4, 9, 7)),
    ((5, 67, (1, 2), 3, (0, 1)), (150, 5, 10, 11)),
    ((1, 16, 5, 1, 2), (90, 1, 28, 28)),
    ((7, 70, (9, 3), (1, 4), (4, 1)), (40, 7, 9, 31)),
]


def sparse(shape, dtype=F64, share=0.05):
    return (torch.rand(shape) < share).to(dtype)


def everything(function, rows, conv, post):
    """Value and gradients in input, weight and bias."""
    rows = rows.detach().clone().requires_grad_()
    out = function(rows)
    return [out, *torch.autograd.grad(out, [rows, *conv.parameters()], post)]


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize(("arguments", "shape"), CASES)
@pytest.mark.parametrize("share", [0.0, 0.05, GRADIENT_BREAK_EVEN - 0.05])
def test_is_the_dense_convolution(arguments, shape, share, threads):
    conv = nn.Conv2d(*arguments, dtype=F64)
    rows = sparse(shape, share=share) * torch.randn(shape, dtype=F64)
    post = torch.randn_like(conv(rows))
    found = everything(lambda x: by_events(conv, x), rows, conv, post)
    torch.testing.assert_close(found, everything(conv, rows, conv, post), rtol=1e-11, atol=1e-11)
    with torch.no_grad():
        forward = by_events(conv, rows)
        assert (forward is None) == (share > forward_break_even(conv.in_channels))
        if forward is not None:
            torch.testing.assert_close(forward, conv(rows), rtol=1e-12, atol=1e-12)


def test_every_entry_active(monkeypatch):
    monkeypatch.setattr(event_conv, "forward_break_even", lambda _: 1.0)
    monkeypatch.setattr(event_conv, "GRADIENT_BREAK_EVEN", 1.0)
    conv, rows = nn.Conv2d(3, 40, 3, 2, 1).double(), torch.randn(100, 3, 16, 15, dtype=F64)
    post = torch.randn_like(conv(rows))
    found = everything(lambda x: by_events(conv, x), rows, conv, post)
    torch.testing.assert_close(found, everything(conv, rows, conv, post), rtol=1e-11, atol=1e-11)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_geometry(data):
    number = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    height, width = number(1, 12), number(1, 12)
    kernel = number(1, min(5, height + 2)), number(1, min(5, width + 2))
    conv = nn.Conv2d(
        number(1, 3), number(1, 20), kernel, (number(1, 4), number(1, 4)), (1, 1), bias=data.draw(st.booleans())
    )
    conv = conv.double()
    rows = sparse((number(1, 3), conv.in_channels, height, width), share=0.3)
    post = torch.randn_like(conv(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_conv, "forward_break_even", lambda _: 1.0)
        for name, value in (("GRADIENT_BREAK_EVEN", 1.0), ("LEAST_ROW", 0), ("SMALLEST", 0)):
            patch.setattr(event_conv, name, value)
        found = everything(lambda x: by_events(conv, x), rows, conv, post)
    torch.testing.assert_close(found, everything(conv, rows, conv, post), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("share", [0.05, GRADIENT_BREAK_EVEN - 0.05])
def test_single_precision_without_bias(share):
    conv = nn.Conv2d(64, 64, 5, padding=2, bias=False)
    rows = sparse((16, 64, 14, 14), torch.float32, share)
    post = torch.randn_like(conv(rows))
    found = everything(lambda x: by_events(conv, x), rows, conv, post)
    torch.testing.assert_close(found, everything(conv, rows, conv, post), rtol=1e-4, atol=1e-4)
    assert {tensor.dtype for tensor in found} == {torch.float32}


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8])
@pytest.mark.parametrize("share", [0.1, GRADIENT_BREAK_EVEN - 0.05])
def test_spikes_as_bytes(kind, share):
    conv, rows = nn.Conv2d(2, 32, 3).double(), sparse((4, 50, 2, 16, 16), share=share)
    post = torch.randn(4, 50, 32, 14, 14, dtype=F64)
    parameters = list(conv.parameters())
    found, expected = drive(conv, rows.to(kind)), drive(conv, rows)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, parameters, post), torch.autograd.grad(expected, parameters, post)
    )
    torch.testing.assert_close(correlate(conv, rows.to(kind), post), correlate(conv, rows, post))


def test_only_what_is_asked_for_is_computed():
    conv, rows = nn.Conv2d(2, 64, 3).double(), sparse((200, 2, 16, 16))
    post = torch.randn_like(conv(rows))
    for frozen in ("weight", "bias"):
        conv.requires_grad_(True).get_parameter(frozen).requires_grad_(False)
        found = by_events(conv, rows)
        assert found.requires_grad
        (other,) = (p for p in conv.parameters() if p.requires_grad)
        torch.testing.assert_close(
            torch.autograd.grad(found, other, post), torch.autograd.grad(conv(rows), other, post)
        )
    conv.requires_grad_(False)
    assert not by_events(conv, rows).requires_grad
    leaf = rows.clone().requires_grad_()
    torch.testing.assert_close(
        torch.autograd.grad(by_events(conv, leaf), leaf, post), torch.autograd.grad(conv(leaf), leaf, post)
    )


def test_errors_need_not_lie_in_one_piece():
    conv, rows = nn.Conv2d(2, 64, 3).double(), sparse((200, 2, 16, 16))
    post = torch.randn(64, 1, 14, 1, dtype=F64).expand(64, 200, 14, 14).transpose(0, 1)
    found = everything(lambda x: by_events(conv, x), rows, conv, post)
    torch.testing.assert_close(found, everything(conv, rows, conv, post), rtol=1e-11, atol=1e-11)
    turned = rows.transpose(2, 3)
    torch.testing.assert_close(by_events(conv, turned), conv(turned))


def test_behind_a_norm_and_reparametrised():
    class Doubled(nn.Module):
        def forward(self, weight):
            return 2 * weight

    synapse = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64)).double().eval()
    parametrize.register_parametrization(synapse[0], "weight", Doubled())
    rows = sparse((16, 64, 14, 14))
    assert by_events(synapse[0], rows) is not None
    post = torch.randn_like(synapse(rows))
    found = everything(lambda x: drive(synapse, x.unsqueeze(0))[0], rows, synapse, post)
    torch.testing.assert_close(found, everything(synapse, rows, synapse, post), rtol=1e-11, atol=1e-11)
    found, expected = correlate(synapse[0], rows[None], post[None]), everything(synapse[0], rows, synapse[0], post)[2:]
    names = [name for name, _ in synapse[0].named_parameters()]
    torch.testing.assert_close(found, dict(zip(names, expected, strict=True)), rtol=1e-11, atol=1e-11)


def test_second_derivatives_are_refused():
    conv, rows = nn.Conv2d(64, 64, 3).double(), sparse((16, 64, 14, 14))
    total = by_events(conv, rows).square().sum()
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad(total, conv.weight, create_graph=True)


def test_a_constant_record_is_mapped_once():
    conv, rows = nn.Conv2d(2, 64, 3).double(), sparse((1, 200, 2, 16, 16))
    current = drive(conv, rows.expand(5, *rows.shape[1:]))
    assert current.stride(0) == 0
    torch.testing.assert_close(current[4], conv(rows[0]))


def test_other_kinds_of_differentiation():
    conv, rows = nn.Conv2d(64, 64, 3).double(), sparse((1, 16, 64, 14, 14))
    tangent = torch.randn_like(rows)
    _, found = torch.func.jvp(lambda x: drive(conv, x), (rows,), (tangent,))
    torch.testing.assert_close(found[0], F.conv2d(tangent[0], conv.weight))

    def total(weight):
        return torch.func.functional_call(conv, {"weight": weight}, rows[0]).sum()

    class Driven(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = conv

        def forward(self, record):
            return drive(self.conv, record)

    def driven(weight):
        return torch.func.functional_call(Driven(), {"conv.weight": weight}, rows).sum()

    torch.testing.assert_close(torch.func.grad(driven)(conv.weight), torch.func.grad(total)(conv.weight))


def test_steps_aside():
    class Other(nn.Conv2d):
        def forward(self, x):
            return 2 * super().forward(x)

    rows = sparse((16, 64, 14, 14))
    with torch.no_grad():
        assert by_events(nn.Conv2d(64, 64, 3).double(), rows) is not None
        conv = nn.Conv2d(64, 64, 3).double()
        assert by_events(conv, sparse(rows.shape, share=forward_break_even(64) + 0.1)) is None
        assert by_events(conv, rows[:1]) is None, "small"
        assert by_events(conv, rows.float()) is None, "another type"
        assert by_events(nn.Conv2d(64, 64, 3, groups=2).double(), rows) is None
        assert by_events(nn.Conv2d(64, 64, 3, dilation=2).double(), rows) is None
        assert by_events(nn.Conv2d(64, 64, 3, padding="same").double(), rows) is None
        assert by_events(nn.Conv2d(64, 64, 3, padding=1, padding_mode="circular").double(), rows) is None
        assert by_events(nn.Conv2d(64, 4, 3).double(), rows) is None, "few maps"
        assert by_events(nn.Conv2d(32, 64, 3).double(), rows) is None, "other channels"
        assert by_events(nn.Conv2d(64, 64, 15).double(), rows) is None, "no room for a window"
        assert by_events(Other(64, 64, 3).double(), rows) is None
        with torch.autocast("cpu"):
            assert by_events(conv, rows) is None
    assert by_events(conv, sparse(rows.shape, share=forward_break_even(64) + 0.05)) is not None, "the weights learn"
    assert by_events(conv, sparse(rows.shape, share=GRADIENT_BREAK_EVEN + 0.05)) is None


@pytest.mark.parametrize("hook", ["register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook"])
def test_hooks_are_called(hook):
    conv, rows, calls = nn.Conv2d(64, 64, 3).double(), sparse((1, 16, 64, 14, 14)), []
    getattr(conv, hook)(lambda *_: calls.append(1))
    drive(conv, rows.requires_grad_()).sum().backward()
    assert calls == [1]


def test_correlate_is_the_gradient():
    conv = nn.Conv2d(2, 32, 3, 2, 1).double()
    pre = sparse((4, 50, 2, 16, 15)) * torch.randn(4, 50, 2, 16, 15, dtype=F64)
    post = torch.randn(4, 50, 32, 8, 8, dtype=F64)
    expected = torch.autograd.grad(conv(pre.flatten(0, 1)), list(conv.parameters()), post.flatten(0, 1))
    found = correlate(conv, pre, post)
    torch.testing.assert_close(list(found.values()), list(expected))
    conv.weight.requires_grad_(False)
    torch.testing.assert_close(correlate(conv, pre, post), {"bias": found["bias"]})
    with pytest.raises(ValueError, match="post has shape"):
        correlate(conv, pre, post[..., :7])

"""Pools by kernel against torch's, values and gradients, and where they step aside."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spikelearn.events import remember_spikes
from spikelearn.synapses import SumPool2d, correlate, drive, window_pool
from spikelearn.synapses.images import map_images
from spikelearn.synapses.window_pool import window_pool as pooled

F64 = torch.float64

POOLS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d(3),
    nn.MaxPool2d((2, 3)),
    nn.MaxPool2d((1, 4), (1, 4)),
    nn.AvgPool2d(2),
    nn.AvgPool2d((3, 2), divisor_override=5),
    SumPool2d(2),
    SumPool2d(3, gain=1.1),
]


def spikes(*shape, share=0.2, dtype=F64):
    return (torch.rand(shape) < share).to(dtype)


def value_and_gradient(function, rows, post=None):
    rows = rows.detach().clone().requires_grad_()
    out = function(rows)
    post = torch.arange(1.0, out.numel() + 1, dtype=out.dtype).view_as(out) if post is None else post
    return out, *torch.autograd.grad(out, rows, post)


@pytest.mark.parametrize("pool", POOLS, ids=repr)
@pytest.mark.parametrize("size", [(28, 28), (14, 15), (7, 9), (3, 4)])
@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_is_torchs(pool, size, dtype):
    rows = spikes(24, 60, *size, dtype=dtype)  # many ties: the first of the largest gets the gradient
    for record in (rows, rows * torch.randn_like(rows), torch.zeros_like(rows), torch.ones_like(rows)):
        found, expected = value_and_gradient(lambda x: pooled(pool, x), record), value_and_gradient(pool, record)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
        if isinstance(pool, nn.MaxPool2d):
            assert all(one.equal(other) for one, other in zip(found, expected, strict=True))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_window(data):
    number = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    height, width = number(1, 11), number(1, 11)
    pool = nn.MaxPool2d((number(1, height), number(1, width)))
    rows = spikes(number(1, 3), number(1, 3), height, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_pool, "SMALLEST", 0)
        found = value_and_gradient(lambda x: pooled(pool, x), rows)
    torch.testing.assert_close(found, value_and_gradient(pool, rows), rtol=0, atol=0)


def test_by_hand(monkeypatch):
    monkeypatch.setattr(window_pool, "SMALLEST", 0)
    rows = torch.tensor([[0.0, 1, 0, 0, 5], [1, 1, 0, 0, 5], [7, 7, 7, 7, 7]]).view(1, 1, 3, 5)
    out, back = value_and_gradient(lambda x: pooled(nn.MaxPool2d(2), x), rows)
    assert out.flatten().tolist() == [1, 0]
    assert back.view(3, 5).tolist() == [[0, 1, 2, 0, 0], [0] * 5, [0] * 5]


def test_nan_and_infinity():
    rows = torch.randn(20, 50, 6, 8, dtype=F64)
    rows[torch.rand_like(rows) < 0.2] = torch.nan
    rows[torch.rand_like(rows) < 0.2] = -torch.inf
    for pool in (nn.MaxPool2d(2), nn.MaxPool2d(3)):
        found, expected = value_and_gradient(lambda x, p=pool: pooled(p, x), rows), value_and_gradient(pool, rows)
        torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def test_spikes_that_are_known_stand_for_the_record():
    rows = spikes(24, 60, 14, 14)
    for pool in (nn.MaxPool2d(2), nn.MaxPool2d(3)):
        found = value_and_gradient(lambda x, p=pool: pooled(p, x, rows.to(torch.uint8).flatten(1)), rows)
        torch.testing.assert_close(found, value_and_gradient(pool, rows), rtol=0, atol=0)
        for kind in (torch.uint8, torch.bool):
            out = pooled(pool, rows.to(kind))
            assert out.dtype == kind
            torch.testing.assert_close(out.to(F64), pool(rows))


def test_records_and_errors_need_not_lie_in_one_piece():
    rows = spikes(24, 60, 14, 16).transpose(2, 3)
    for pool in (nn.MaxPool2d(2), nn.AvgPool2d(2)):
        post = torch.randn(1, 1, 1, 7, dtype=F64).expand(24, 60, 8, 7)
        found = value_and_gradient(lambda x, p=pool: pooled(p, x), rows, post)
        torch.testing.assert_close(found, value_and_gradient(pool, rows, post))


def test_steps_aside():
    class Other(nn.MaxPool2d):
        pass

    rows = spikes(24, 60, 14, 14)
    assert pooled(nn.MaxPool2d(2), rows) is not None
    for pool in (
        nn.MaxPool2d(3, 2),
        nn.MaxPool2d(2, padding=1),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d(2, dilation=2),
        nn.MaxPool2d(2, return_indices=True),
        nn.MaxPool2d(15),
        nn.AvgPool2d(3, 2),
        nn.AvgPool2d(2, padding=1),
        SumPool2d(2, 1),
        Other(2),
        nn.Identity(),
    ):
        assert pooled(pool, rows) is None, pool
    hooked = nn.MaxPool2d(2)
    hooked.register_forward_hook(lambda *_: None)
    assert pooled(hooked, rows) is None
    assert pooled(nn.MaxPool2d(2), rows[:1]) is None, "small"
    assert pooled(nn.MaxPool2d(2), rows[0]) is None, "one image"
    assert pooled(nn.MaxPool2d(2), rows.half()) is None
    assert pooled(nn.AvgPool2d(2), rows.to(torch.uint8)) is None, "the average of bytes is none"


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.AvgPool2d(2)])
def test_second_derivatives_are_refused(pool):
    rows = spikes(24, 60, 14, 14).requires_grad_()
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad(pooled(pool, rows).square().sum(), rows, create_graph=True)


def test_forward_mode_goes_torchs_way():
    rows = torch.randn(24, 60, 14, 14, dtype=F64)
    tangent = torch.randn_like(rows)
    _, found = torch.func.jvp(lambda x: drive(nn.AvgPool2d(2), x[None])[0], (rows,), (tangent,))
    torch.testing.assert_close(found, nn.AvgPool2d(2)(tangent))


def synapses():
    return {
        "max-conv": nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 24, 3, padding=1)),
        "sum-conv": nn.Sequential(SumPool2d(2), nn.Conv2d(3, 24, 3, 2, bias=False)),
        "average-max-conv": nn.Sequential(nn.AvgPool2d(2), nn.MaxPool2d(2), nn.Conv2d(3, 24, 3)),
        "max-flatten-linear": nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3 * 12 * 12, 7)),
        "conv-norm-pool": nn.Sequential(nn.Conv2d(3, 24, 3), nn.BatchNorm2d(24), nn.MaxPool2d(2)).eval(),
    }


@pytest.mark.parametrize("name", synapses())
@pytest.mark.parametrize("kind", ["plain", "known", "bytes"])
def test_whole_synapses(name, kind):
    synapse, record = synapses()[name].double(), spikes(4, 60, 3, 24, 24, share=0.05)
    expected = synapse(record.flatten(0, 1)).unflatten(0, (4, 60))
    post = torch.randn_like(expected)
    parameters = list(synapse.parameters())
    want = torch.autograd.grad(expected, parameters, post)
    leaf = record.clone().requires_grad_()
    given = {"plain": leaf, "known": leaf, "bytes": record.to(torch.uint8)}[kind]
    if kind == "known":
        remember_spikes(given, record.to(torch.uint8))
    current = drive(synapse, given)
    torch.testing.assert_close(current, expected)
    if kind != "bytes":
        parameters = [leaf, *parameters]
        other = record.clone().requires_grad_()
        (back,) = torch.autograd.grad(synapse(other.flatten(0, 1)).unflatten(0, (4, 60)), other, post)
        want = (back, *want)
    torch.testing.assert_close(torch.autograd.grad(current, parameters, post), want)
    found = correlate(synapse, given, post)
    names = [name for name, _ in synapse.named_parameters()]
    torch.testing.assert_close(found, dict(zip(names, want[-len(names) :], strict=True)))


def test_a_synapse_without_image_layers_is_left_alone():
    assert map_images(nn.Conv1d(3, 4, 3), torch.zeros(5, 3, 8)) is None
    assert map_images(nn.Sequential(nn.Flatten(), nn.Linear(48, 4)), torch.zeros(5, 3, 4, 4)) is None
    assert map_images(nn.Sequential(), torch.zeros(5, 3, 4, 4)) is None


def test_a_hooked_sequence_is_called_as_a_whole():
    synapse, calls = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 24, 3)), []
    synapse.register_forward_hook(lambda *_: calls.append(1))
    drive(synapse, spikes(4, 60, 3, 24, 24, dtype=torch.float32))
    assert calls == [1]


def test_a_record_of_another_size_names_the_synapse():
    synapse = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 24, 3))
    with pytest.raises(ValueError, match=r"MaxPool2d.*cannot take a record of shape \[4, 60, 4, 24, 24\]"):
        drive(synapse, spikes(4, 60, 4, 24, 24, dtype=torch.float32))

import sys

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from spikelearn import events
from spikelearn.synapses import Normalise, SumPool2d, as_linear, correlate, drive, structure, transpose

F64 = torch.float64


def synapses():
    torch.manual_seed(1)
    return {
        "linear": (nn.Linear(12, 5), (12,)),
        "no-bias": (nn.Linear(12, 5, bias=False), (12,)),
        "flatten-linear": (nn.Sequential(nn.Flatten(), nn.Linear(12, 5)), (3, 2, 2)),
        "conv": (nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 6, 6)),
        "grouped": (nn.Conv2d(4, 4, 3, groups=2, dilation=2), (4, 6, 6)),
        "conv1d": (nn.Conv1d(2, 3, 3), (2, 7)),
        "transposed": (nn.ConvTranspose2d(2, 3, 3, stride=2), (2, 4, 4)),
        "pool-conv": (nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(2, 3, 2)), (2, 6, 6)),
        "normalised": (nn.Sequential(Normalise("mean-square"), nn.Linear(12, 5)), (12,)),
        "spectral": (spectral_norm(nn.Linear(12, 5)).eval(), (12,)),
    }


@pytest.fixture(params=synapses())
def case(request):
    synapse, shape = synapses()[request.param]
    synapse = synapse.to(F64)
    pre = torch.rand(4, 3, *shape, dtype=F64)
    post = torch.randn_like(drive(synapse, pre)).detach()
    return synapse, pre, post


def test_drive_maps_every_step(case):
    synapse, pre, _ = case
    torch.testing.assert_close(drive(synapse, pre), torch.stack([synapse(now) for now in pre]))


def test_a_constant_record_is_mapped_once(case):
    synapse, pre, _ = case
    calls = []
    synapse.register_forward_hook(lambda *_: calls.append(1))
    constant = pre[:1].expand(4, *pre.shape[1:])
    current = drive(synapse, constant)
    assert len(calls) == 1
    assert current.shape[0] == 4
    torch.testing.assert_close(current[3], synapse(pre[0]))


def test_correlate_is_the_gradient(case):
    synapse, pre, post = case
    found = correlate(synapse, pre, post)
    parameters = dict(synapse.named_parameters())
    expected = torch.autograd.grad((drive(synapse, pre) * post).sum(), list(parameters.values()))
    assert list(found) == list(parameters)
    for got, want in zip(found.values(), expected, strict=True):
        torch.testing.assert_close(got, want)


def test_correlate_leaves_frozen_parameters_out(case):
    synapse, pre, post = case
    names = [name for name, _ in synapse.named_parameters()]
    synapse.get_parameter(names[0]).requires_grad_(False)
    assert list(correlate(synapse, pre, post)) == names[1:]
    for parameter in synapse.parameters():
        parameter.requires_grad_(False)
    assert correlate(synapse, pre, post) == {}


def test_transpose_is_the_gradient_in_the_input(case):
    synapse, pre, post = case
    at = pre.clone().requires_grad_()
    (expected,) = torch.autograd.grad((drive(synapse, at) * post).sum(), at)
    torch.testing.assert_close(transpose(synapse, pre, post), expected)


def test_chunks_add_up(monkeypatch):
    synapse = nn.Conv2d(2, 3, 3).to(F64)
    pre, post = torch.rand(5, 3, 2, 5, 5, dtype=F64), torch.randn(5, 3, 3, 3, 3, dtype=F64)
    whole = correlate(synapse, pre, post)
    monkeypatch.setattr(sys.modules["spikelearn.synapses.correlate"], "CHUNK", 4)
    torch.testing.assert_close(correlate(synapse, pre, post), whole)


def test_events_give_the_dense_result_and_gradients(monkeypatch):
    monkeypatch.setattr(events, "SMALLEST", 0)
    monkeypatch.setattr(structure, "WIDE", 0)
    synapse = nn.Linear(60, 5).to(F64)
    sparse = (torch.rand(6, 4, 60) < 0.02).to(F64).requires_grad_()
    post = torch.randn(6, 4, 5, dtype=F64)
    results = []
    for break_even in (0.1, -1.0):
        monkeypatch.setattr(events, "BREAK_EVEN", break_even)
        record = sparse.detach().clone().requires_grad_()
        assert (events.events_of(record) is None) == (break_even < 0)
        current = drive(synapse, record)
        grads = torch.autograd.grad((current * post).sum(), [record, *synapse.parameters()])
        results.append([current, *grads, *correlate(synapse, record, post).values()])
    torch.testing.assert_close(results[0], results[1])


def test_fast_path_is_only_for_plain_linear():
    class Other(nn.Linear):
        pass

    assert as_linear(nn.Linear(2, 2)) is not None
    assert as_linear(nn.Sequential(nn.Flatten(), nn.Linear(2, 2))) is not None
    assert as_linear(Other(2, 2)) is None
    assert as_linear(spectral_norm(nn.Linear(2, 2))) is None
    assert as_linear(nn.Sequential(nn.ReLU(), nn.Linear(2, 2))) is None


def test_batch_statistics_are_refused():
    synapse = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    pre, post = torch.rand(2, 3, 1, 5, 5), torch.rand(2, 3, 2, 3, 3)
    with pytest.raises(ValueError, match="batch statistics"):
        correlate(synapse, pre, post)
    with pytest.raises(ValueError, match="batch statistics"):
        transpose(synapse, pre, post)
    assert len(correlate(synapse.eval(), pre, post)) == 4


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"synapse Linear\(in_features=3.*cannot take a record of shape \[2, 4, 5\]"):
        drive(nn.Linear(3, 2), torch.zeros(2, 4, 5))
    with pytest.raises(ValueError, match=r"the same \[T, B\]"):
        correlate(nn.Linear(3, 2), torch.zeros(2, 4, 3), torch.zeros(3, 4, 2))
    with pytest.raises(ValueError, match="post has shape"):
        correlate(nn.Linear(3, 2), torch.zeros(2, 4, 3), torch.zeros(2, 4, 7))


def test_sum_pool_is_average_times_area():
    image = torch.rand(2, 3, 6, 6)
    torch.testing.assert_close(SumPool2d(3)(image), 9 * nn.AvgPool2d(3)(image))
    torch.testing.assert_close(SumPool2d(2, 1)(image), 4 * nn.AvgPool2d(2, 1)(image))
    with pytest.raises(ValueError, match="kernel_size is 0"):
        SumPool2d(0)


def test_sum_pool_has_a_factor():
    image = torch.arange(16, dtype=F64).view(1, 1, 4, 4)
    assert SumPool2d(2, gain=1.1)(image).flatten().tolist() == pytest.approx([11.0, 19.8, 46.2, 55.0])
    assert SumPool2d(2)(image).flatten().tolist() == [10.0, 18.0, 42.0, 50.0]
    assert SumPool2d(2, 1, gain=0.5)(image).shape == (1, 1, 3, 3)
    assert "gain=1.1" in repr(SumPool2d(2, gain=1.1))
    for gain in (0.0, -1.0, float("inf")):
        with pytest.raises(ValueError, match="gain is .*expected a positive number"):
            SumPool2d(2, gain=gain)


def test_a_constant_leaf_gets_its_gradient_step_by_step():
    synapse, weights = nn.Linear(3, 2).to(F64), torch.randn(4, 5, 2, dtype=F64)
    x = torch.rand(5, 3, dtype=F64).expand(4, 5, 3).requires_grad_()
    (grad,) = torch.autograd.grad((drive(synapse, x) * weights).sum(), x)
    torch.testing.assert_close(grad, weights @ synapse.weight)


def test_linear_maps_the_last_axis():
    synapse = nn.Linear(3, 2).to(F64)
    pre, post = torch.rand(4, 2, 5, 3, dtype=F64), torch.randn(4, 2, 5, 2, dtype=F64)
    expected = torch.autograd.grad((drive(synapse, pre) * post).sum(), list(synapse.parameters()))
    torch.testing.assert_close(list(correlate(synapse, pre, post).values()), list(expected))
    assert transpose(synapse, pre, post).shape == pre.shape


def test_function_transforms_pass_the_event_path(monkeypatch):
    monkeypatch.setattr(events, "SMALLEST", 0)
    monkeypatch.setattr(structure, "WIDE", 0)
    synapse, record = nn.Linear(60, 5).to(F64), (torch.rand(6, 4, 60) < 0.02).to(F64)
    weights = dict(synapse.named_parameters())

    def total(parameters):
        return torch.func.functional_call(
            _Driven(synapse), {f"s.{n}": p for n, p in parameters.items()}, (record,)
        ).sum()

    found = torch.func.grad(total)(weights)
    torch.testing.assert_close(found["weight"], record.sum((0, 1)).expand(5, 60))
    with torch.inference_mode():
        torch.testing.assert_close(drive(synapse, record * 1.0), synapse(record))


class _Driven(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s

    def forward(self, record):
        return drive(self.s, record)


@pytest.mark.parametrize(("size", "length"), [("length", 1.0), ("mean-square", 12**0.5)])
def test_normalised_samples_keep_their_direction_and_lose_their_length(size, length):
    torch.manual_seed(0)
    x = torch.randn(4, 3, 2, 2, dtype=F64)
    found = Normalise(size, epsilon=1e-12)(x)
    torch.testing.assert_close(found.flatten(1).norm(dim=1), torch.full((4,), length, dtype=F64))
    torch.testing.assert_close(
        found, found.flatten(1).norm(dim=1).view(4, 1, 1, 1) * x / x.flatten(1).norm(dim=1).view(4, 1, 1, 1)
    )
    assert Normalise(size)(torch.zeros(2, 5)).abs().max() == 0


def test_normalise_checks_its_options():
    with pytest.raises(ValueError, match="size is 'rms'"):
        Normalise("rms")
    with pytest.raises(ValueError, match="epsilon is 0"):
        Normalise(epsilon=0)

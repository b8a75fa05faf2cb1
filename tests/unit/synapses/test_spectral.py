"""``SpectralGain``: a matrix over its spectral norm, times a bounded gain."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Network, evaluating
from spikelearn.neurons import LIF
from spikelearn.synapses import SpectralGain, bound_spectral_norm
from spikelearn.synapses.spectral import FIRST_ITERATIONS

F64 = torch.float64


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def matrix(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=F64)


def spectral_norm_of(weight):
    return torch.linalg.matrix_norm(weight.detach().flatten(1), ord=2)


def looped(dtype=F64):
    synapse = nn.Linear(8, 8, bias=False, dtype=dtype)
    bound_spectral_norm(synapse, seeded())
    blocks = {"a": Block(nn.Linear(6, 8, dtype=dtype), LIF.per_step(0.8, reset="subtract"))}
    return Network(blocks, {"loop": Feedback("a", "a", synapse)})


def part_of(network):
    (part,) = [m for m in network.modules() if isinstance(m, SpectralGain)]
    return part


@pytest.mark.parametrize("shape", [(7, 7), (5, 9), (9, 5), (4, 3, 5, 5), (1, 6)])
def test_many_calls_find_the_spectral_norm(shape):
    weight = matrix(*shape)
    part = SpectralGain(weight, seeded(1))
    with torch.no_grad():
        part.gain.fill_(0.7)
    for _ in range(300):
        found = part(weight)
    torch.testing.assert_close(found, 0.7 * weight / spectral_norm_of(weight), rtol=1e-9, atol=1e-12)
    assert spectral_norm_of(found).item() == pytest.approx(0.7, rel=1e-9)
    left, _, right = torch.linalg.svd(weight.flatten(1))
    assert (part.left @ left[:, 0]).abs().item() == pytest.approx(1.0, abs=1e-9)
    assert (part.right @ right[0]).abs().item() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("gain", "acts_as"), [(0.5, 0.5), (3.0, 1.0), (1.0, 1.0), (-0.4, -0.4), (-7.0, -1.0), (0.0, 0.0)]
)
def test_the_gain_is_clamped(gain, acts_as):
    weight = matrix(6, 4)
    part = SpectralGain(weight, seeded())
    with torch.no_grad():
        part.gain.fill_(gain)
    for _ in range(200):
        found = part(weight)
    torch.testing.assert_close(found, acts_as * weight / spectral_norm_of(weight))
    assert part.gain.item() == pytest.approx(gain)


def test_the_first_gain_is_the_norm_by_ten_iterations():
    weight = matrix(12, 9)
    generator = seeded(5)
    part = SpectralGain(weight, generator)
    again = seeded(5)

    def unit(size):
        vector = torch.randn(size, generator=again, dtype=F64)
        return vector / vector.norm()

    left, right = unit(12), unit(9)
    for _ in range(FIRST_ITERATIONS):
        right = weight.T @ left
        right = right / right.norm()
        left = weight @ right
        left = left / left.norm()
    assert part.gain.item() == pytest.approx((left @ weight @ right).item(), rel=1e-12)
    torch.testing.assert_close(part.left, unit(12))
    torch.testing.assert_close(part.right, unit(9))


def test_one_call_is_one_iteration_by_hand():
    weight = torch.tensor([[3.0, 0.0], [0.0, 4.0]], dtype=F64)
    part = SpectralGain(weight, seeded())
    with torch.no_grad():
        part.gain.fill_(0.5)
        part.left.copy_(torch.tensor([0.6, 0.8], dtype=F64))
        part.right.fill_(9.0)  # q of the call before is not used
    found = part(weight)
    right = torch.tensor([1.8, 3.2], dtype=F64) / torch.tensor([1.8, 3.2], dtype=F64).norm()
    left = torch.tensor([3 * right[0], 4 * right[1]], dtype=F64)
    sigma = left.norm()  # p^T M q with p = M q / |M q|
    torch.testing.assert_close(found, 0.5 * weight / sigma)
    torch.testing.assert_close(part.right, right)
    torch.testing.assert_close(part.left, left / sigma)


def test_evaluation_forgets():
    weight = matrix(6, 6)
    part = SpectralGain(weight, seeded()).eval()
    kept = {name: value.clone() for name, value in part.named_buffers()}
    one, two = part(weight), part(weight)
    assert one.equal(two)
    assert all(value.equal(kept[name]) for name, value in part.named_buffers())
    part.train()
    assert part(weight).equal(one)
    assert not part(weight).equal(one)
    assert not part.left.equal(kept["left"])


@pytest.mark.parametrize("gain", [0.6, 1.7])
@pytest.mark.parametrize("shape", [(5, 4), (3, 2, 2, 2)])
def test_gradients_with_p_and_q_held_fixed(shape, gain):
    weight, signal = matrix(*shape), matrix(*shape, seed=2)
    part = SpectralGain(weight, seeded(3)).eval()
    with torch.no_grad():
        part.gain.fill_(gain)
    raw = weight.clone().requires_grad_()
    found_raw, found_gain = torch.autograd.grad((part(raw) * signal).sum(), [raw, part.gain])
    rows = weight.flatten(1)
    right = torch.nn.functional.normalize(rows.T @ part.left, dim=0)
    left = torch.nn.functional.normalize(rows @ right, dim=0)

    def value(at, g):
        return float((min(max(g, -1.0), 1.0) * at / (left @ at.flatten(1) @ right) * signal).sum())

    h = 1e-6
    expected = torch.empty_like(weight)
    for place in range(weight.numel()):
        step = torch.zeros(weight.numel(), dtype=F64)
        step[place] = h
        step = step.view_as(weight)
        expected.view(-1)[place] = (value(weight + step, gain) - value(weight - step, gain)) / (2 * h)
    torch.testing.assert_close(found_raw, expected, rtol=1e-7, atol=1e-8)
    slope = (value(weight, gain + h) - value(weight, gain - h)) / (2 * h)
    assert found_gain.item() == pytest.approx(slope, rel=1e-7, abs=1e-9)
    if gain > 1:
        assert found_gain.item() == 0.0


def test_the_scale_of_the_weight_cannot_be_learned():
    """W does not depend on |R|, so the gradient is orthogonal to R."""
    weight = matrix(6, 5)
    part = SpectralGain(weight, seeded())
    for _ in range(100):
        part(weight)
    raw = weight.clone().requires_grad_()
    (grad,) = torch.autograd.grad((part(raw) * matrix(6, 5, seed=4)).sum(), raw)
    assert grad.abs().max() > 1e-3
    assert (grad * weight).sum().abs().item() < 1e-12
    torch.testing.assert_close(part(10 * weight), part(weight))


def test_a_presentation_moves_the_vectors_once():
    network = looped()
    part = part_of(network)
    raw = network.feedback["loop"].synapse.parametrizations["weight"].original.detach()
    before = {name: value.clone() for name, value in network.named_buffers()}
    assert len(before) == 2
    expected_right = torch.nn.functional.normalize(raw.T @ part.left, dim=0)
    expected_left = torch.nn.functional.normalize(raw @ expected_right, dim=0)
    with network.presentation() as buffers:
        for _ in range(3):
            network.run(torch.rand(4, 2, 6, dtype=F64))
        assert buffers == {}
        assert network.feedback["loop"].synapse.weight is network.feedback["loop"].synapse.weight
    assert all(value.equal(before[name]) for name, value in network.named_buffers())
    assert set(buffers) == set(before)
    root = "feedback.loop.synapse.parametrizations.weight.0."
    torch.testing.assert_close(buffers[root + "left"], expected_left)
    torch.testing.assert_close(buffers[root + "right"], expected_right)
    assert not buffers[root + "left"].equal(before[root + "left"])


def test_presentations_one_after_the_other_converge():
    network = looped()
    for _ in range(300):
        with network.presentation() as buffers:
            network.run(torch.rand(1, 2, 6, dtype=F64))
        for name, value in buffers.items():
            network.get_buffer(name).copy_(value)
    with torch.no_grad():
        part_of(network).gain.fill_(2.0)
    with evaluating(network):
        weight = network.feedback["loop"].synapse.weight
    assert spectral_norm_of(weight).item() == pytest.approx(1.0, rel=1e-6)


def test_a_presentation_in_evaluation_mode_yields_the_old_vectors():
    network = looped().eval()
    before = {name: value.clone() for name, value in network.named_buffers()}
    with network.presentation() as buffers:
        network.run(torch.rand(4, 2, 6, dtype=F64))
    assert all(value.equal(before[name]) for name, value in buffers.items())


def test_weights_of_a_presentation_carry_the_gradient_to_raw_weight_and_gain():
    network = looped()
    with torch.no_grad():
        part_of(network).gain.fill_(0.5)
    with torch.no_grad(), network.presentation():
        weight = network.feedback["loop"].synapse.weight
    synapse = network.feedback["loop"].synapse
    raw = synapse.parametrizations["weight"].original
    found = torch.autograd.grad(weight.sum(), [raw, part_of(network).gain])
    assert all(value.abs().max() > 0 for value in found)


def test_single_precision_stays_single():
    network = looped(torch.float32)
    assert network.feedback["loop"].synapse.weight.dtype == torch.float32
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}


def test_state_goes_through_a_state_dict():
    one, two = looped(), looped()
    with torch.no_grad():
        part_of(one).gain.fill_(0.25)
        part_of(one).left.mul_(-1.0)
    two.load_state_dict(one.state_dict())
    with evaluating(one), evaluating(two):
        assert one.feedback["loop"].synapse.weight.equal(two.feedback["loop"].synapse.weight)

"""Every activation against torch's own function, and its derivative in closed form against automatic differentiation."""

import pytest
import torch
import torch.nn.functional as F

from spikelearn.neurons import ACTIVATIONS
from spikelearn.neurons.activations import Elementwise
from tests.conformance.cases import ACTIVATIONS as CASES

F64 = torch.float64
MAKERS = [
    pytest.param(*case, id=f"{name}-{number}") for name, cases in CASES.items() for number, case in enumerate(cases)
]


def test_every_activation_has_a_case():
    assert set(CASES) == set(ACTIVATIONS)


def currents(shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(4), dtype=F64).mul(1.5)


@pytest.mark.parametrize(("make", "reference"), MAKERS)
@pytest.mark.parametrize("shape", [(3, 6), (3, 6, 2, 2)], ids=["dense", "image"])
def test_outputs_and_derivative(make, reference, shape):
    activation, a = make(), currents(shape).requires_grad_()
    output, error = activation(a), currents(shape).flip(0)
    torch.testing.assert_close(output, reference(a), rtol=1e-12, atol=1e-12)
    (wanted,) = torch.autograd.grad(reference(a), a, error)
    (found,) = torch.autograd.grad(output, a, error)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(activation.vjp(a.detach(), error), wanted, rtol=1e-10, atol=1e-12)
    known = activation.vjp_at(a.detach(), activation(a.detach()), error)
    torch.testing.assert_close(known, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("make", "reference"), MAKERS)
def test_slope_where_the_function_bends(make, reference):
    """0, the bounds, and far out: the slope is that of torch, and finite."""
    activation = make()
    if not isinstance(activation, Elementwise):
        pytest.skip("no output depends on its own current alone")
    a = torch.tensor([[0.0, 1.0, -1.0, 0.5, 2.0, 60.0, -60.0]], dtype=F64, requires_grad=True)
    (wanted,) = torch.autograd.grad(activation(a).sum(), a)
    torch.testing.assert_close(activation.derivative(a.detach()), wanted, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("make", "reference"), MAKERS)
def test_it_says_whether_an_output_can_be_negative(make, reference):
    assert make().signed == bool((make()(3.0 * currents((40, 6))) < 0).any())


@pytest.mark.parametrize(("make", "reference"), MAKERS)
def test_type_is_kept(make, reference):
    a = currents((2, 4)).float()
    assert make()(a).dtype == make().vjp(a, a).dtype == torch.float32


def test_a_triangle_of_any_power_has_a_finite_derivative_where_it_is_silent():
    a = torch.zeros(1, 4, dtype=F64, requires_grad=True)
    (found,) = torch.autograd.grad(CASES["triangle"][1][0]()(a).sum(), a)
    assert found.abs().max() == 0


def test_softmax_sums_to_one_over_the_maps_of_a_place():
    output = CASES["softmax"][0][0]()(currents((2, 5, 3, 3)))
    torch.testing.assert_close(output.sum(1), torch.ones(2, 3, 3, dtype=F64))
    assert output.flatten(2).argmax(1).unique().numel() > 1


def test_half_of_an_odd_layer_is_refused():
    with pytest.raises(ValueError, match="has 3 units, expected an even number"):
        CASES["half-tanh"][0][0]()(torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sigmoid:gain=0", "gain is 0, expected a positive number"),
        ("sigmoid:shift=inf", "shift is inf"),
        ("hard-sigmoid:low=1", "low is 1 and high 1.0, expected low below high"),
        ("softplus:beta=-1", "beta is -1"),
        ("leaky-relu:slope=nan", "slope is nan"),
        ("triangle:power=0", "power is 0"),
        ("softmax:gain=-1", "gain is -1"),
        ("rely", "unknown activation 'rely', expected one of .*did you mean 'relu'"),
    ],
)
def test_options_are_checked(text, message):
    from spikelearn.neurons import neuron_factory

    with pytest.raises(ValueError, match=message):
        neuron_factory("rate", {"activation": text})


def test_softplus_follows_from_its_output():
    """The derivative that local rules take from the output alone, 1 - exp(-beta phi)."""
    activation, a = CASES["softplus"][0][0](), currents((4, 4))
    expected = 1.0 - torch.exp(-activation.beta * F.softplus(a, activation.beta))
    torch.testing.assert_close(activation.derivative(a), expected, rtol=1e-9, atol=1e-12)

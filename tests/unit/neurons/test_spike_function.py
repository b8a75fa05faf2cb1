import pytest
import torch

from spikelearn.neurons import HARD, ATan, FastSigmoid, Rectangle, Sigmoid, SpikeFunction, Surrogate, Triangle

SURROGATES = [
    ATan(),
    ATan(5.0),
    FastSigmoid(),
    FastSigmoid(3.0),
    Triangle(),
    Triangle(0.5, 0.3),
    Rectangle(),
    Rectangle(3.0, 0.2),
    Sigmoid(),
    Sigmoid(9.0),
]


def test_strict_and_inclusive():
    x = torch.tensor([-1.0, 0.0, 1.0])
    assert HARD(x).tolist() == [0.0, 0.0, 1.0]
    assert HARD(x, inclusive=True).tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("psi", SURROGATES, ids=repr)
def test_values_are_exactly_zero_or_one_and_the_slope_is_psi(psi):
    x = (10 * torch.randn(1000)).requires_grad_()
    z = SpikeFunction(psi)(x)
    assert z.detach().unique().tolist() == [0.0, 1.0]
    (slope,) = torch.autograd.grad(z.sum(), x)
    torch.testing.assert_close(slope, psi(x.detach()))


@pytest.mark.parametrize("psi", SURROGATES, ids=repr)
def test_forward_mode_has_the_same_slope(psi):
    x = torch.randn(50, dtype=torch.float64)
    value, slope = torch.func.jvp(SpikeFunction(psi), (x,), (torch.ones_like(x),))
    assert set(value.tolist()) <= {0.0, 1.0}
    torch.testing.assert_close(slope, psi(x))


@pytest.mark.parametrize(
    ("psi", "integral"),
    [
        (ATan(3.0), 1.0),
        (FastSigmoid(4.0), 0.5),
        (Triangle(2.0, 0.3), 0.6),
        (Sigmoid(3.0), 1.0),
        (Rectangle(2.0, 0.3), 1.2),
    ],
)
def test_areas_in_closed_form(psi, integral):
    x = torch.linspace(-4000, 4000, 8_000_001, dtype=torch.float64)
    torch.testing.assert_close(float(torch.trapezoid(psi(x), x)), integral, rtol=0, atol=1e-3)


def test_surrogates_are_those_of_snntorch():
    surrogate = pytest.importorskip("snntorch.surrogate")
    x = torch.randn(100)
    pairs = [
        (ATan(2.0), surrogate.atan(alpha=2.0)),
        (FastSigmoid(25.0), surrogate.fast_sigmoid(slope=25)),
        (Sigmoid(25.0), surrogate.sigmoid(slope=25)),
    ]
    for psi, theirs in pairs:
        y = x.clone().requires_grad_()
        theirs(y).sum().backward()
        torch.testing.assert_close(psi(x), y.grad)


@pytest.mark.parametrize("make", [ATan, FastSigmoid, Triangle, Sigmoid, Rectangle])
def test_shape_parameters_must_be_positive(make):
    with pytest.raises(ValueError, match="expected a positive number"):
        make(0.0)


def test_a_surrogate_is_made_of_a_derivative_or_of_a_spike_function():
    plain, through_reset = Surrogate(ATan()), Surrogate(ATan(), reset_gradient=True)
    assert (plain.spike_function.reset_gradient, through_reset.spike_function.reset_gradient) == (False, True)
    assert repr(through_reset) == f"Surrogate({ATan()!r}, reset_gradient=True)"
    assert Surrogate(HARD).spike_function is HARD
    assert not Surrogate(None).differentiates
    assert repr(Surrogate(SpikeFunction(ATan()))) == repr(plain)
    with pytest.raises(ValueError, match="reset_gradient is True beside the spike function SpikeFunction"):
        Surrogate(SpikeFunction(ATan()), reset_gradient=True)

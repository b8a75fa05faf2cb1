"""Models of the zoo against their closed forms."""

import math

import pytest
import torch

from spikelearn.neurons import (
    EIF,
    HARD,
    LIF,
    SRM0,
    AdEx,
    AlphaLIF,
    ATan,
    Izhikevich,
    QuadraticIF,
    RefractoryLIF,
    ResonateAndFire,
    SpikeFunction,
    Surrogate,
)
from spikelearn.neurons.parts.izhikevich_types import FIRING_TYPES


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def run(neuron, currents, function=HARD):
    """Spikes and potentials [T], and the last state, of one neuron."""
    current = torch.as_tensor(currents).view(-1, 1, 1)
    z, v, state = Surrogate(function).sequence(neuron, neuron.initial_state(current[0]), current)
    return z.flatten(), v.flatten(), state


def test_refractory_lif_fires_in_the_period_of_its_equation():
    """n steps to the threshold, n = ceil(ln(rI/(rI - 1)) tau/dt), and k of rest."""
    tau, drive, rest = 10e-3, 1.5, 3
    spikes, _, _ = run(RefractoryLIF(tau, refractory_time=rest * 1e-3), [drive] * 100)
    n = math.ceil(math.log(drive / (drive - 1)) * tau / 1e-3)
    assert spikes.nonzero().flatten().tolist() == list(range(n - 1, 100, n + rest))


def test_refractory_lif_without_a_rest_is_a_lif():
    current = 0.4 + 0.8 * torch.randn(40, 1, 1)
    found = [
        run(kind(10e-3, r=12.0, **own), current) for kind, own in ((RefractoryLIF, {"refractory_time": 0.0}), (LIF, {}))
    ]
    assert found[0][0].equal(found[1][0])
    assert found[0][1].equal(found[1][1])


@pytest.mark.parametrize(("tau", "syn"), [(10e-3, 2e-3), (4e-3, 4e-3), (4e-3, 4.0000001e-3)])
def test_alpha_lif_answers_a_pulse_by_its_integral(tau, syn):
    """Of the alpha function, by the rule of Simpson on a fine grid; equal time constants are no exception."""
    _, v, state = run(AlphaLIF(tau, syn, r=1.0, v_threshold=9.0), [1.0] + [0.0] * 19)
    s = torch.linspace(0, 20e-3, 20001)
    integrand = math.e / syn * s * torch.exp(-s / syn) * torch.exp(-(20e-3 - s) / tau) / tau
    weights = torch.ones(20001)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    assert v[-1].item() == pytest.approx(float(weights @ integrand) * 1e-6 / 3, rel=1e-9)
    assert state.i.item() == pytest.approx(math.e * 20e-3 / syn * math.exp(-20e-3 / syn), rel=1e-12)


def test_alpha_current_has_its_peak_after_the_time_constant():
    neuron, state, seen = AlphaLIF(tau_syn=4e-3, v_threshold=9.0), None, []
    for t in range(9):
        x = torch.full((1, 1), float(t == 0))
        _, _, state = neuron.step(state or neuron.initial_state(x), x, HARD)
        seen.append(state.i.item())
    assert max(seen) == seen[3] == pytest.approx(1.0, rel=1e-12)


def test_srm0_is_the_sum_of_its_kernels_since_its_last_spike():
    tau, syn, refractory = 10e-3, 2e-3, 5e-3
    neuron = SRM0(tau, syn, refractory, refractory=1.3, r=9.0)
    current = (0.3 + 0.5 * torch.randn(50)).tolist()
    spikes, v, _ = run(neuron, current)
    a, b, gamma = (math.exp(-1e-3 / x) for x in (syn, tau, refractory))
    last = None
    for t in range(50):
        psp = sum(
            (1 - a) * (1 - b) * 9.0 * (b ** (t - k + 1) - a ** (t - k + 1)) / (b - a) * current[k] for k in range(t + 1)
        )
        expected = psp - (0.0 if last is None else 1.3 * gamma ** (t - last))
        assert v[t].item() == pytest.approx(expected, rel=1e-10, abs=1e-12)
        assert spikes[t].item() == float(expected > 1.0)
        last = t if expected > 1.0 else last
    assert spikes.sum() >= 3


def test_resonator_answers_pulses_by_damped_sines():
    tau, f, pulses = 20e-3, 40.0, {0: 0.4, 7: -0.3, 12: 0.5}
    _, v, _ = run(ResonateAndFire(tau, f), [pulses.get(t, 0.0) for t in range(60)])
    for t in range(60):
        since = [((t - k + 1) * 1e-3, size) for k, size in pulses.items() if k <= t]
        expected = sum(size * math.exp(-s / tau) * math.sin(2 * math.pi * f * s) for s, size in since)
        assert v[t].item() == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_two_pulses_fire_a_resonator_one_period_apart_and_not_half_a_period():
    def fires(apart):
        spikes, _, _ = run(ResonateAndFire(100e-3, 50.0), [0.8 if t in (0, apart) else 0.0 for t in range(60)])
        return bool(spikes.any())

    assert fires(20)
    assert not fires(10)


@pytest.mark.parametrize("drive", [0.5, 2.0])
def test_quadratic_if_rises_as_the_tangent_of_time(drive):
    """Between the parabola's ends: v = 1/2 + w tan(w t/tau + phase), w = sqrt(I - 1/4)."""
    neuron = QuadraticIF(10e-3, r=1.0, v_threshold=50.0, discretisation="rk4", dt=1e-4)
    spikes, v, _ = run(neuron, [drive] * 1200)
    w = math.sqrt(drive - 0.25)
    phase = math.atan(-0.5 / w)
    first = int(spikes.nonzero()[0])
    period = 10e-3 / w * (math.atan((50.0 - 0.5) / w) - phase)
    assert abs((first + 1) * 1e-4 - period) <= 1e-4
    known = [0.5 + w * math.tan(w * (t + 1) * 1e-4 / 10e-3 + phase) for t in range(first - 10)]
    assert v[: first - 10].tolist() == pytest.approx(known, rel=1e-3, abs=1e-6)


def test_quadratic_if_below_its_critical_current_rests():
    spikes, v, _ = run(QuadraticIF(r=1.0), [0.2] * 300)
    assert not spikes.any()
    assert v[-1].item() == pytest.approx(0.5 - math.sqrt(0.05), rel=1e-6)


def test_every_firing_type_begins_at_rest():
    """Without a current; those of bistability and inhibition-induced firing rest under one."""
    under = {"bistability": 0.24, "inhibition-induced-spiking": 80.0, "inhibition-induced-bursting": 80.0}
    neuron = Izhikevich(list(FIRING_TYPES), r=1.0, dt=0.1e-3, substeps=1)
    current = torch.tensor([[under.get(name, 0.0) for name in FIRING_TYPES]])
    state = neuron.initial_state(current)
    _, v, _ = neuron.step(state, current, HARD)
    assert (v - state.v).abs().max() < 0.05


def test_a_surrogate_of_izhikevich_sees_potentials_in_units_of_peak_less_reset():
    current = torch.full((1, 1), 3.0, requires_grad=True)
    neuron = Izhikevich(substeps=1)
    z, v, _ = neuron.step(neuron.initial_state(current), current, SpikeFunction(ATan()))
    (slope,) = torch.autograd.grad(z.sum(), current)
    assert slope.item() == pytest.approx(float(ATan()((v.detach() - 30.0) / 95.0)) * 50.0 / 95.0, rel=1e-9)


@pytest.mark.parametrize(
    "make",
    [lambda own: QuadraticIF(r=1.0, **own), lambda own: EIF(r=1.0, **own), lambda own: AdEx(r=1.0, b=0.0, **own)],
)
@pytest.mark.parametrize("scheme", ["euler", "sequential", "rk4"])
def test_derivatives_through_the_rise_are_the_equations_own_where_that_is_asked_for(make, scheme):
    neuron = make({"exact_rise": True, "discretisation": scheme, "v_threshold": 3.0})

    def last(current):
        return Surrogate(ATan()).sequence(neuron, neuron.initial_state(current[0]), current)[1][-1]

    current = torch.full((6, 1, 2), 2.4, requires_grad=True)
    assert torch.autograd.gradcheck(last, current)


def test_an_error_passes_the_rise_as_it_is():
    """Above v_rheobase each step multiplies by 1, and below by 1 - h/tau (1 - e^((v - v_rheobase)/sharpness))."""
    neuron = EIF(r=1.0, v_threshold=3.0)
    state = neuron.initial_state(torch.zeros(1, 2))._replace(v=torch.tensor([[1.05, 0.5]], requires_grad=True))
    _, v, _ = neuron.step(state, torch.zeros(1, 2), SpikeFunction(ATan()))
    (slope,) = torch.autograd.grad(v.sum(), state.v)
    torch.testing.assert_close(slope, torch.tensor([[1.0, 0.9 + 0.1 * math.exp(-5.0)]]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Izhikevich("tonic"), "firing is 'tonic', expected .*tonic-spiking"),
        (lambda: Izhikevich([]), "expected a firing type, or a list of one a neuron"),
        (lambda: Izhikevich(c=40.0), "v_reset is 40.0, v_threshold is 30.0, expected them in rising order"),
        (lambda: QuadraticIF(v_critical=4.0), "v_critical is 4.0, v_threshold is 3.0, expected them in rising order"),
        (lambda: QuadraticIF(substeps=0), "substeps is 0"),
        (lambda: QuadraticIF(discretisation="heun"), "discretisation is 'heun'"),
        (lambda: RefractoryLIF(refractory_time=-1.0), "refractory_time is -1.0"),
        (lambda: RefractoryLIF(reset="subtract"), "reset is 'subtract'"),
        (lambda: AlphaLIF(refractory_time=1e-3, reset="subtract"), 'expected "to_value"'),
        (lambda: ResonateAndFire(frequency=501.0), "frequency is 501.0 Hz with dt 0.001 s, expected 500 Hz at most"),
        (lambda: ResonateAndFire(v_reset=1.1), "expected v_reset no higher"),
        (lambda: QuadraticIF().steady_rate(torch.ones(1, 1)), "has no rate map"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_potentials_in_millivolts_are_taken():
    assert LIF(v_threshold=-55.0, v_leak=-70.0, v_reset=-65.0).v_leak == -70.0

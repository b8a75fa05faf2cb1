"""Hand-computable numbers of every neuron model."""

import inspect
import math

import pytest
import torch

from spikelearn.neurons import HARD, IF, LIF, AdaptiveLIF, CubaLIF, LeakyIntegrator


def run(neuron, currents):
    """Spikes and potentials of one neuron under a list of currents, in float64."""
    record = torch.tensor(currents, dtype=torch.float64).reshape(-1, 1, 1)
    state, spikes, potentials = neuron.initial_state(record[0]), [], []
    for now in record:
        z, v, state = neuron.step(state, now, HARD)
        spikes.append(z.item())
        potentials.append(v.item())
    return spikes, potentials, state


def test_lif_per_step_to_value():
    spikes, v, state = run(LIF.per_step(0.5), [0.8, 0.8, 0.8, 0.0])
    assert spikes == [0.0, 1.0, 0.0, 0.0]
    assert v == pytest.approx([0.8, 1.2, 0.8, 0.4], abs=1e-15)
    assert state.v.item() == pytest.approx(0.4, abs=1e-15)


def test_lif_per_step_subtract():
    spikes, v, _ = run(LIF.per_step(0.5, reset="subtract"), [0.8, 0.8, 0.8, 0.0])
    assert spikes == [0.0, 1.0, 0.0, 0.0]
    assert v == pytest.approx([0.8, 1.2, 0.9, 0.45], abs=1e-15)


def test_lif_resets_to_its_value():
    _, v, state = run(LIF.per_step(0.5, v_reset=-0.5), [2.0, 0.0])
    assert v == pytest.approx([2.0, -0.25], abs=1e-15)
    assert state.v.item() == pytest.approx(-0.25, abs=1e-15)


def test_lif_exact_follows_the_exponential():
    neuron = LIF(10e-3, v_threshold=5.0, r=2.0, v_leak=0.5)
    _, v, _ = run(neuron, [1.0] * 30)
    closed = [0.5 + 2.0 * (1 - math.exp(-(t + 1) * 1e-3 / 10e-3)) for t in range(30)]
    assert v == pytest.approx(closed, rel=1e-12)


def test_lif_euler_decays_by_one_minus_dt_over_tau():
    neuron = LIF(10e-3, v_threshold=5.0, discretisation="euler")
    _, v, _ = run(neuron, [1.0] * 30)
    assert v == pytest.approx([1 - 0.9 ** (t + 1) for t in range(30)], rel=1e-12)


def test_threshold_is_strict_unless_inclusive():
    assert run(LIF.per_step(0.5), [1.0])[0] == [0.0]
    assert run(LIF.per_step(0.5, inclusive=True), [1.0])[0] == [1.0]
    assert run(IF(inclusive=True), [0.5, 0.5])[0] == [0.0, 1.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda **o: LIF.per_step(0.5, **o),
        lambda **o: CubaLIF.per_step(0.5, 0.0, **o),
        lambda **o: AdaptiveLIF.per_step(0.5, beta=0.0, **o),
    ],
    ids=["lif", "cuba-lif", "adaptive-lif"],
)
def test_every_leaky_model_has_the_options_of_the_membrane(make):
    assert run(make(inclusive=True), [1.0])[0] == [1.0]
    assert run(make(), [1.0])[0] == [0.0]
    # From rest at v_leak: half of it stays, half is added; then the reset.
    spikes, v, state = run(make(v_leak=0.4, v_reset=-0.2), [0.0, 1.0, 0.0])
    assert v == pytest.approx([0.4, 1.4, 0.1], abs=1e-15)
    assert spikes == [0.0, 1.0, 0.0]
    assert run(make(v_threshold=2.0), [1.5])[0] == [0.0]


def test_leaky_integrator_per_step_goes_to_its_rest():
    _, v, _ = run(LeakyIntegrator.per_step(0.5, v_leak=0.4), [0.0, 1.0, 0.0])
    assert v == pytest.approx([0.4, 1.4, 0.9], abs=1e-15)


def test_options_are_written_out_for_those_who_ask():
    given = inspect.signature(CubaLIF).parameters
    assert [given[name].default for name in ("tau_mem", "tau_syn", "v_leak", "reset")] == [20e-3, 5e-3, 0.0, "to_value"]
    assert given["inclusive"].annotation is bool
    assert "options" not in given
    assert list(inspect.signature(IF).parameters) == ["v_threshold", "v_reset", "r", "reset", "dt", "inclusive"]
    per_step = inspect.signature(AdaptiveLIF.per_step).parameters
    assert {"decay", "decay_adaptation", "beta", "v_leak"} <= set(per_step)
    assert not {"r", "tau_mem", "discretisation"} & set(per_step)


def test_if_adds_up():
    spikes, v, _ = run(IF(2.0, reset="subtract"), [1.5, 1.5, 1.5, -4.0])
    assert spikes == [0.0, 1.0, 1.0, 0.0]
    assert v == [1.5, 3.0, 2.5, -3.5]


def test_cuba_lif_filters_its_current():
    spikes, v, state = run(CubaLIF.per_step(0.5, 0.5), [0.4, 0.0, 0.0, 2.0])
    assert v == pytest.approx([0.4, 0.4, 0.3, 2.2], abs=1e-15)
    assert spikes == [0.0, 0.0, 0.0, 1.0]
    assert state.i.item() == pytest.approx(2.05, abs=1e-15)


def test_cuba_lif_exact_is_a_difference_of_exponentials():
    neuron = CubaLIF(10e-3, 5e-3, v_threshold=5.0, dt=1e-5)
    _, v, _ = run(neuron, [1.0] * 2000)
    t = 2000 * 1e-5
    closed = 1 - (10e-3 * math.exp(-t / 10e-3) - 5e-3 * math.exp(-t / 5e-3)) / 5e-3
    assert v[-1] == pytest.approx(closed, rel=2e-3)


def test_leaky_integrator_never_fires():
    spikes, v, _ = run(LeakyIntegrator.per_step(0.5), [4.0, 4.0, 0.0])
    assert spikes == [0.0, 0.0, 0.0]
    assert v == [4.0, 6.0, 3.0]


def test_charge_balance_of_a_subtractive_reset():
    """V sum lam^(T-1-t) s[t] = sum lam^(T-1-t) I[t] - u[T-1], for any input."""
    lam, threshold, currents = 0.95, 2.0, (2 * torch.randn(200, dtype=torch.float64)).tolist()
    spikes, _, state = run(LIF.per_step(lam, v_threshold=threshold, reset="subtract", inclusive=True), currents)
    weights = [lam ** (199 - t) for t in range(200)]
    left = threshold * sum(w * s for w, s in zip(weights, spikes, strict=True))
    right = sum(w * i for w, i in zip(weights, currents, strict=True)) - state.v.item()
    assert left == pytest.approx(right, abs=1e-12)


@pytest.mark.parametrize("neuron", [IF(2.0, reset="subtract"), LIF.per_step(0.999, v_threshold=2.0, reset="subtract")])
def test_steady_rate_is_where_the_rate_settles(neuron):
    for current in (-0.5, 0.3, 1.7, 5.0):
        spikes, _, _ = run(neuron, [current] * 4000)
        expected = neuron.steady_rate(torch.tensor(current, dtype=torch.float64)).item()
        assert sum(spikes[1000:]) / 3000 == pytest.approx(expected, abs=2e-3)


def test_a_neuron_without_a_rate_map_says_so():
    with pytest.raises(ValueError, match='reset="subtract"'):
        LIF().steady_rate(torch.ones(1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LIF(0.0), "tau_mem is 0.0"),
        (lambda: LIF(dt=-1e-3), "dt is -0.001"),
        (lambda: LIF(1e-4, discretisation="euler"), "tau_mem >= dt"),
        (lambda: LIF(reset="soft"), "reset is 'soft'"),
        (lambda: LIF(v_threshold=0.0), "must not fire"),
        (lambda: LIF.per_step(1.0), "decay is 1.0"),
        (lambda: LIF.per_step(5), "decay is 5"),
        (lambda: CubaLIF(tau_syn=-1), "tau_syn is -1"),
        (lambda: CubaLIF.per_step(0.9, 1.0), "decay_syn is 1.0"),
        (lambda: IF(r=0), "r is 0"),
        (lambda: LeakyIntegrator(tau_mem=float("nan")), "tau_mem is nan"),
        (lambda: LIF(discretisation="rk4"), "discretisation is 'rk4'"),
    ],
)
def test_bad_parameters_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("neuron", [LIF(), IF(), CubaLIF(), LeakyIntegrator()])
def test_a_state_of_another_batch_is_refused(neuron):
    state = neuron.initial_state(torch.zeros(4, 10))
    with pytest.raises(ValueError, match=r"state v has shape \[4, 10\], expected \[8, 10\]: start a new batch"):
        neuron.step(state, torch.zeros(8, 10), HARD)

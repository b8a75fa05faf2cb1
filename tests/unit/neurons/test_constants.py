"""Constants of single neurons: each neuron is the one that its own numbers make."""

import copy
import inspect
import math

import numpy as np
import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, build
from spikelearn.neurons import (
    EIF,
    HARD,
    IF,
    LIF,
    PLIF,
    SRM0,
    AdaptiveLIF,
    AdEx,
    AlphaLIF,
    ATan,
    ConductanceLIF,
    CubaLIF,
    FirstSpikeIF,
    HomeostaticLIF,
    Izhikevich,
    LeakyIntegrator,
    QuadraticIF,
    RefractoryLIF,
    ResonateAndFire,
    SilentLeakLIF,
    SpikeFunction,
    Surrogate,
    neuron_factory,
)
from spikelearn.plasticity import BPTT, Batch
from spikelearn.training import Training, learn

F64 = torch.float64

GAIN = {"r": [12.0, 9.0, 30.0]}

#: {model: options, each with the numbers of three neurons}
MODELS = {
    "lif": (LIF, {"tau_mem": [5e-3, 10e-3, 40e-3], "r": [12.0, 9.0, 30.0], "v_leak": [0.1, 0.0, -0.2]}),
    "lif-reset": (LIF, {"v_threshold": [0.5, 1.0, 1.4], "v_reset": [-0.5, 0.0, 0.2], "r": [20.0, 25.0, 30.0]}),
    "lif-steps": (LIF.per_step, {"decay": [0.0, 0.5, 0.9], "v_leak": [0.3, 0.0, 0.1]}),
    "if": (IF, {"v_threshold": [0.5, 1.0, 3.0], "r": [0.4, 1.0, 2.5]}),
    "cuba-lif": (CubaLIF, {"tau_mem": [5e-3, 10e-3, 40e-3], "tau_syn": [2e-3, 4e-3, 8e-3], "r": [15.0, 20.0, 60.0]}),
    "cuba-lif-steps": (CubaLIF.per_step, {"decay_mem": [0.5, 0.7, 0.9], "decay_syn": [0.9, 0.4, 0.0]}),
    "adaptive-lif": (AdaptiveLIF.per_step, {"decay_adaptation": [0.5, 0.7, 0.9], "beta": [0.0, 0.3, 1.0]}),
    "silent-leak-lif": (SilentLeakLIF, {"decay": [0.2, 0.5, 0.9], "v_threshold": [0.6, 1.0, 1.5]}),
    "first-spike-if": (FirstSpikeIF, {"v_threshold": [0.6, 1.0, 1.5]}),
    "refractory-lif": (RefractoryLIF, {"tau_mem": [5e-3, 10e-3, 40e-3], "refractory_time": [0.0, 1e-3, 4e-3], **GAIN}),
    "alpha-lif": (AlphaLIF, {"tau_syn": [1e-3, 2e-3, 4e-3], "tau_mem": [5e-3, 4e-3, 4e-3], "v_leak": [0.0, 0.1, 0.2]}),
    "conductance-lif": (ConductanceLIF, {"v_excitatory": [4.0, 5.0, 7.0], "refractory_time": [0.0, 1e-3, 2e-3]}),
    "eif": (EIF, {"sharpness": [0.1, 0.2, 0.3], "v_rheobase": [0.7, 1.0, 1.1], "refractory_time": [0.0, 2e-3, 3e-3]}),
    "adex": (AdEx, {"a": [0.0, 0.1, 0.5], "b": [0.1, 0.2, 0.4], "v_reset": [0.0, 0.3, -0.2]}),
    "quadratic-if": (QuadraticIF, {"k": [0.5, 1.0, 1.5], "v_critical": [0.8, 1.0, 1.2], "r": [30.0, 20.0, 10.0]}),
    "izhikevich": (Izhikevich, {"firing": ["chattering", "class-1", "accommodation"], "d": [8.0, 2.0, 4.0]}),
    "srm0": (SRM0, {"refractory": [0.5, 1.0, 2.0], "tau_refractory": [2e-3, 5e-3, 9e-3]}),
    "resonate-and-fire": (ResonateAndFire, {"frequency": [20.0, 50.0, 90.0], "x_reset": [0.0, -0.5, 0.2]}),
    "plif": (PLIF, {"tau_mem": [2e-3, 4e-3, 9e-3], "r": [3.0, 6.0, 12.0]}),
    "homeostatic-lif": (HomeostaticLIF, {"theta_plus": [0.0, 0.1, 0.5], "tau_theta": [1.0, 0.01, 0.1], **GAIN}),
    "leaky-integrator": (LeakyIntegrator, {"tau_mem": [5e-3, 10e-3, 40e-3], "v_leak": [0.0, 0.2, 0.4]}),
}


#: Models whose option reset has one value.
ONE_RESET = {"refractory-lif"}


@pytest.fixture
def _double():
    torch.set_default_dtype(F64)
    yield
    torch.set_default_dtype(torch.float32)


def taken(neuron, current):
    """A current as the model takes it, the same in all of its currents."""
    return current if len(neuron.currents) == 1 else dict.fromkeys(neuron.currents, current)


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("resets", [{}, {"reset": "subtract"}], ids=["to_value", "subtract"])
@pytest.mark.parametrize("name", MODELS)
def test_each_neuron_is_the_one_of_its_own_numbers(name, resets):
    make, options = MODELS[name]
    if resets and (name == "lif-reset" or "reset" not in inspect.signature(make).parameters or name in ONE_RESET):
        pytest.skip("no other reset")
    current = 0.4 + 0.8 * torch.randn(30, 2, 3)
    together = make(**options, **resets)
    for function in (HARD, SpikeFunction(ATan(), reset_gradient=True)):
        adjoint = Surrogate(function)
        spikes, v, state = adjoint.sequence(together, together.initial_state(current[0]), taken(together, current))
        for n in range(3):
            alone = make(**{key: values[n] for key, values in options.items()}, **resets)
            own = current[..., n : n + 1]
            expected = adjoint.sequence(alone, alone.initial_state(own[0]), taken(alone, own))
            assert spikes[..., n : n + 1].equal(expected[0])
            torch.testing.assert_close(v[..., n : n + 1], expected[1], rtol=1e-13, atol=1e-13)
            for mine, known in zip(state, expected[2], strict=True):
                torch.testing.assert_close(mine[..., n : n + 1], known, rtol=1e-13, atol=1e-13)
    assert not together.fires or 0 < spikes.mean() < 1


def test_an_array_of_one_number_is_that_number():
    current = torch.randn(20, 4, 3) + 0.5
    for number, array in (
        (LIF(10e-3, r=12.0, v_leak=0.1), LIF(np.full(3, 10e-3), r=[12.0] * 3, v_leak=0.1)),
        (CubaLIF.per_step(0.9, 0.7), CubaLIF.per_step(torch.full((3,), 0.9, dtype=F64), (0.7, 0.7, 0.7))),
    ):
        found = [Surrogate(HARD).sequence(n, n.initial_state(current[0]), current) for n in (number, array)]
        assert found[0][0].equal(found[1][0])
        assert found[0][1].equal(found[1][1])


@pytest.mark.usefixtures("_double")
def test_rate_map_of_each_neuron():
    current = torch.rand(5, 3)
    together = CubaLIF(10e-3, [2e-3, 5e-3, 9e-3], r=[1.0, 2.0, 3.0], reset="subtract").steady_rate(current)
    for n, (tau, r) in enumerate(zip([2e-3, 5e-3, 9e-3], [1.0, 2.0, 3.0], strict=True)):
        alone = CubaLIF(10e-3, tau, r=r, reset="subtract").steady_rate(current[:, n])
        torch.testing.assert_close(together[:, n], alone)


def test_channels_share_a_constant():
    decay = torch.tensor([0.2, 0.9]).reshape(2, 1, 1)
    network = Network({"a": Block(nn.Conv2d(1, 2, 3), LIF.per_step(decay, v_threshold=torch.full((2, 4, 4), 0.3)))})
    inputs = torch.rand(6, 3, 1, 6, 6)
    seen = network.run(inputs)[0]["a"]
    for channel, own in enumerate((0.2, 0.9)):
        neuron = LIF.per_step(own, v_threshold=0.3)
        current = torch.stack([network.blocks["a"].synapse(x)[:, channel] for x in inputs]).detach()
        spikes, _, _ = Surrogate(HARD).sequence(neuron, neuron.initial_state(current[0]), current)
        assert spikes.equal(seen.spikes[:, :, channel])


def taught(network):
    training = Training.start(network, BPTT())
    torch.manual_seed(1)
    learn(training, Batch((torch.rand(8, 5, 6) < 0.5).float(), torch.arange(5) % 2))
    return network


def test_constants_are_kept_with_the_weights_and_learn_nothing():
    def make(decay):
        torch.manual_seed(0)
        return Network({"a": Block(nn.Linear(6, 2), LIF.per_step(decay))})

    network = taught(make([0.5, 0.75]))
    values = network.state_dict()
    assert values["blocks.a.neuron.decay_mem"].tolist() == [0.5, 0.75]
    assert [name for name, _ in network.named_parameters()] == ["blocks.a.synapse.weight", "blocks.a.synapse.bias"]
    other = make([0.1, 0.2])
    other.load_state_dict(values)
    inputs = torch.rand(10, 4, 6)
    assert other.run(inputs)[0]["a"].v.equal(network.run(inputs)[0]["a"].v)
    assert "decay_mem=[0.5..0.75]" in repr(network)
    with pytest.raises(RuntimeError, match="neuron.decay_mem"):
        make(0.5).load_state_dict(values)
    double = copy.deepcopy(network).double()
    assert double.run(inputs.double())[0]["a"].v.dtype == F64


def test_equal_arrays_learn_as_the_number_does():
    networks = []
    for decay in (0.75, [0.75, 0.75]):
        torch.manual_seed(0)
        networks.append(taught(Network({"a": Block(nn.Linear(6, 2), LIF.per_step(decay))})))
    for number, array in zip(*(network.parameters() for network in networks), strict=True):
        torch.testing.assert_close(number, array, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LIF([10e-3, -1.0]), r"tau_mem of the neuron \[1\] is -1.0, expected a positive number \(s\)"),
        (lambda: LIF([10e-3, math.nan]), r"tau_mem of the neuron \[1\] is nan"),
        (lambda: LIF(v_leak=[0.0, -math.inf]), r"v_leak of the neuron \[1\] is -inf, expected a finite number"),
        (lambda: LIF([10e-3, 0.5e-3], discretisation="euler"), "tau_mem is 0.0005 s with dt 0.001 s"),
        (lambda: LIF.per_step([0.5, 1.0]), r"decay of the neuron \[1\] is 1.0, expected a number in \[0, 1\)"),
        (lambda: CubaLIF(tau_syn=torch.tensor([[1.0, 0.0]])), r"tau_syn of the neuron \[0, 1\] is 0.0"),
        (lambda: LIF(v_threshold=[1.0, 0.1], v_leak=[0.0, 0.5]), "a neuron at rest or just reset must not fire"),
        (lambda: LIF(r=[]), "r has shape \\[0\\], expected one number a neuron"),
        (lambda: LIF(r=["a", "b"]), "r is .* expected a number, or an array of one number a neuron"),
        (lambda: LIF([1e-2, 2e-2], r=[1.0, 2.0, 3.0]), r"LIF has shape .* expected shapes that broadcast"),
        (lambda: LIF(torch.full((2, 1, 1), 1e-2), v_threshold=[1.0, 2.0]), "with as many axes"),
        (lambda: neuron_factory("lif", {"tau_mem": [1e-2, 2e-2]}), "settings hold a constant for all neurons"),
        (lambda: neuron_factory("lif", {"tau_mem": "[1e-2"}), "settings hold a constant for all neurons"),
    ],
)
def test_arrays_that_cannot_be_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_shape_that_does_not_fit_names_the_block():
    network = Network({"first": Block(nn.Linear(6, 3), LIF.per_step([0.5, 0.6]))})
    message = (
        r"first: decay_mem, r, tau_mem of LIF have shape \[2\], but the neurons are \[3\]: give one number for all"
    )
    for call in (network.run, lambda x: network.step(x[0])):
        with pytest.raises(ValueError, match=message):
            call(torch.rand(4, 2, 6))
    # As many channels as columns: what broadcasts by chance is refused as well.
    network = Network({"first": Block(nn.Conv2d(1, 3, 1), LIF.per_step([0.5, 0.6, 0.7]))})
    with pytest.raises(ValueError, match=r"have shape \[3\], but the neurons are \[3, 3, 3\]"):
        network.run(torch.rand(4, 2, 1, 3, 3))


def test_another_type_is_refused():
    neuron = LIF.per_step([0.5, 0.6])
    with pytest.raises(ValueError, match=r"decay_mem of LIF is torch.float32 on cpu, but the current is torch.float64"):
        neuron.initial_state(torch.zeros(2, 2, dtype=F64))


def test_a_linear_readout_asks_for_one_decay():
    with pytest.raises(ValueError, match="the readout 'linear' takes one decay_mem for all neurons"):
        build("6-3-2", lambda: LIF.per_step([0.5, 0.6, 0.7], reset="subtract"), readout="linear")

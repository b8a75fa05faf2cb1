"""Traces that are the neuron's own eligibility: derived or closed, carried from step to step or by autograd."""

import importlib.util
import math
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from spikelearn.network import Block, Feedback, Feedforward, MembraneReadout, Network, StepReadout
from spikelearn.neurons import (
    LIF,
    NEURONS,
    TSSL,
    AdaptiveLIF,
    ATan,
    CubaLIF,
    LeakyIntegrator,
    Neuron,
    Rate,
    RefractoryALIF,
    SpikeResponse,
    Surrogate,
    Triangle,
)
from spikelearn.neurons.activations import Softmax
from spikelearn.plasticity import (
    BPTT,
    ALIFTrace,
    Batch,
    CrossEntropy,
    CrossEntropyMembrane,
    Direct,
    Directional,
    DirectKolenPollack,
    DoubleExponentialTrace,
    EligibilityTrace,
    LIFTrace,
    LocalReadout,
    MSESteps,
    PreTrace,
    RandomTarget,
    RateRegulariser,
    Spatial,
    ThreeFactor,
    traces_of,
)
from spikelearn.tasks import PerStep
from tests.conformance import cases
from tests.helpers import F64, batch_for, dense, only_update

MEMBRANE = CrossEntropyMembrane()
SUBTRACT = {"reset": "subtract"}
PSI = Surrogate(Triangle(1.0, 0.3))


class CoupledState(NamedTuple):
    """u and w: two potentials that turn into each other."""

    u: Tensor
    w: Tensor


class Coupled(Neuron):
    """A damped oscillator that fires, each of whose two states drives the other and itself."""

    v_threshold, dt = 1.0, 1e-3

    def initial_state(self, current):
        return CoupledState(torch.zeros_like(current), torch.zeros_like(current))

    def step(self, state, current, spike_function):
        self.check_state(state, current)
        u = 0.8 * state.u - 0.3 * state.w + current
        w = 0.4 * state.u * state.w.cos() + 0.7 * state.w
        z = spike_function(u - 1.0)
        return z, u, CoupledState(u * (1.0 - z.detach()), w + 0.2 * z)


def excited(network, size):
    """Weights that make every block fire, in double precision."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(size * (torch.rand(parameter.shape) - 0.3))
    return network.to(F64)


def recurrent(make, seed=3, size=1.0):
    """Two hidden blocks that feed themselves and back, with delays, behind them a leaky readout."""
    torch.manual_seed(seed)
    blocks = {
        "a": Block(nn.Linear(6, 5), make(), delay=1),
        "b": Block(nn.Linear(5, 5, bias=False), make(), delay=1),
        "out": Block(nn.Linear(5, 3), LeakyIntegrator(5e-3)),
    }
    edges = {"loop": Feedback("a", "a", nn.Linear(5, 5, bias=False)), "back": Feedback("b", "a", nn.Linear(5, 5))}
    ahead = {"skip": Feedforward("a", "out", nn.Linear(5, 3, bias=False), delay=1)}
    for extra in make().currents[1:]:
        edges[extra] = Feedback("b", "b", nn.Linear(5, 5), current=extra)
    return excited(Network(blocks, edges, feedforward=ahead), size)


def images(make):
    """Convolutions of every kind that is followed, pools before weights."""
    torch.manual_seed(5)
    blocks = {
        "a": Block(nn.Conv2d(2, 4, 3, stride=2, padding=1), make()),
        "b": Block(nn.Sequential(nn.MaxPool2d(2, 1), nn.Conv2d(4, 6, 2, dilation=2, groups=2)), make()),
        "c": Block(nn.Sequential(nn.Flatten(2), nn.Conv1d(6, 4, 3, padding="same")), make()),
        "out": Block(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), LeakyIntegrator(5e-3)),
    }
    return excited(Network(blocks, input_shape=(2, 10, 10)), 0.4)


def both(network, data, signal, trace, adjoint=PSI, **options):
    """The updates of both forms, with one memory."""
    rules = [ThreeFactor(signal, trace, adjoint, form=form, **options) for form in ("sequence", "step")]
    memory = rules[0].init(network, torch.Generator().manual_seed(7))
    return [only_update(rule, network, data, memory) for rule in rules]


def check_alike(whole, stepped, tolerance=1e-12):
    """All that two updates say, and something of every parameter."""
    assert whole.grads.keys() == stepped.grads.keys()
    for name, grad in whole.grads.items():
        assert grad.abs().max() > 0, name
        assert (grad - stepped.grads[name]).abs().max() <= tolerance * grad.abs().max(), name
    torch.testing.assert_close(stepped.own, whole.own, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(stepped.loss, whole.loss)
    assert stepped.scores.allclose(whole.scores)
    assert stepped.rates == pytest.approx(whole.rates)


MODELS = {f"{name} {n}": make for name, makes in cases.NEURONS.items() for n, make in enumerate(makes)}
MODELS["coupled"] = Coupled
#: Those that send nothing, or whose softmax lets neurons meet.
OTHERS = {"leaky-integrator 0", "leaky-integrator 1", "rate 1", "stochastic-winner 0", "stochastic-winner 1"}
#: Those that have parameters of their own, which step by step nothing would learn, or several currents a neuron.
OTHERS |= {"plif 0", "plif 1", "dan 0", "dan 1"}


@pytest.mark.parametrize("name", [name for name in MODELS if name not in OTHERS])
def test_of_any_neuron_derived_step_by_step(name):
    """Whatever their state, their currents and their reset, which is differentiated too."""
    network = recurrent(lambda: MODELS[name]().double())
    adjoint = Surrogate(ATan(), reset_gradient=True)
    check_alike(*both(network, batch_for(network, 10, 3), Direct(MEMBRANE), EligibilityTrace(), adjoint))


def test_of_a_neuron_of_ones_own(monkeypatch):
    """The model of examples/extend learns step by step at once."""
    monkeypatch.setattr(NEURONS, "_components", dict(NEURONS._components))
    path = Path(__file__).parents[3] / "examples" / "extend" / "neuron.py"
    spec = importlib.util.spec_from_file_location("neuron_of_ones_own", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = recurrent(lambda: module.RestingLIF(5e-3, refractory=1, r=5.0))
    check_alike(*both(network, batch_for(network, 10, 3), Direct(MEMBRANE), EligibilityTrace()))


CLOSED = {
    "lif": (LIFTrace, lambda: LIF.per_step(0.8, **SUBTRACT)),
    "lif in time": (LIFTrace, lambda: LIF(5e-3, r=3.0, **SUBTRACT)),
    "lif as alif": (ALIFTrace, lambda: LIF.per_step(0.8, **SUBTRACT)),
    "refractory lif": (LIFTrace, lambda: RefractoryALIF(5e-3, beta=[0.0] * 5, refractory=1, r=4.0).double()),
    "double exponential": (DoubleExponentialTrace, lambda: CubaLIF.per_step(0.8, 0.5, **SUBTRACT)),
    "double exponential in time": (DoubleExponentialTrace, lambda: CubaLIF(5e-3, 3e-3, r=6.0, **SUBTRACT)),
    "spike response": (DoubleExponentialTrace, lambda: SpikeResponse.per_step(0.8, 0.5, 0.6)),
    "alif": (ALIFTrace, lambda: AdaptiveLIF.per_step(0.8, 0.9, beta=0.3, **SUBTRACT)),
    "alif in time": (ALIFTrace, lambda: AdaptiveLIF(5e-3, 20e-3, beta=0.3, r=4.0, **SUBTRACT)),
    "alif of single neurons": (
        ALIFTrace,
        lambda: RefractoryALIF.per_step(
            0.8, torch.linspace(0.5, 0.95, 5), beta=torch.linspace(0.0, 0.5, 5), refractory=1, v_threshold=0.6
        ).double(),
    ),
}
SIGNALS = {
    "direct": lambda: Direct(MEMBRANE),
    "symmetric": lambda: Direct(MEMBRANE, feedback="transpose"),
    "learned": lambda: DirectKolenPollack(MEMBRANE),
    "random target": lambda: RandomTarget(MEMBRANE),
    "local readout": LocalReadout,
}


@pytest.mark.parametrize(
    ("name", "signal"),
    [*((name, "direct") for name in CLOSED), *(("alif of single neurons", signal) for signal in SIGNALS)],
)
def test_closed_forms_are_what_is_derived(name, signal):
    trace, make = CLOSED[name]
    network = recurrent(make)
    data = batch_for(network, 10, 3)
    masks = {"a": torch.tensor([[1.0, 0, 2, 1, 1]] * 3), "b.synapse": torch.tensor([[0.5, 1, 2, 1, 0]] * 3)}
    masks |= {"feedback.loop": torch.tensor([[2.0, 1, 1, 0, 1]] * 3)}
    data = Batch(data.inputs.to(torch.uint8), data.targets, {place: mask.double() for place, mask in masks.items()})
    whole, stepped = both(network, data, SIGNALS[signal](), trace())
    check_alike(whole, stepped)
    assert bool(whole.own) == (signal == "learned")
    check_alike(whole, both(network, data, SIGNALS[signal](), EligibilityTrace(closed=False))[1])


@pytest.mark.parametrize("trace", [ALIFTrace, lambda: EligibilityTrace(closed=False)])
def test_of_images(trace):
    network = images(lambda: AdaptiveLIF.per_step(0.7, 0.9, beta=0.2, **SUBTRACT))
    check_alike(*both(network, batch_for(network, 5, 2), Direct(MEMBRANE), trace()))


def test_of_weights_that_are_functions_of_others():
    network = recurrent(lambda: LIF.per_step(0.8, **SUBTRACT))
    parametrizations.weight_norm(network.feedback["loop"].synapse)
    network.blocks["a"].synapse.weight.requires_grad_(False)
    network.blocks["out"].synapse.bias.requires_grad_(False)
    whole, stepped = both(network, batch_for(network, 10, 3), Direct(MEMBRANE), EligibilityTrace())
    assert {"feedback.loop.synapse.parametrizations.weight.original0", "blocks.a.synapse.bias"} <= set(whole.grads)
    assert "blocks.a.synapse.weight" not in whole.grads
    check_alike(whole, stepped)


def test_of_targets_of_every_step():
    network = recurrent(lambda: LIF.per_step(0.8, **SUBTRACT))
    network.readout = StepReadout(MembraneReadout())
    inputs = batch_for(network, 10, 3).inputs
    data = Batch(inputs, torch.randn(10, 3, 3, dtype=F64), task=PerStep(values=True))
    check_alike(*both(network, data, Direct(MSESteps()), EligibilityTrace()))
    with pytest.raises(ValueError, match="looks at all steps together"):
        ThreeFactor(Direct(MSESteps(last=True)), EligibilityTrace(), form="step").check(network)


@pytest.mark.parametrize("half", [True, False])
def test_a_pull_of_firing_rates_is_the_derivative_of_its_square(half):
    """In both forms; by hand where no recurrent spike carries it on."""
    network = recurrent(lambda: AdaptiveLIF.per_step(0.8, 0.9, beta=0.2, **SUBTRACT))
    data = batch_for(network, 10, 3)
    data = Batch(data.inputs, data.targets, {"a": torch.tensor([[1.0, 0, 2, 1, 1]] * 3, dtype=F64)})
    pull = RateRegulariser(0.7, 150.0, half)
    pulled = both(network, data, Direct(MEMBRANE), EligibilityTrace(), regulariser=pull)
    check_alike(*pulled)
    (plain, _), whole = both(network, data, Direct(MEMBRANE), EligibilityTrace()), pulled[0]
    record, _ = network.run(data.inputs, adjoint=PSI, masks=data.masks, cut=True)
    square = sum((record[name].spikes.mean((0, 1)) - 0.15).square().sum() for name in ("a", "b"))
    value = (0.35 if half else 0.7) * square
    torch.testing.assert_close(whole.loss - plain.loss, value.detach())
    names = [name for name in whole.grads if "out" not in name and "skip" not in name]
    for name, grad in zip(names, torch.autograd.grad(value, map(network.get_parameter, names)), strict=True):
        torch.testing.assert_close(whole.grads[name] - plain.grads[name], grad, rtol=1e-10, atol=1e-14)
    assert whole.grads["blocks.out.synapse.weight"].equal(plain.grads["blocks.out.synapse.weight"])


KEPT = {
    "closed": (lambda: AdaptiveLIF.per_step(0.8, 0.9, **SUBTRACT), "alif: in closed form, low-passed"),
    "derived": (lambda: AdaptiveLIF.per_step(0.8, 0.9), "derived: v, a of the neuron's state, low-passed"),
    "two traces": (lambda: CubaLIF.per_step(0.8, 0.9, **SUBTRACT), "double-exponential: in closed form, low-passed"),
    "coupled": (Coupled, "derived: u, w of the neuron's state, low-passed"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_does_not_grow_with_the_steps_and_is_told(name):
    network = recurrent(KEPT[name][0])
    rule, kept = ThreeFactor(Direct(MEMBRANE), EligibilityTrace(), PSI, form="step"), []
    for steps in (4, 40):
        data = batch_for(network, steps, 3)
        walk = rule.walk(network, data, rule.init(network, torch.Generator()), None)
        for t in range(steps):
            walk.step(t)
        held = [t for edge in walk.edges.values() for t in (*vars(edge).values(), *vars(edge.carrier).values())]
        held += [t for edge in walk.edges.values() for t in getattr(edge.carrier, "fields", {}).values()]
        kept.append(sum(t.numel() for t in held if isinstance(t, Tensor)))
    told = traces_of(rule, network)
    assert kept == 2 * [3 * sum(trace.kept for trace in told.values())]
    assert told.keys() == dict(network.named_parameters()).keys()
    hidden = told["feedback.loop.synapse.weight"]
    assert f"{hidden.trace}: {hidden.words}".startswith(KEPT[name][1])
    assert (told["blocks.out.synapse.bias"].trace, told["blocks.out.synapse.bias"].kept) == ("lif", 1)


def test_weights_without_a_trace_say_why():
    network = recurrent(lambda: LIF.per_step(0.8))
    network.blocks["a"].synapse.weight.requires_grad_(False)
    network.readout = MembraneReadout(nn.Linear(3, 3).double())
    told = traces_of(ThreeFactor(Direct(CrossEntropy()), PreTrace()), network)
    assert told["blocks.a.synapse.weight"].words == "it is frozen"
    assert told["readout.head.weight"].words == "the readout learns by the derivative of the loss itself"
    assert told["blocks.a.synapse.bias"].words == "a bias has no trace, but the factor 1"
    assert told["feedback.loop.synapse.weight"].words == "what meets the weight, 0.8 per step"
    assert {trace.trace for trace in traces_of(BPTT(), dense()).values()} == {""}
    with pytest.raises(ValueError, match="feedback edges"):
        traces_of(ThreeFactor(Spatial(MEMBRANE), form="step"), recurrent(lambda: LIF.per_step(0.8)))


def made(signal, trace, adjoint=PSI, **options):
    return lambda: ThreeFactor(signal(MEMBRANE), trace, adjoint, **{"form": "step", **options})


def residual():
    network = recurrent(lambda: LIF.per_step(0.8))
    network.blocks["b"].synapse = nn.Sequential(nn.Linear(5, 5), nn.BatchNorm1d(5)).double().eval()
    return network


def firing():
    network = recurrent(lambda: LIF.per_step(0.8, **SUBTRACT))
    network.blocks["out"].neuron = LIF.per_step(0.8, **SUBTRACT)
    network.readout = MembraneReadout()
    return network


@pytest.mark.parametrize(
    ("number", "rule", "network"),
    [
        (1, made(Directional, EligibilityTrace()), None),
        (2, made(Direct, EligibilityTrace(), TSSL()), None),
        (3, made(Spatial, EligibilityTrace()), None),
        (4, made(lambda loss: Direct(loss, sign=True), EligibilityTrace()), None),
        (5, made(Direct, EligibilityTrace()), firing),
        (6, made(Direct, LIFTrace()), lambda: recurrent(lambda: LIF.per_step(0.8))),
        (6, made(Direct, LIFTrace(), form="sequence"), lambda: recurrent(lambda: AdaptiveLIF.per_step(0.8))),
        (6, made(Direct, ALIFTrace()), lambda: recurrent(lambda: CubaLIF.per_step(0.8, **SUBTRACT))),
        (
            6,
            made(Direct, LIFTrace(), Surrogate(Triangle(), reset_gradient=True)),
            lambda: recurrent(lambda: LIF.per_step(0.8, **SUBTRACT)),
        ),
        (6, made(Direct, LIFTrace()), lambda: recurrent(lambda: LIF.per_step(torch.linspace(0.1, 0.9, 5), **SUBTRACT))),
        (7, made(Direct, EligibilityTrace()), lambda: recurrent(lambda: Rate(Softmax()))),
        (8, made(Direct, EligibilityTrace()), residual),
        (9, made(Spatial, EligibilityTrace(), form="sequence", regulariser=RateRegulariser(1.0)), None),
    ],
)
def test_what_makes_no_sense_is_refused_by_number(number, rule, network):
    with pytest.raises(ValueError, match=rf"\(rule {number} of spikelearn traces --pairs\)"):
        rule().init(network(), torch.Generator())


def test_outputs_that_fire_learn_by_a_signal_that_needs_no_error():
    """Their own weights meet the eligibility of what the loss looks at."""
    network = firing()
    check_alike(*both(network, batch_for(network, 10, 3), RandomTarget(MEMBRANE), EligibilityTrace()))


def test_of_one_neuron_by_hand():
    """An adaptive neuron, one weight, four steps: the recursion of the paper, number by number."""
    neuron = AdaptiveLIF.per_step(0.5, 0.8, beta=0.4, v_threshold=0.5, **SUBTRACT)
    blocks = {
        "a": Block(nn.Linear(1, 1, bias=False), neuron),
        "out": Block(nn.Linear(1, 1, bias=False), LeakyIntegrator.per_step(0.0)),
    }
    network = Network(blocks, readout=StepReadout(MembraneReadout())).to(F64)
    with torch.no_grad():
        network.blocks["a"].synapse.weight.fill_(0.6)
        network.blocks["out"].synapse.weight.fill_(1.0)
    x = [1.0, 0.5, 1.0, 0.0]
    v = a = trace = adapted = total = 0.0
    for now in x:
        v = 0.5 * v + 0.6 * now
        over = v - 0.4 * a - 0.5
        z, psi = float(over > 0), max(0.0, 0.3 * (1.0 - abs(over)))
        trace = 0.5 * trace + now
        e = psi * (trace - 0.4 * adapted)
        adapted, a, v = 0.8 * adapted + e, 0.8 * a + z, v - 0.5 * z
        total += 2.0 * (z - 0.3) * e / 4
    data = Batch(torch.tensor(x, dtype=F64).view(4, 1, 1), torch.full((4, 1, 1), 0.3, dtype=F64), task=PerStep(True))
    rule = ThreeFactor(Direct(MSESteps(), feedback="transpose"), ALIFTrace(), PSI, form="step")
    found = only_update(rule, network, data).grads["blocks.a.synapse.weight"]
    assert math.isclose(float(found), total, rel_tol=1e-12)
    assert total != 0.0

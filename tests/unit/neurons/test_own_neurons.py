"""A neuron model of one's own: what it must have is said by name when a block is made of it."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from spikelearn.network import Block, Network
from spikelearn.neurons import NEURONS, Neuron
from tests.conformance.cases import NEURONS as CASES


class State(NamedTuple):
    v: Tensor


class Whole(Neuron):
    v_threshold, dt = 1.0, 1e-3

    def initial_state(self, current):
        return State(torch.zeros_like(current))

    def step(self, state, current, spike_function):
        v = state.v + current
        z = spike_function(v - self.v_threshold, self.inclusive)
        return z, v, State(v * (1.0 - z.detach()))


def without(name):
    """Whole, but for the attribute ``name``."""
    attributes = {key: value for key, value in vars(Whole).items() if key not in (name, "__dict__", "__weakref__")}
    return type("Mine", (Neuron,), attributes)()


def having(**attributes):
    return type("Mine", (Whole,), attributes)()


class Forgetful(Whole):
    def __init__(self):
        pass


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: without("dt"), "neuron Mine has no dt, expected a number: set it in the class or its constructor"),
        (lambda: without("v_threshold"), "neuron Mine has no v_threshold"),
        (lambda: having(dt=0.0), "dt of neuron Mine is 0.0, expected a positive number"),
        (lambda: having(dt=None), "dt of neuron Mine is None"),
        (lambda: having(v_threshold="1"), "v_threshold of neuron Mine is '1'"),
        (lambda: having(v_threshold=float("inf")), "v_threshold of neuron Mine is inf"),
        (lambda: having(inclusive=None), "inclusive of neuron Mine is None, expected true or false"),
        (lambda: having(fires=1), "fires of neuron Mine is 1"),
        (Forgetful, r"neuron Forgetful is not complete: its constructor must call super\(\).__init__\(\)"),
    ],
)
def test_what_is_missing_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        Block(nn.Linear(3, 2), make())


@pytest.mark.parametrize("state", [lambda v: v, lambda v: (v,), lambda v: {"v": v}], ids=["tensor", "tuple", "dict"])
def test_a_state_that_is_no_named_tuple_is_named(state):
    neuron = having(initial_state=lambda _, current: state(torch.zeros_like(current)))
    network = Network({"a": Block(nn.Linear(3, 2), neuron)})
    for call in (network.run, lambda x: network.step(x[0])):
        with pytest.raises(ValueError, match=r"Mine has a state of type \w+, expected a typing.NamedTuple of tensors"):
            call(torch.rand(4, 2, 3))


@pytest.mark.parametrize("neuron", [Whole(), having(v_threshold=torch.tensor(0.5)), having(dt=1)])
def test_a_whole_one_trains_in_a_plain_loop(neuron):
    network = Network({"a": Block(nn.Linear(3, 2), neuron)}).with_adjoint("atan")
    network(torch.ones(5, 2, 3)).sum().backward()
    assert network.get_parameter("blocks.a.synapse.weight").grad.abs().max() > 0


@pytest.mark.parametrize("name", NEURONS)
def test_the_packages_own_are_whole(name):
    for make in CASES[name]:
        neuron = make()
        network = Network({"a": Block(nn.Linear(3, 5 * neuron.channels), neuron)}).double()
        record, state = network.run(torch.rand(4, 2, 3, dtype=torch.float64))
        assert record["a"].spikes.shape == record["a"].v.shape == (4, 2, 5)
        assert all(part.isfinite().all() for part in state.neurons["a"]._asdict().values())

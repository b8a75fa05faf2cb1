"""IDE: options and networks that it refuses, and others that it trains."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network, RateReadout, TraceReadout, build
from spikelearn.neurons import IF, LIF
from spikelearn.plasticity import IDE, RULES, Batch
from spikelearn.plasticity.equilibrium.ide import LARGEST_DENSE, mean_input
from tests.unit.plasticity.ide.networks import F64, NETWORKS, NEURONS, TARGETS, one_block, still, update_of


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 1.0}, r"dropout is 1.0, expected a number in \[0, 1\)"),
        ({"dropout": -0.1}, "dropout is -0.1"),
        ({"iterations": -1}, "iterations is -1, expected a whole number of at least 0"),
        ({"iterations": 2.5}, "iterations is 2.5"),
        ({"tolerance": -1e-3}, "tolerance is -0.001, expected a positive number"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
        ({"solver": "broyden"}, "solver is 'broyden', expected one of anderson, dense, ide_iter_compat"),
        ({"jacobian_at": "both"}, "jacobian_at is 'both', expected one of auto, map, rate"),
        ({"input_norm_updates": 3}, "input_norm_updates is 3, expected 1, or 2"),
        ({"input_norm_updates": True}, "input_norm_updates is True"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        IDE(**options)


@pytest.mark.parametrize("solver", ["anderson", "dense", "ide_iter_compat"])
def test_solvers_have_names(solver):
    rule = RULES.make("ide", {"solver": solver, "dropout": 0.0})
    assert isinstance(rule, IDE)
    assert rule.solver == solver
    update = update_of(rule, one_block(), still(torch.rand(4, 6, dtype=F64)))
    assert all(torch.isfinite(grad).all() for grad in update.grads.values())


def subtracting(decay=0.9):
    return LIF.per_step(decay, reset="subtract")


def with_readout(readout, neuron=subtracting):
    return Network({"a": Block(nn.Linear(6, 3), neuron())}, {"l": Feedback("a", "a", nn.Linear(3, 3))}, readout)


def of_two_decays():
    blocks = {"a": Block(nn.Linear(6, 4), subtracting(0.9)), "b": Block(nn.Linear(4, 3), subtracting(0.8))}
    return Network(blocks, {"l": Feedback("b", "a", nn.Linear(3, 4))}, RateReadout(decay=0.8))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build("6-5(F5)-3", lambda: LIF(reset="subtract", v_leak=0.1), readout="linear"), "block 'fc1' is LIF.* v_leak=0"),
        (of_two_decays, r"the neurons decay by \[0.8, 0.9\]: use one decay"),
        (lambda: with_readout(RateReadout()), "decay 0.9, but the readout is RateReadout with decay 1.0"),
        (lambda: with_readout(RateReadout(decay=0.8)), "the readout is RateReadout with decay 0.8"),
        (lambda: with_readout(MembraneReadout()), "the readout is MembraneReadout with decay none"),
        (lambda: with_readout(TraceReadout()), "the readout is TraceReadout with decay none"),
    ],
)  # fmt: skip
def test_networks_that_it_cannot_train(make, message):
    with pytest.raises(ValueError, match=message):
        IDE().init(make(), torch.Generator())


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_networks_that_it_can_train(make):
    for neuron in NEURONS:
        assert IDE().init(make(neuron), torch.Generator()) == {}


def test_the_dense_solver_refuses_what_is_too_large():
    size = LARGEST_DENSE // 4 + 1
    network = build(f"2-{size}(F{size})-3", lambda: IF(reset="subtract"), readout="linear")
    batch = still(torch.rand(4, 2))
    with pytest.raises(
        ValueError, match=f"solver 'dense' would need a matrix of {4 * size} x {4 * size}, expected at most"
    ):
        update_of(IDE(dropout=0.0, solver="dense"), network, batch)


def test_a_target_without_an_output_is_named():
    with pytest.raises(ValueError, match="targets go from 0 to 3, but the network has 3 outputs"):
        update_of(IDE(), one_block(), still(torch.rand(4, 6, dtype=F64), targets=torch.arange(4)))


def test_one_step_is_a_still_image():
    network, x = one_block(), torch.rand(4, 6, dtype=F64)
    assert mean_input(network, x.unsqueeze(0)).equal(x)
    update = update_of(IDE(dropout=0.0), network, Batch(x.unsqueeze(0), TARGETS))
    assert all(torch.isfinite(grad).all() for grad in update.grads.values())

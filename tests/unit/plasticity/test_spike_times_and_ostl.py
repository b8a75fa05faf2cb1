"""SuperSpike and OSTL beyond their identities: desired trains, refusals, loops of neurons to themselves."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from spikelearn.network import Activity, Block, Feedback, MembraneReadout, Network, RateReadout, StepReadout, build
from spikelearn.neurons import LIF, ATan, CubaLIF, LeakyIntegrator, Surrogate
from spikelearn.plasticity import (
    BPTT,
    OSTL,
    RULES,
    Batch,
    CrossEntropyMembrane,
    EligibilityTrace,
    OptimizerChoice,
    SpatialStep,
    SpikeTrains,
    SuperSpike,
    ThreeFactor,
)
from spikelearn.synapses import WithoutSelf
from spikelearn.tasks import PerStep
from spikelearn.training import Training, learn
from tests.helpers import batch_for, dense, lifted, only_update

F64 = torch.float64


def looped(neurons, back):
    """One recurrent layer and an output without memory."""
    torch.manual_seed(3)
    blocks = {"a": Block(nn.Linear(6, neurons), LIF.per_step(0.8))}
    blocks["out"] = Block(nn.Linear(neurons, 3), LeakyIntegrator.per_step(0.0))
    network = lifted(Network(blocks, {"loop": Feedback("a", "a", back)}, MembraneReadout()), 2.0)
    with torch.no_grad():
        network.get_parameter("blocks.a.synapse.weight").abs_()  # so that it fires
    return network


def test_a_loss_of_desired_trains_by_hand():
    loss = SpikeTrains(0.5, 0.7, period=2)
    spikes, targets = (torch.rand(6, 2, 3) < 0.5).double(), torch.tensor([2, 0])
    value = loss(Activity(spikes, spikes, spikes), torch.zeros(2, 3), targets)
    total = 0.0
    for b in range(2):
        for i in range(3):
            slow = fast = 0.0
            for t in range(6):
                wanted = float(i == targets[b] and t % 2 == 1)
                fast = 0.5 * fast + 0.5 * (spikes[t, b, i].item() - wanted)
                slow = 0.7 * slow + 0.3 * fast
                total += 0.5 * slow**2 / 2
    assert value.item() == pytest.approx(total, rel=1e-12)
    trains = (torch.rand(6, 2, 3) < 0.5).double()
    assert float(loss(Activity(trains, trains, trains), torch.zeros(6, 2, 3), trains)) == 0.0


def test_superspike_learns_when_to_fire():
    """One neuron comes to fire at five times, from a hundred inputs that fire at random but always alike."""
    torch.manual_seed(0)
    inputs = (torch.rand(60, 1, 100) < 0.05).double()
    wanted = torch.zeros(60, 1, 1, dtype=F64)
    wanted[9::11] = 1.0
    network = Network(
        {"out": Block(nn.Linear(100, 1), CubaLIF.per_step(0.9, 0.8, reset="subtract"))},
        readout=StepReadout(RateReadout()),
    )
    network = network.double()
    rule = SuperSpike(SpikeTrains(0.6, 0.8))
    training = Training.start(network, rule, optimizer=OptimizerChoice("rmaxprop", 5e-3))
    batch = Batch(inputs, wanted, task=PerStep(values=True))
    losses = [float(learn(training, batch).loss) for _ in range(150)]
    assert min(losses[-20:]) < 0.4 * losses[0]


@pytest.mark.parametrize("feedback", ["symmetric", "random", "uniform"])
def test_feedback_of_superspike_changes_hidden_blocks_alone(feedback):
    network = dense("6-8-3", CubaLIF.per_step)
    data, symmetric = batch_for(network), SuperSpike(SpikeTrains(0.6, 0.8))
    rule = SuperSpike(SpikeTrains(0.6, 0.8), feedback=feedback, scale=2.0)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    assert set(memory) == ({"back_weights.fc1"} if feedback == "random" else set())
    one, two = only_update(rule, network, data, memory), only_update(symmetric, network, data)
    last = [name for name in one.grads if name.startswith("blocks.fc2.")]
    torch.testing.assert_close({n: one.grads[n] for n in last}, {n: two.grads[n] for n in last})
    same = all(one.grads[name].allclose(two.grads[name]) for name in one.grads)
    assert same == (feedback == "symmetric")


def test_ostl_of_a_single_recurrent_neuron_is_the_gradient():
    network = looped(1, nn.Linear(1, 1, bias=False))
    rule, data = OSTL(), batch_for(network)
    found, expected = (only_update(one, network, data).grads for one in (rule, BPTT(rule.loss, rule.adjoint)))
    assert expected["feedback.loop.synapse.weight"].any()
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-14)
    without = only_update(OSTL(own_loop=False), network, data).grads
    assert not without["blocks.a.synapse.weight"].allclose(expected["blocks.a.synapse.weight"])


def test_ways_to_others_are_left_out():
    """Of neurons that reach all others but not themselves nothing comes back, with or without ``own_loop``."""
    back = nn.Linear(5, 5, bias=False)
    parametrize.register_parametrization(back, "weight", WithoutSelf())
    network = looped(5, back)
    data = batch_for(network)
    one, two = (only_update(OSTL(own_loop=loop), network, data).grads for loop in (True, False))
    torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_the_reset_is_part_of_the_eligibility():
    network = dense(
        "6-8-3", lambda: LIF.per_step(0.8), output=lambda: LeakyIntegrator.per_step(0.0), readout=MembraneReadout()
    )
    data, held = batch_for(network), Surrogate(ATan())
    through = only_update(OSTL(), network, data).grads
    around = only_update(OSTL(adjoint=held), network, data).grads
    exact = only_update(BPTT(CrossEntropyMembrane(), held), network, data).grads
    torch.testing.assert_close(around, exact, rtol=1e-9, atol=1e-14)
    first = next(iter(through))
    assert not through[first].allclose(around[first])


def test_ostl_of_images_keeps_the_shapes():
    network = lifted(
        build(
            "3C3-P2-5-3",
            LIF.per_step,
            input_shape=(1, 8, 8),
            output=lambda: LeakyIntegrator.per_step(0.0),
            readout=MembraneReadout(),
        ),
        3.0,
    )
    update = only_update(OSTL(), network, batch_for(network))
    assert all(grad.shape == network.get_parameter(name).shape and grad.any() for name, grad in update.grads.items())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"signal": SpatialStep()}, "rule 11 of"),
        ({"trace": EligibilityTrace(own_loop=True)}, "rule 11 of"),
        ({"signal": SpatialStep(), "form": "step"}, "rule 11 of"),
    ],
)
def test_what_has_no_derivative_of_a_run_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        ThreeFactor(**options)


def test_losses_of_no_spikes_are_refused():
    with pytest.raises(ValueError, match="one of what the output sends"):
        SuperSpike(CrossEntropyMembrane())
    network = build("6-3", readout=StepReadout(MembraneReadout()))
    with pytest.raises(ValueError, match=r"StepReadout\(RateReadout\(\)\)"):
        RULES.make("superspike").check(network)

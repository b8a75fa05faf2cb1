"""Phaseless alignment learning: noise finds the transposes, potentials look ahead, states go on."""

import pytest
import torch

from spikelearn.network import build
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity import PAL, Batch, OptimizerChoice
from spikelearn.plasticity.equilibrium.energies.constrained import OwnWayBack
from spikelearn.plasticity.equilibrium.pal import angles
from spikelearn.training import Training, learn

F64 = torch.float64


def network(text="6-8-4"):
    return build(
        text, lambda: Rate(Tanh()), output=lambda: Rate(Linear()), generator=torch.Generator().manual_seed(1)
    ).double()


def batch_of(samples, inputs=6, classes=4):
    drawn = torch.randn(1, samples, inputs, generator=torch.Generator().manual_seed(2), dtype=F64)
    return Batch(drawn, torch.arange(samples) % classes)


def trained(rule, net, data, batches=1, lr=1.0):
    training = Training.start(net, rule, optimizer=OptimizerChoice("sgd", lr))
    for _ in range(batches):
        last = learn(training, data)
    return training, last


def test_noise_turns_the_weights_back_towards_the_transpose():
    rule = PAL(steps=400, sigma=0.3, alpha=0.15, lr_factor=0.0)
    net = network()
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    start = angles(net, rule.init(net, torch.Generator().manual_seed(0)))["angle_fc2"]
    _, last = trained(rule, net, batch_of(256), lr=1.0)
    assert start > 60.0
    assert last.metrics["angle_fc2"] < 15.0
    assert all(p.equal(before[name]) for name, p in net.named_parameters()), "its weights up were frozen"


def test_without_noise_the_weights_back_fade():
    rule = PAL(steps=100, sigma=0.0, alpha=0.5, lr_factor=0.0)
    net, data = network(), batch_of(3)
    training = Training.start(net, rule, optimizer=OptimizerChoice("sgd", 1.0))
    before = training.memory["back_weights.fc2"].clone()
    learn(training, data)
    torch.testing.assert_close(training.memory["back_weights.fc2"], before * (1.0 - 0.5 * rule.dt) ** 100)


def test_weights_back_that_are_held_send_errors_as_drawn():
    """A factor of 0 is feedback alignment in small steps: the settled change, written out."""
    rule, net, data = PAL(steps=6, sigma=0.0, feedback_factor=0.0), network(), batch_of(5)
    memory = rule.init(net, torch.Generator().manual_seed(0))
    *_, last = rule.updates(net, data, memory, torch.Generator())
    x, wanted = data.inputs[0], torch.eye(4, dtype=F64)[data.targets]
    rate = torch.tanh(net.blocks["fc1"].synapse(x))
    error = rule.beta * (wanted - net.blocks["fc2"].synapse(rate))
    below = (1.0 - rate.square()) * (error @ memory["back_weights.fc2"])
    torch.testing.assert_close(last.grads["blocks.fc1.synapse.1.weight"], -rule.dt * below.t() @ x / 5)
    held = PAL(steps=6, sigma=0.1, feedback_factor=0.0)
    training = Training.start(net, held, optimizer=OptimizerChoice("sgd", 1.0))
    drawn, up = training.memory["back_weights.fc2"].clone(), net.blocks["fc1"].synapse[1].weight.detach().clone()
    learn(training, data)
    assert training.memory["back_weights.fc2"].equal(drawn)
    assert not net.blocks["fc1"].synapse[1].weight.equal(up)


def test_potentials_look_ahead_of_slow_membranes():
    """A layer answers at its first step, while its membranes have gone a hundredth of the way."""
    rule, net, data = PAL(steps=1, sigma=0.0, tau=10.0, dt=0.1), network(), batch_of(3)
    maps = OwnWayBack(net, data.inputs, {}, "pre")
    current = maps.forward()["fc1"].value[0]
    memory = rule.init(net, torch.Generator().manual_seed(0))
    (moment,) = rule.integrate(maps, memory, {}, torch.zeros(3, 4, dtype=F64))
    torch.testing.assert_close(moment.layers["fc1"].prospective, current)
    torch.testing.assert_close(moment.layers["fc1"].v, 0.01 * current)


@pytest.mark.parametrize("tau_low", [0.0, 0.5])
def test_states_that_go_on_make_two_batches_one(tau_low):
    data, noise = batch_of(4), torch.randn(4, 12, 8, generator=torch.Generator().manual_seed(3), dtype=F64)
    found = []
    for pieces in ((12,), (6, 6)):
        net, at = network(), 0
        options = {"sigma": 0.2, "carry": 4, "tau_low": tau_low, "error": "softmax"}
        training = Training.start(net, PAL(steps=pieces[0], **options), optimizer=OptimizerChoice("sgd", 1.0))
        for steps in pieces:
            learn(training, Batch(data.inputs, data.targets, draws={"noise.fc1": noise[:, at : at + steps]}))
            at += steps
        found.append({**dict(net.named_parameters()), **training.memory})
    torch.testing.assert_close(found[0], found[1])


def test_a_low_pass_filter_slows_the_changes_down():
    """Its first change is dt / tau_low of the plain one."""
    data = batch_of(4)
    plain, slow = (
        next(iter(rule.updates(net, data, rule.init(net, torch.Generator().manual_seed(0)), torch.Generator())))
        for rule, net in ((PAL(sigma=0.0), network()), (PAL(sigma=0.0, tau_low=2.0), network()))
    )
    for name, change in plain.grads.items():
        torch.testing.assert_close(slow.grads[name], 0.1 / 2.0 * change)
    assert any(g.any() for name, g in plain.grads.items() if name.endswith("bias"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tau_high": 0.05}, "tau_high is 0.05 and dt 0.1, expected a time constant of a step at least"),
        ({"error": "mse"}, "error is 'mse', expected .*potential"),
        ({"carry": 0}, "carry is 0"),
        ({"sigma": "0.1/-1"}, "sigma"),
    ],
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(ValueError, match=words):
        PAL(**options)


def test_more_constants_than_layers():
    with pytest.raises(ValueError, match="pal has 3 sigma, one a block, but 2 blocks learn"):
        PAL(sigma="0.1/0.1/0.1").check(network())

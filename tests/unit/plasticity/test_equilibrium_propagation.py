"""Equilibrium propagation and contrastive Hebbian learning: slopes, phases, ways back, and what they refuse."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.measure import learning_operations
from spikelearn.measure.payload import payload_bytes
from spikelearn.network import Block, Network, RateReadout
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Logistic, Softmax, Standardised, Tanh
from spikelearn.plasticity import CHL, Batch, CrossEntropy, CrossEntropyRate, EqProp, OptimizerChoice, SquaredError
from spikelearn.plasticity.equilibrium.energies.hopfield import Hopfield
from spikelearn.plasticity.equilibrium.energies.output_loss import OutputLoss
from spikelearn.training import Training, learn
from tests.helpers import largest_difference, only_update

F64 = torch.float64
LONG = {"free_steps": 200, "nudged_steps": 200}


def units(hidden=Logistic(4.0, 0.5), output=None, readout=None, sizes=(6, 7, 5, 4), synapses=None):
    """Dense rate neurons in double precision, or behind the synapses that are given."""
    torch.manual_seed(3)
    synapses = synapses or [nn.Linear(a, b) for a, b in pairwise(sizes)]
    last = len(synapses) - 1
    blocks = {f"b{n}": Block(s, Rate(output if output and n == last else hidden)) for n, s in enumerate(synapses)}
    return Network(blocks, readout=readout).to(F64)


def values(samples=5, inputs=(6,), classes=4):
    torch.manual_seed(4)
    return Batch(torch.rand(1, samples, *inputs, dtype=F64), torch.arange(samples) % classes)


def images():
    """A convolution with its pool behind it, and a dense layer."""
    conv = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.AvgPool2d(2))
    return units(synapses=[conv, nn.Sequential(nn.Flatten(), nn.Linear(12, 4))]), values(inputs=(2, 4, 4))


def through_the_steps(network, batch, rule, loss=None):
    """The gradient of torch through all free steps, by the derivatives of the primitive function."""
    x, blocks = batch.inputs[0], list(network.blocks.values())
    states = [block.synapse(x).detach() * 0 for block in blocks[:1]]
    for block in blocks[1:]:
        states.append(block.synapse(states[-1]).detach() * 0)
    states = [state.requires_grad_() for state in states]
    for _ in range(rule.free_steps):
        phi = sum((block.synapse(pre) * s).sum() for block, pre, s in zip(blocks, [x, *states], states, strict=False))
        pulls = torch.autograd.grad(phi, states, create_graph=True)
        states = [block.neuron.activation(pull) for block, pull in zip(blocks, pulls, strict=True)]
    scores = network.readout.head(states[-1])
    wanted = F.one_hot(batch.targets, scores.shape[1])
    half = 0.5 * (scores - wanted).square().sum(1).mean()
    value = half if loss is None else F.cross_entropy(scores, batch.targets)
    names, parameters = zip(*network.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(value, parameters), strict=True))


def error(found, exact):
    gaps = sum((found[name] - value).square().sum() for name, value in exact.items())
    return float((gaps / sum(value.square().sum() for value in exact.values())).sqrt())


@pytest.mark.parametrize(("nudging", "slope"), [("one-sided", 1.0), ("symmetric", 2.0)])
@pytest.mark.parametrize("kind", ["dense", "softmax", "images"])
def test_the_error_falls_as_the_nudge_or_its_square(kind, nudging, slope):
    if kind == "images":
        network, batch = images()
    else:
        network, batch = units(readout=RateReadout(nn.Linear(4, 3)) if kind == "softmax" else None), values(classes=3)
    loss = {"loss": CrossEntropy()} if kind == "softmax" else {}
    rules = [EqProp(beta=beta, nudging=nudging, **loss, free_steps=60, nudged_steps=60) for beta in (0.02, 0.01)]
    exact = through_the_steps(network, batch, rules[0], **loss)
    errors = [error(only_update(rule, network, batch).grads, exact) for rule in rules]
    assert errors[0] / errors[1] == pytest.approx(2.0**slope, rel=0.1)
    assert errors[1] < 0.1


def test_changes_of_single_nudged_steps_sum_to_those_of_the_phase():
    """Where weights stay, what every step changes telescopes; decay is made up for, block by block."""
    network, batch = units(readout=RateReadout(nn.Linear(4, 3))), values(classes=3)
    common = {"loss": CrossEntropy(), "nudged_steps": 4, "nudging": "one-sided"}
    whole = only_update(EqProp(**common), network, batch).grads
    steps = list(EqProp(**common, continual=True).updates(network, batch, {}, torch.Generator()))
    assert largest_difference({k: sum(step.grads[k] for step in steps) for k in whole}, whole) < 1e-14
    decayed = list(EqProp(**common, continual=True, decay="0.5/0/0").updates(network, batch, {}, torch.Generator()))
    for left, one, other in zip((3, 2, 1, 0), decayed, steps, strict=True):
        for name, change in one.grads.items():
            factor = 2.0**left if ".b0." in name else 1.0
            torch.testing.assert_close(change, factor * other.grads[name])


def test_a_sign_is_drawn_for_each_batch():
    network, batch, generator = units(), values(), torch.Generator().manual_seed(0)
    rule = EqProp(nudging="random-sign")
    signs = {float(rule.draws(network, batch, generator)["sign"][0]) for _ in range(20)}
    assert signs == {-1.0, 1.0}
    found = []
    for sign in (1.0, -1.0):
        given = Batch(batch.inputs, batch.targets, draws={"sign": torch.full((5,), sign)})
        found.append(only_update(rule, network, given).grads)
    mean = {name: (change + found[1][name]) / 2 for name, change in found[0].items()}
    symmetric = only_update(EqProp(nudging="symmetric"), network, batch).grads
    assert largest_difference(mean, symmetric) < 1e-14
    assert largest_difference(found[0], symmetric) > 1e-4


def test_learned_feedback_that_equals_the_weights_gives_the_same_states():
    network, batch = units(), values()
    rule = EqProp(feedback="learned", beta=1e-4, **LONG)
    memory = {f"back_weights.blocks.b{n}.synapse": network.blocks[f"b{n}"].synapse.weight.detach() for n in (1, 2)}
    found = only_update(rule, network, batch, memory)
    assert found.scores.equal(only_update(EqProp(beta=1e-4, **LONG), network, batch).scores)
    # Together, what meets a weight in both directions is the difference of products.
    both = only_update(EqProp(beta=1e-4, **LONG), network, batch).grads
    for n in (1, 2):
        place = f"blocks.b{n}.synapse"
        summed = found.grads[f"{place}.weight"] + found.own[f"back_weights.{place}"]
        torch.testing.assert_close(summed, both[f"{place}.weight"], rtol=1e-6, atol=1e-9)


def test_learned_feedback_crosses_convolutions():
    network, batch = images()
    rule = EqProp(feedback="learned")
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.1))
    (name,) = training.memory
    before = training.memory[name].clone()
    update = learn(training, batch)
    torch.testing.assert_close(training.memory[name], before - 0.1 * update.own[name])


def test_the_gain_weighs_the_terms_of_the_energy():
    """By torch: what each block answers to is the derivative of the weighted energy, over its weight."""
    network, batch = images()
    output = OutputLoss(network, batch, CrossEntropy())
    with torch.no_grad():
        energy = Hopfield(network, batch.inputs, {}, output, gain=0.4).nudged(0.7)
        states = energy.step(energy.step(energy.start()))
    leaves = {name: value.requires_grad_() for name, value in states.items()}
    total = sum(energy.of(leaves))
    slopes = torch.autograd.grad(total, list(leaves.values()))
    for one, other in zip(slopes, energy.slopes(states).values.values(), strict=True):
        torch.testing.assert_close(one, other)
    names, parameters = zip(*network.named_parameters(), strict=True)
    driven = Hopfield(network, batch.inputs, {}, output, gain=0.4).nudged(0.7)
    total = sum(driven.of({name: value.detach() for name, value in states.items()}))
    expected = dict(zip(names, torch.autograd.grad(total, parameters), strict=True))
    assert largest_difference(driven.weight_slopes(states), expected) < 1e-12


def test_memory_does_not_grow_with_the_phases():
    network, batch = units(sizes=(6, 200, 4)), values()
    live = [
        payload_bytes(network, EqProp(free_steps=steps, nudged_steps=steps), batch, {}, torch.Generator()).live
        for steps in (5, 50)
    ]
    assert live[0] == live[1]


def test_products_of_the_phases_are_counted():
    network, batch = units(Tanh()), values()
    rule = EqProp(free_steps=30, nudged_steps=10)
    dense = learning_operations(network, rule, batch, {}, torch.Generator()).total.dense
    steps = 2 * (7 * 5 + 5 * 4) * 50
    assert steps < dense < 1.2 * steps


def test_a_phase_that_has_not_settled_is_said():
    network, batch = units(), values()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(6)
    for rule in (EqProp(free_steps=3), CHL(free_steps=3, gain=1.0)):
        metrics = only_update(rule, network, batch).metrics
        assert metrics["residual_free"] > 0.01
        (sentence,) = rule.warnings(metrics)
        assert f"{rule.name} follows no gradient: raise free_steps" in sentence
    assert not EqProp().warnings({"residual_free": 1e-6})


def test_predictions_are_those_of_the_free_phase():
    network, batch = units(), values()
    rule = EqProp()
    update = only_update(rule, network, batch)
    assert rule.scores(network, batch.inputs, {}).equal(update.scores)
    assert rule.scores(network, batch.inputs.expand(7, 5, 6), {}).equal(update.scores)
    assert not network.scores(network.run(batch.inputs)[0]).allclose(update.scores)


def test_held_outputs_are_the_wanted_scores(monkeypatch):
    network, batch = units(Tanh()), values()
    held, relax = [], Hopfield.relax

    def watched(self, given, steps, *, clamp=None):
        found = relax(self, given, steps, clamp=clamp)
        held.append((clamp, found.output))
        return found

    monkeypatch.setattr(Hopfield, "relax", watched)
    only_update(CHL(SquaredError(0.9, -0.3)), network, batch)
    (free, _), (clamp, output) = held
    assert free is None
    assert output.equal(clamp)
    assert clamp[0, 1].tolist() == [-0.3, 0.9, -0.3, -0.3]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: EqProp(continual=True), "others in the opposite one: use nudging='one-sided'"),
        (lambda: EqProp(beta=0.0), "beta is 0.0, expected a positive number"),
        (lambda: EqProp(nudging="both"), "nudging is 'both', expected"),
        (lambda: EqProp(free_steps=0), "free_steps is 0"),
        (lambda: EqProp(decay=1.0), r"decay is 1.0, expected a number in \[0, 1\)"),
        (lambda: EqProp(decay="0/0.1"), "decay is 0/0.1 without effect, .* set continual=true"),
        (lambda: EqProp(presynaptic="nudged"), "presynaptic is 'nudged' without effect, for feedback is 'transpose'"),
        (lambda: EqProp(presynaptic="nudged", feedback="learned", nudging="one-sided"), "and nudging 'one-sided': set"),
        (lambda: CHL(CrossEntropy()), "whose wanted scores hold the output"),
        (lambda: CHL(gain=-1.0), "gain is -1.0"),
    ],
)
def test_wrong_options_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


MAX = [
    nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2)),
    nn.Sequential(nn.MaxPool2d(1), nn.Flatten(), nn.Linear(3, 4)),
]


@pytest.mark.parametrize(
    ("rule", "network", "sentence"),
    [
        (EqProp(), units(Standardised(Tanh())), "depends on the others of the batch: use another one"),
        (EqProp(), units(synapses=[nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4))]), "normalises by its own batch"),
        (EqProp(), units(readout=RateReadout(decay=0.9)), "use RateReadout()"),
        (EqProp(feedback="learned"), units(synapses=MAX), "not linear: use average pooling"),
        (
            EqProp(decay="0.1/0.1/0.1/0.1", continual=True, nudging="one-sided"),
            units(),
            "has 4 decay, one a block, but 3 blocks learn",
        ),
        (CHL(), units(readout=RateReadout(nn.Linear(4, 3))), "holds the output at its target.*plain RateReadout"),
    ],
)
def test_networks_that_do_not_settle_so_are_refused(rule, network, sentence):
    with pytest.raises(ValueError, match=sentence):
        rule.check(network)


@pytest.mark.parametrize("loss", [CrossEntropyRate(), CrossEntropy()])
def test_a_loss_without_a_closed_derivative_is_differentiated(loss):
    """The same force where the loss, a mask or the readout leave no closed form."""
    network, batch = units(Tanh(), Softmax() if isinstance(loss, CrossEntropyRate) else Linear()), values()
    ones = Batch(batch.inputs, batch.targets, {"b2": torch.ones(5, 4, dtype=F64)})
    found, expected = (only_update(EqProp(loss), network, given).grads for given in (ones, batch))
    assert largest_difference(found, expected) < 1e-12


@pytest.mark.parametrize("place", ["inputs", "b0.synapse", "b0", "b1"])
def test_masks_that_do_not_fit_are_refused(place):
    network, given = images()
    with pytest.raises(ValueError, match=f"mask '{place}' has shape .*99.*, expected"):
        only_update(EqProp(), network, Batch(given.inputs, given.targets, {place: torch.ones(given.size, 99)}))

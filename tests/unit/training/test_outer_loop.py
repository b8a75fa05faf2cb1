"""The outer loop of coefficients: its derivative is that of finite differences, by steps that ``learn`` takes."""

import copy

import pytest
import torch
import torch.nn.functional as F

from spikelearn.datasets import Digits
from spikelearn.loading import Loader
from spikelearn.plasticity import MetaPlasticity
from spikelearn.plasticity.meta.coefficients import TERMS
from spikelearn.runs import network_for
from spikelearn.seeding import generator_for
from spikelearn.training import Training, learn
from spikelearn.training.outer import Episodes, OuterLoop

FIRST = {"pseudo_gradient": 0.3, "ehebb": -0.05, "oja": 0.02}
STEP = 1e-5


@pytest.fixture(scope="module")
def episode():
    return episodes(batch=1).episode(3)


def episodes(batch=1, **options):
    loader = Loader(Digits("train"), n_steps=1, batch=batch)
    return Episodes(loader, **{"classes": 3, "shots": 2, "queries": 4, **options})


def network(**settings):
    return network_for("meta-plasticity", "64-8-10", (1, 8, 8), **settings).double()


def learned_loss(made, episode, coefficients):
    """The loss behind an episode, by a training that writes."""
    made = copy.deepcopy(made)
    training = Training.start(made, MetaPlasticity(**dict(zip(FIRST, coefficients, strict=True))))
    memory = training.rule.init(made, generator_for(0, "feedback", 0))
    for name, value in training.memory.items():
        value.copy_(memory[name])
    for batch in episode.train:
        learn(training, batch)
    with torch.no_grad():
        return float(F.cross_entropy(made(episode.queries.inputs), episode.queries.targets))


def test_the_derivative_is_that_of_finite_differences(episode):
    made, loop = network(), OuterLoop(MetaPlasticity(**FIRST, second_order=True))
    result = loop.episode(0, made, episode)
    assert result.loss == pytest.approx(learned_loss(made, episode, FIRST.values()), rel=1e-12)
    for place, term in enumerate(FIRST):
        up, down = ({**FIRST, term: FIRST[term] + sign * STEP} for sign in (1.0, -1.0))
        slope = (learned_loss(made, episode, up.values()) - learned_loss(made, episode, down.values())) / (2 * STEP)
        assert float(result.grad[place]) == pytest.approx(slope, rel=1e-6)
        # Adam's first step has its learning rate's size.
        assert loop.coefficients[TERMS[place]] == pytest.approx(FIRST[term] - 1e-3 * (1 if slope > 0 else -1), rel=1e-6)


def test_terms_that_do_not_learn_keep_their_coefficients(episode):
    loop = OuterLoop(MetaPlasticity(**FIRST, second_order=True), terms=["oja"])
    grad = loop.episode(0, network(), episode).grad
    assert (grad != 0).tolist() == [False, False, True]
    assert [loop.coefficients[term] == value for term, value in zip(TERMS, FIRST.values(), strict=True)] == [1, 1, 0]


def test_evolution_finds_the_derivative_along_its_directions(episode):
    """With one term that learns a direction is a number, and the estimate its square times the derivative."""
    made, options = network(), {"terms": ["pseudo-gradient"], "seed": 0}
    exact = OuterLoop(MetaPlasticity(**FIRST, second_order=True), **options).episode(0, made, episode)
    loop = OuterLoop(MetaPlasticity(**FIRST), derivative="evolution", pairs=2, spread=1e-4, **options)
    first = dict(zip(TERMS, FIRST.values(), strict=True))
    tested = loop.tested(0, made, episode, first)
    assert tested.loss == pytest.approx(learned_loss(made, episode, FIRST.values()), rel=1e-12)
    assert 0.0 <= tested.accuracy <= 1.0
    found = loop.episode(0, made, episode)
    drawn = generator_for(0, "directions", 0)
    square = sum(float(torch.randn(3, generator=drawn, dtype=torch.float64)[0]) ** 2 for _ in range(2)) / 2
    assert float(found.grad[0]) == pytest.approx(square * float(exact.grad[0]), rel=1e-4)
    assert not found.grad[1:].any()


def test_evolution_takes_neurons_that_fire(episode):
    firing = {"neuron": "lif", "neuron_option": {}, "output": "lif", "output_option": {}, "steps": 5}
    made = network(**firing)
    shown = Episodes(Loader(Digits("train"), n_steps=5, batch=1), classes=3, shots=2, queries=4).episode(3)
    loop = OuterLoop(MetaPlasticity(gain=10.0, pseudo_gradient=0.1), derivative="evolution", pairs=2, spread=0.1)
    before = {name: value.clone() for name, value in made.state_dict().items()}
    assert loop.episode(0, made, shown).grad.isfinite().all()
    assert all(value.equal(before[name]) for name, value in made.state_dict().items())
    with pytest.raises(ValueError, match="differentiates its own steps exactly.*but block 'fc1' is LIF: use Rate"):
        OuterLoop(MetaPlasticity(second_order=True)).episode(0, made, shown)


def test_episodes_are_a_function_of_their_number():
    drawn = episodes(batch=4)
    one, again, other = drawn.episode(1), drawn.episode(1), drawn.episode(2)
    assert [batch.size for batch in one.train] == [4, 2]
    assert one.queries.size == 12
    assert all(a.inputs.equal(b.inputs) for a, b in zip(one.train, again.train, strict=True))
    assert not one.queries.inputs.equal(other.queries.inputs)
    labels = torch.cat([batch.targets for batch in one.train])
    assert {int(label): int((labels == label).sum()) for label in labels.unique()} == dict.fromkeys(
        one.queries.targets.unique().tolist(), 2
    )
    shown = {tuple(x.flatten().tolist()) for batch in one.train for x in batch.inputs.unbind(1)}
    assert not shown & {tuple(x.flatten().tolist()) for x in one.queries.inputs.unbind(1)}


def test_weights_that_run_away_are_named(episode):
    loop = OuterLoop(MetaPlasticity(pseudo_gradient=-1e300, second_order=True))
    with pytest.raises(ValueError, match="ran away .* pseudo-gradient -1e\+300.*--outer-lr"):
        loop.episode(0, network(), episode)


def test_refused():
    with pytest.raises(ValueError, match="takes 2002 samples .* but 0 classes have as many"):
        episodes(shots=1998)
    with pytest.raises(ValueError, match="goes through all updates.*second_order=True"):
        OuterLoop(MetaPlasticity())
    with pytest.raises(ValueError, match="terms names 'hebb', expected one of"):
        OuterLoop(MetaPlasticity(second_order=True), terms=["hebb"])

"""The outer loop of a credit network: estimates of a derivative, and its steps."""

import pytest
import torch

from spikelearn.datasets import Digits
from spikelearn.loading import Loader
from spikelearn.plasticity import BPTT, TDCA, OptimizerChoice
from spikelearn.plasticity.meta.credits import CREDIT_NETWORKS
from spikelearn.runs import network_for
from spikelearn.training import Training, learn
from spikelearn.training.outer import CreditLoop, Episodes
from spikelearn.training.outer.evolution import antithetic

OPTIONS = {"per_block": 3, "hidden": 2}


def network():
    return network_for("tdca", "64-8-10", (1, 8, 8))


def episode():
    loader = Loader(Digits("train"), n_steps=1, batch=4)
    return Episodes(loader, classes=3, shots=4, queries=4).episode(0)


def loop(**options):
    return CreditLoop(TDCA(**OPTIONS), network(), **{"pairs": 1, "lr": 0.01, **options})


def test_the_estimate_for_a_linear_function_is_its_derivative_along_the_directions():
    slope, at = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    drawn = {"pairs": 2, "spread": 0.1}
    mean, found = antithetic(lambda x: float(slope @ x) + 3.0, at, **drawn, generator=torch.Generator().manual_seed(2))
    again = torch.Generator().manual_seed(2)
    ways = [torch.randn(3, generator=again, dtype=torch.float64) for _ in range(2)]
    assert mean == pytest.approx(3.0, abs=1e-12)
    torch.testing.assert_close(found, sum((slope @ way) * way for way in ways) / 2)
    only = torch.tensor([True, False, True])
    _, found = antithetic(
        lambda x: float(slope @ x), at, **drawn, learning=only, generator=torch.Generator().manual_seed(2)
    )
    assert (found != 0).tolist() == [True, False, True]


def test_an_episode_moves_the_credits_and_writes_no_weight():
    made, learning = network(), loop()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    first = {name: value.clone() for name, value in learning.tensors.items()}
    loss = learning.episode(0, made, episode())
    assert loss > 0
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())
    moved = torch.cat([(learning.tensors[name] - value).abs().flatten() for name, value in first.items()])
    # Adam's first step has its learning rate's size.
    torch.testing.assert_close(moved, torch.full_like(moved, 0.01), rtol=1e-3, atol=1e-6)
    assert all(torch.equal(value, learning.first[name]) for name, value in first.items())
    again = loop()
    assert again.episode(0, network(), episode()) == loss
    assert torch.equal(again.theta, learning.theta)


def test_a_loop_goes_on_from_a_learned_credit_network():
    rule = TDCA(**OPTIONS, network=CREDIT_NETWORKS.written(loop().tensors))
    assert rule.signal.learned is not None
    before = {name: value.clone() for name, value in rule.signal.learned.items()}
    learning = CreditLoop(rule, network(), pairs=1)
    learning.episode(0, network(), episode())
    for name, value in before.items():
        assert torch.equal(rule.signal.learned[name], value)
        assert torch.equal(learning.first[name], value)


def test_gradients_take_as_many_steps_of_the_same_size():
    shown = episode()
    found = loop(optimizer=OptimizerChoice("sgd", 0.02)).by_gradients(network(), shown)
    made = network()
    training = Training.start(made, BPTT(), optimizer=OptimizerChoice("sgd", 0.02))
    for batch in shown.train:
        learn(training, batch)
    with torch.no_grad():
        scores = made(shown.queries.inputs)
    assert found.loss == pytest.approx(float(torch.nn.functional.cross_entropy(10 * scores, shown.queries.targets)))
    assert found.accuracy == pytest.approx(float((scores.argmax(1) == shown.queries.targets).double().mean()))


def test_what_the_loop_cannot_use_is_refused():
    with pytest.raises(ValueError, match="pairs is 0"):
        loop(pairs=0)
    with pytest.raises(ValueError, match="no hidden block"):
        CreditLoop(TDCA(), network_for("tdca", "64-10", (1, 8, 8)))
    with pytest.raises(ValueError, match="ran away in an episode of tdca"):
        loop(optimizer=OptimizerChoice("sgd", 1e30)).episode(0, network(), episode())

"""Rules through the weights of the start: what they keep, and networks that they refuse or cross."""

import pytest
import torch

from spikelearn import build
from spikelearn.neurons import LIF
from spikelearn.plasticity import BPTT, RULES, AlignAda, Batch
from spikelearn.training import Training, learn
from tests.helpers import only_update

F64 = torch.float64


def batch(features=6):
    torch.manual_seed(2)
    return Batch((torch.rand(8, 5, features) < 0.5).to(F64), torch.arange(5) % 3)


def network(architecture, **options):
    options = {"generator": torch.Generator().manual_seed(1), **options}
    return build(architecture, lambda: LIF.per_step(0.8), **options).to(F64)


@pytest.mark.parametrize("rule", ["align-ada", "align-zero", "align-prop"])
@pytest.mark.parametrize("architecture", ["6-12-9-3", "6-12(out)-9-3(out)", "6-12-9-3(+fc1)"])
def test_it_is_the_gradient_at_the_start_and_not_later(rule, architecture):
    made = network(architecture, batch_norm=True)
    training = Training.start(made, RULES.make(rule))
    masks = {"fc1": (torch.arange(12) % 3 > 0).to(F64).expand(5, 12), "fc2.synapse": torch.full((5, 9), 0.5, dtype=F64)}
    data = Batch(batch().inputs, batch().targets % 2, masks)
    names = [name for name, _ in made.named_parameters()]
    kept = {name: value.clone() for name, value in training.memory.items()}
    expected = only_update(BPTT(), made, data).grads
    found = learn(training, data).grads
    for name in names:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-9, atol=1e-12)
    for _ in range(3):
        found = learn(training, data).grads
    expected = only_update(BPTT(), made, data).grads
    assert any(not torch.allclose(found[name], expected[name], rtol=1e-3, atol=0.0) for name in names)
    assert all(value.equal(kept[name]) for name, value in training.memory.items())


def test_feedback_edges_are_refused():
    with pytest.raises(ValueError, match="align-ada sends errors down through a network that is run from start to end"):
        AlignAda().check(network("6-12(F12)-3"))

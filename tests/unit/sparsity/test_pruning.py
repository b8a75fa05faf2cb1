import pytest
import torch

from spikelearn.network import synaptic_weights
from spikelearn.sparsity import PRUNINGS, sparsity_of
from spikelearn.training import IncomingNorm, Training
from tests.unit.hardware.nets import learn_some, network, training


def pruned(text, batches, net=None, **options):
    made = training(net, **options)
    made.pruning = PRUNINGS.make(text)
    made.pruning.begin(made.network, batches)
    return made


def test_pruned_weights_stay_exactly_zero():
    made = pruned("global:sparsity=0.9", 100)
    before = {name: w.detach().clone() for name, w in synaptic_weights(made.network).items()}
    learn_some(made, 0, 100)
    masks = made.pruning.masks
    for name, weight in synaptic_weights(made.network).items():
        assert bool((weight[~masks[name]] == 0).all())
        assert not weight[masks[name]].equal(before[name][masks[name]])
    assert sum(int((~m).sum()) for m in masks.values()) == int(0.9 * 510)


def test_biases_are_not_pruned():
    made = pruned("global:sparsity=0.99", 2)
    learn_some(made, 0, 2)
    assert bool((made.network.blocks["fc1"].synapse.bias != 0).any())
    assert all(".bias" not in name for name in made.pruning.masks)


def test_the_cubic_schedule():
    pruning = PRUNINGS.make("global:sparsity=0.8,gradual=true,start=0.2,end=0.7,every=5")
    pruning.begin(network(), 100)
    expected = {0: 0.0, 19: 0.0, 20: 0.0, 45: 0.8 * (1 - 0.5**3), 60: 0.8 * (1 - 0.2**3), 70: 0.8, 99: 0.8}
    for batch, share in expected.items():
        assert pruning.sparsity_at(batch) == pytest.approx(share)


def test_gradual_pruning_follows_the_schedule():
    made = pruned("global:sparsity=0.9,gradual=true,start=0.1,end=0.8,every=7", 40)
    seen = []
    for number in range(40):
        learn_some(made, number, number + 1)
        seen.append(sparsity_of(made.network))
    assert seen[:3] == [0, 0, 0]
    assert seen == sorted(seen)
    for done in (11, 18, 25, 32):
        assert seen[done - 1] == int(made.pruning.sparsity_at(done) * 510) / 510
    assert seen[32] == int(0.9 * 510) / 510 == seen[-1]


def test_all_at_once_in_the_middle():
    made = pruned("uniform:sparsity=0.5,start=0.5", 10)
    learn_some(made, 0, 4)
    assert sparsity_of(made.network) == 0
    learn_some(made, 4, 5)
    assert sparsity_of(made.network) == 0.5
    shares = {float((~mask).float().mean()) for mask in made.pruning.masks.values()}
    assert shares == {0.5}


def test_norms_are_those_of_what_is_left():
    made = pruned("global:sparsity=0.5", 3, constraints=(IncomingNorm(2.0),))
    learn_some(made, 0, 3)
    weight = made.network.blocks["fc2"].synapse.weight
    assert sparsity_of(made.network) == 0.5
    torch.testing.assert_close(weight.abs().sum(1), torch.full((5,), 2.0))


def test_five_and_five_with_a_resume_are_ten():
    text = "global:sparsity=0.9,gradual=true,end=1.0,every=1"
    whole = pruned(text, 10)
    learn_some(whole, 0, 10)
    part = pruned(text, 10)
    learn_some(part, 0, 5)
    again: Training = pruned(text, 10, network(seed=7))
    again.load_state_dict(part.state_dict())
    learn_some(again, 5, 10)
    assert sparsity_of(whole.network) == int(0.9 * 510) / 510
    for name, value in whole.network.state_dict().items():
        assert value.equal(again.network.state_dict()[name]), name


def test_a_state_without_pruning_is_refused():
    with pytest.raises(ValueError, match="training with pruning NoneType, this one has GlobalPruning"):
        pruned("global:sparsity=0.5", 10).load_state_dict(training().state_dict())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("globl:sparsity=0.5", "did you mean 'global'"),
        ("global:sparsty=0.5", "did you mean 'sparsity'"),
        ("global", "sparsity"),
        ("global:sparsity=1.5", "sparsity is 1.5"),
        ("global:sparsity=0.5,gradual=1", "gradual is 1, expected true or false"),
        ("global:sparsity=0.5,gradual=true,start=0.8", "expected start < end"),
        ("global:sparsity=0.5,every=0", "every is 0"),
        ("global:sparsity", "expected name:key=value"),
    ],
)
def test_what_is_written_is_checked(text, message):
    with pytest.raises(ValueError, match=message):
        PRUNINGS.make(text)

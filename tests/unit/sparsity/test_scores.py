"""Scores of weights against a network written out with torch, and pruning by them."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, synaptic_weights
from spikelearn.neurons import NEURONS
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.sparsity import PRUNINGS, SCORES, global_masks, sparsity_of
from spikelearn.training import Training, learn
from tests.unit.hardware.nets import learn_some, network
from tests.unit.sparsity.test_pruning import pruned

SNIP = "score=connection-sensitivity"


def rates():
    drawn = torch.Generator().manual_seed(4)
    layers = [nn.Linear(7, 6, bias=False), nn.Linear(6, 3, bias=False)]
    with torch.no_grad():
        for layer in layers:
            layer.weight.copy_(0.5 * torch.randn(layer.weight.shape, generator=drawn))
    neurons = [NEURONS.make(f"rate:activation={kind}") for kind in ("tanh", "linear")]
    return Network({f"fc{n + 1}": Block(layers[n], neurons[n]) for n in (0, 1)}).double()


def batches(count):
    drawn = torch.Generator().manual_seed(5)
    return [Batch(torch.rand(1, 8, 7, generator=drawn).double(), torch.arange(8) % 3) for _ in range(count)]


def by_hand(net, batch):
    """Derivatives of the loss in connections c that multiply the weights, at c = 1."""
    weights = [net.blocks[name].synapse.weight.detach() for name in ("fc1", "fc2")]
    c = [torch.ones_like(w, requires_grad=True) for w in weights]
    out = torch.tanh(batch.inputs[0] @ (c[0] * weights[0]).t()) @ (c[1] * weights[1]).t()
    loss = 0.5 * (out - nn.functional.one_hot(batch.targets, 3)).square().sum(1).mean()
    return dict(zip(synaptic_weights(net), torch.autograd.grad(loss, c), strict=True))


def still(text, given):
    """A training whose steps are too small to be seen, behind as many batches."""
    made = Training.start(rates(), RULES.make("bptt:loss=squared-error"), optimizer=OptimizerChoice("sgd", 1e-30))
    made.pruning = PRUNINGS.make(text)
    made.pruning.begin(made.network, 100)
    for batch in given:
        learn(made, batch)
    return made


@pytest.mark.parametrize(
    ("score", "count", "over"),
    [
        ("connection-sensitivity", 1, lambda terms: terms[0].abs()),
        ("connection-sensitivity:batches=3", 3, lambda terms: (sum(terms) / 3).abs()),
        ("gradient-times-weight:batches=3", 3, lambda terms: sum(term.square() for term in terms) / 3),
    ],
)
def test_weights_go_by_the_derivative_in_their_presence(score, count, over):
    given, whole = batches(count), rates()
    terms = [by_hand(whole, batch) for batch in given]
    scores = {name: over([term[name] for term in terms]) for name in synaptic_weights(whole)}
    made = still(f"global:sparsity=0.6,score={score}", given)
    smallest = torch.cat([s.flatten() for s in scores.values()]).sort().values[: int(0.6 * 60)]
    for name, mask in made.pruning.masks.items():
        assert mask.equal(scores[name] > smallest[-1])
        assert bool((made.network.get_parameter(name)[~mask] == 0).all())
    assert sparsity_of(made.network) == 0.6
    assert all(mask.equal(made.pruning.masks[name]) for name, mask in global_masks(whole, 0.6, scores=scores).items())


def test_batches_that_pull_apart_cancel_in_one_score_and_not_in_the_other():
    sensitivity, squared = SCORES.make("connection-sensitivity"), SCORES.make("gradient-times-weight")
    weight, grads = torch.tensor([2.0]), (torch.tensor([3.0]), torch.tensor([-3.0]))
    means = [sum(score.term(weight, grad) for grad in grads) / 2 for score in (sensitivity, squared)]
    assert sensitivity.value(weight, means[0]) == 0.0
    assert squared.value(weight, means[1]) == 36.0


def test_the_last_batches_before_weights_go_are_those_that_count():
    given = batches(8)
    late = still(f"global:sparsity=0.5,start=0.08,{SNIP}:batches=2", given)
    alone = still(f"global:sparsity=0.5,{SNIP}:batches=2", given[6:])
    assert all(mask.equal(alone.pruning.masks[name]) for name, mask in late.pruning.masks.items())
    early = still(f"global:sparsity=0.5,{SNIP}:batches=2", given)
    assert not all(mask.equal(early.pruning.masks[name]) for name, mask in late.pruning.masks.items())


@pytest.mark.parametrize("score", ["magnitude", "connection-sensitivity", "gradient-times-weight:batches=2"])
def test_gradual_pruning_by_a_score_keeps_to_the_schedule_and_lets_nothing_back(score):
    made = pruned(f"global:sparsity=0.9,gradual=true,end=0.8,every=3,score={score}", 20)
    gone = {name: torch.zeros_like(w, dtype=torch.bool) for name, w in synaptic_weights(made.network).items()}
    for number in range(20):
        learn_some(made, number, number + 1)
        for name, mask in made.pruning.masks.items():
            assert bool((~mask[gone[name]]).all())
            gone[name] |= ~mask
    assert sum(int(g.sum()) for g in gone.values()) == int(0.9 * 510)
    assert sparsity_of(made.network) == int(0.9 * 510) / 510


def test_five_and_five_with_a_resume_are_ten():
    text = "global:sparsity=0.9,gradual=true,end=1.0,every=4,score=gradient-times-weight:batches=3"
    whole, part, again = pruned(text, 10), pruned(text, 10), pruned(text, 10, network(seed=7))
    learn_some(whole, 0, 10)
    learn_some(part, 0, 5)
    state = part.state_dict()
    assert state["pruning"]["counted"] == 1
    again.load_state_dict(state)
    learn_some(again, 5, 10)
    for name, value in whole.network.state_dict().items():
        assert value.equal(again.network.state_dict()[name]), name
    state["pruning"]["terms"]["blocks.fc9.synapse.weight"] = torch.zeros(2)
    with pytest.raises(ValueError, match=r"a term of 'blocks.fc9.synapse.weight', which the network does not have"):
        again.load_state_dict(state)


def test_weights_without_a_gradient_are_named():
    made = Training.start(network(), RULES.make("readout-only"))
    made.pruning = PRUNINGS.make(f"global:sparsity=0.5,{SNIP}")
    made.pruning.begin(made.network, 10)
    with pytest.raises(ValueError, match=r"the rule gives none for blocks.fc1.synapse.weight: prune by magnitude"):
        learn_some(made, 0, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("global:sparsity=0.5,score=snip", "unknown score 'snip', expected one of connection-sensitivity"),
        ("global:sparsity=0.5,score=connection-sensitivity:batches=0", "batches is 0"),
        ("global:sparsity=0.5,score=magnitude:batches=2", "batches"),
        ("uniform:sparsity=0.5,score=gradient-times-weight:batches=11", "made of 11 batches, but the training has 10"),
    ],
)
def test_what_is_written_is_checked(text, message):
    with pytest.raises(ValueError, match=message):
        PRUNINGS.make(text).begin(network(), 10)


def test_scores_of_other_weights_are_refused():
    net = network()
    with pytest.raises(ValueError, match="expected those of blocks.fc1.synapse.weight too"):
        global_masks(net, 0.5, scores={})
    wrong = {name: torch.zeros(3) for name in synaptic_weights(net)}
    with pytest.raises(
        ValueError, match=r"the scores of blocks.fc1.synapse.weight has shape \[3\], expected \[30, 12\]"
    ):
        global_masks(net, 0.5, scores=wrong)

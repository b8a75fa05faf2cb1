"""A decay that is learned: a LIF's equations, and a derivative in the decay."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import HARD, LIF, PLIF, ATan, Surrogate
from spikelearn.plasticity import BPTT, DFA, Batch, EProp
from spikelearn.training import Training, learn

F64 = torch.float64


def test_before_learning_it_is_the_lif_of_its_decay():
    current = 0.4 + 0.8 * torch.randn(30, 2, 3, dtype=F64)
    for learned, plain in (
        (PLIF.per_step(0.8), LIF.per_step(0.8)),
        (PLIF(4e-3, r=5.0, v_leak=0.1), LIF(4e-3, r=5.0, v_leak=0.1, discretisation="euler")),
    ):
        found = [Surrogate(HARD).sequence(n.double(), n.initial_state(current[0]), current) for n in (learned, plain)]
        assert found[0][0].equal(found[1][0])
        torch.testing.assert_close(found[0][1], found[1][1], rtol=0, atol=1e-6)


def test_the_derivative_in_the_decay_is_that_of_its_equation():
    neuron, current = PLIF([3e-3, 6e-3], v_threshold=50.0).double(), torch.rand(6, 2, 2, dtype=F64)

    def last(logit):
        v = torch.zeros(2, 2, dtype=F64)
        for now in current:
            v = v + torch.sigmoid(logit) * (now - v)
        return v

    logit = neuron.logit.detach().clone().requires_grad_()
    expected = torch.autograd.grad(last(logit).sum(), logit)[0]
    _, v, _ = Surrogate(ATan()).sequence(neuron, neuron.initial_state(current[0]), current)
    torch.testing.assert_close(torch.autograd.grad(v[-1].sum(), neuron.logit)[0], expected)


def network(make=PLIF.per_step):
    torch.manual_seed(0)
    return Network({"a": Block(nn.Linear(6, 5), make()), "b": Block(nn.Linear(5, 2), make())})


BATCH = Batch(torch.rand(8, 4, 6, generator=torch.Generator().manual_seed(1)), torch.arange(4) % 2)


@pytest.mark.parametrize("make", [PLIF.per_step, lambda: PLIF(3e-3, r=3.0)])
def test_bptt_learns_it_and_it_is_stored_with_the_weights(make):
    trained = network(make)
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    training = Training.start(trained, BPTT())
    for _ in range(3):
        learn(training, BATCH)
    assert not before["blocks.a.neuron.logit"].equal(trained.state_dict()["blocks.a.neuron.logit"])
    assert 0 < float(trained.blocks["a"].neuron.decay_mem.detach()) < 1
    other = network(make)
    other.load_state_dict(trained.state_dict())
    assert other.run(BATCH.inputs)[0].output.v.equal(trained.run(BATCH.inputs)[0].output.v)


def test_a_rule_that_changes_synapses_alone_leaves_it_or_refuses_it():
    trained = network()
    learn(Training.start(trained, DFA()), BATCH)
    with pytest.raises(ValueError, match=r"the neurons of block 'a' have logit that learns: freeze it"):
        Training.start(network(), EProp(form="step"))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="expected more than dt"):
        PLIF(1e-3)
    with pytest.raises(ValueError, match=r"decay is 0.0, expected a number in \(0, 1\)"):
        PLIF.per_step(0.0)
    with pytest.raises(ValueError, match=r"logit of PLIF has shape \[2\], but the neurons are \[5\]"):
        network(lambda: PLIF([2e-3, 3e-3])).run(BATCH.inputs)

import torch

from spikelearn.measure import payload_bytes
from spikelearn.network import build
from spikelearn.neurons import LIF
from spikelearn.plasticity import BPTT, STDP, Batch, ReadoutOnly, Rule, Update
from spikelearn.training import Training, learn

MIB = 2**20


def parts():
    torch.manual_seed(0)
    network = build("784-100-10", LIF.per_step)
    return network, Batch((torch.rand(6, 20, 784) < 0.1).float(), torch.randint(0, 10, (20,)))


def payload(rule, network, batch, optimizers=()):
    return payload_bytes(network, rule, batch, {}, torch.Generator(), optimizers)


def test_bptt_keeps_potentials_and_what_met_the_weights():
    """Potentials of both blocks, spikes of the hidden one; inputs and weights are there anyway; loss: [20, 10] twice."""
    network, batch = parts()
    found = payload(BPTT(), network, batch)
    weights = 4 * (785 * 100 + 101 * 10)
    kept = 4 * 6 * 20 * (100 + 100 + 10)
    assert (found.weights, found.gradients, found.memory, found.optimizer) == (weights, weights, 0, 0)
    assert kept <= found.saved <= kept + 4 * 20 * 10 * 3
    assert found.live >= found.saved


def test_frozen_blocks_keep_nothing_for_the_backward_pass():
    network, batch = parts()
    found, whole = payload(ReadoutOnly(), network, batch), payload(BPTT(), network, batch)
    assert whole.saved - found.saved == 4 * 6 * 20 * 100, "the hidden potentials"
    assert found.gradients == 4 * 101 * 10


def test_a_rule_without_a_backward_pass_saves_nothing_but_has_records():
    network, batch = parts()
    found = payload(STDP(), network, batch)
    assert found.saved == 0
    assert found.live >= 2 * 4 * 6 * 20 * 110


def test_the_state_of_the_optimizer():
    network, batch = parts()
    training = Training.start(network, BPTT())
    assert payload(BPTT(), network, batch, [training.optimizer]).optimizer == 0
    learn(training, batch)
    found = payload(BPTT(), network, batch, [training.optimizer])
    assert found.optimizer == 2 * found.weights + 4 * len(list(network.parameters())), "two means, and a step each"


class Allocating(Rule):
    def __init__(self, held):
        self.held = held

    def updates(self, network, batch, memory, generator):
        first = torch.zeros(MIB)
        if not self.held:
            del first
        torch.zeros(MIB).view(-1).add_(1.0)
        yield Update({}, torch.zeros(len(batch.targets), 10))


def test_what_is_freed_counts_no_more():
    network, batch = parts()
    assert payload(Allocating(held=True), network, batch).live == 8 * MIB
    assert payload(Allocating(held=False), network, batch).live < 5 * MIB

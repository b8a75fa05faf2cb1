"""First-spike STDP: weights of SpykeTorch, winners by hand, turns, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import IF, FirstSpikeIF
from spikelearn.plasticity import RULES, Batch
from spikelearn.plasticity.hebbian.first_spike_stdp import first_of_all, first_steps, firsts_of_places, inhibited
from spikelearn.training import Training, learn
from tests.unit.plasticity.references.make_spyketorch import CASES

REFERENCE = Path(__file__).parent / "references" / "spyketorch.npz"


def test_weights_are_those_of_spyketorch():
    with np.load(REFERENCE) as stored:
        found = {key: torch.from_numpy(stored[key]) for key in stored.files}
    compared = 0
    for name, (image, steps, layers, a_plus, a_minus, doubling, largest) in CASES.items():
        network = network_of(image[0], layers, [found[f"{name}/weight{place}_0"] for place in range(len(layers))])
        options = {"winners": [layer[4] for layer in layers], "radius": [layer[5] for layer in layers]}
        options |= {"a_plus": a_plus, "a_minus": a_minus, "doubling": doubling, "largest": largest}
        rule = RULES.make("first-spike-stdp", {**options, "turns": [layer[6] for layer in layers]})
        training = Training.start(network, rule)
        for number, times in enumerate(found[f"{name}/times"], start=1):
            spikes = (times == torch.arange(steps).view(-1, 1, 1, 1)).double().unsqueeze(1)
            learn(training, Batch(spikes, torch.zeros(1, dtype=torch.int64)))
            for place in range(len(layers)):
                if (key := f"{name}/weight{place}_{number}") in found:
                    weight = network.get_parameter(weight_of(place)).detach()
                    torch.testing.assert_close(weight, found[key], rtol=1e-12, atol=1e-12)
                    moved = (weight - found[f"{name}/weight{place}_0"]).abs() > 1e-3
                    compared += int(moved.sum())
    assert compared > 2500


def network_of(channels, layers, weights):
    """The blocks of a case, with its weights; a max pool stands between two, in whose windows one neuron fires."""
    blocks = {}
    for place, ((maps, kernel, padding, threshold, *_), weight) in enumerate(zip(layers, weights, strict=True)):
        conv = nn.Conv2d(channels, maps, kernel, padding=padding, bias=False).double()
        conv.weight.data.copy_(weight)
        window = 2 if place + 1 < len(layers) else 1
        synapse = nn.Sequential(nn.MaxPool2d(2), conv) if place else conv
        blocks[f"b{place}"], channels = Block(synapse, FirstSpikeIF(threshold, window=window)), maps
    return Network(blocks)


def weight_of(place):
    return f"blocks.b{place}.synapse.{'1.' if place else ''}weight"


def test_winners_by_hand():
    when = torch.tensor([[[[1, 3]], [[1, 0]], [[4, 2]]]])  # three maps of two places
    potential = torch.tensor([[[[5.0, 9.0]], [[6.0, 7.0]], [[9.0, 8.0]]]])
    free = firsts_of_places(when, potential, when < 4)
    assert free.flatten().tolist() == [False, False, True, True, False, False]
    first = first_of_all(when, potential, free)
    assert first.nonzero().tolist() == [[0, 1, 0, 1]]
    assert inhibited(first, 0).flatten().tolist() == [False, True, False]  # its own map, everywhere
    assert inhibited(first, 1).all()
    assert not first_of_all(when, potential, torch.zeros_like(free)).any()


def test_first_steps():
    assert first_steps(torch.tensor([[0, 0, 1], [0, 1, 1], [0, 1, 0]]).bool()).tolist() == [3, 1, 0]


def test_the_winners_of_a_batch_are_found_with_the_same_weights():
    """A batch of two gives the sum of what each sample gives by itself."""
    torch.manual_seed(1)
    layers = [(3, 3, 0, 2.0, 2, 1, 1)]
    inputs = (torch.rand(4, 2, 1, 6, 6) < 0.2).double()
    weight = 0.7 + 0.1 * torch.randn(3, 1, 3, 3, dtype=torch.float64)

    def change(samples):
        network = network_of(1, layers, [weight])
        training = Training.start(network, RULES.make("first-spike-stdp", {"winners": 2, "radius": 1}))
        learn(training, Batch(inputs[:, samples], torch.zeros(len(samples), dtype=torch.int64)))
        return network.get_parameter(weight_of(0)).detach() - weight

    torch.testing.assert_close(change([0, 1]), change([0]) + change([1]))
    assert change([0]).abs().max() > 0


def test_turns_go_past_blocks_that_are_frozen():
    layers = [(3, 3, 1, 1.0, 1, 0, 1)] * 3
    weights = [torch.full((3, channels, 3, 3), 0.7, dtype=torch.float64) for channels in (1, 3, 3)]
    network = network_of(1, layers, weights)
    network.get_parameter(weight_of(1)).requires_grad_(False)
    training = Training.start(network, RULES.make("first-spike-stdp", {"turns": 2}))
    changed = []
    for _ in range(5):
        before = [network.get_parameter(weight_of(place)).detach().clone() for place in range(3)]
        learn(training, Batch(torch.ones(2, 1, 1, 8, 8, dtype=torch.float64), torch.zeros(1, dtype=torch.int64)))
        changed.append([not network.get_parameter(weight_of(place)).equal(before[place]) for place in range(3)])
    assert changed == [[True, False, False]] * 2 + [[False, False, True]] * 3


def test_without_turns_all_blocks_learn():
    network = network_of(1, [(3, 3, 1, 1.0, 1, 0, 1)] * 2, [torch.full((3, c, 3, 3), 0.7).double() for c in (1, 3)])
    training = Training.start(network, RULES.make("first-spike-stdp", {"turns": 0}))
    update = learn(training, Batch(torch.ones(2, 1, 1, 8, 8).double(), torch.zeros(1, dtype=torch.int64)))
    assert all(bool(grad.any()) for grad in update.grads.values())


def test_convergence_is_told():
    network = network_of(1, [(2, 3, 0, 1.0, 1, 0, 1)], [torch.full((2, 1, 3, 3), 0.5, dtype=torch.float64)])
    training = Training.start(network, RULES.make("first-spike-stdp"))
    update = learn(training, Batch(torch.zeros(2, 1, 1, 5, 5, dtype=torch.float64), torch.zeros(1, dtype=torch.int64)))
    assert update.metrics == {"convergence_b0": 0.25}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"a_plus": 0.0}, "a_plus is 0.0"),
        ({"a_minus": -1.0}, "a_minus is -1.0"),
        ({"winners": "2/0"}, "winners is '2/0', expected whole numbers from 1 on"),
        ({"radius": 1.5}, "radius is 1.5, expected whole numbers from 0 on"),
        ({"turns": -1}, "turns is -1"),
        ({"doubling": -1}, "doubling is -1"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        RULES.make("first-spike-stdp", options)


def test_networks_that_it_cannot_train():
    rule = RULES.make("first-spike-stdp")
    weight = torch.full((2, 1, 3, 3), 0.5)
    network = network_of(1, [(2, 3, 0, 1.0, 1, 0, 1)], [-weight])
    with pytest.raises(ValueError, match=r"weights between 0 and 1, but those of block 'b0' begin as low as -0.5"):
        rule.check(network)
    with pytest.raises(ValueError, match="those of block 'b0' are IF: take --neuron first-spike-if"):
        rule.check(Network({"b0": Block(network.blocks["b0"].synapse, IF())}))


def test_rates_that_were_doubled_very_often_stay_at_their_largest():
    """After 2000 doublings, of which no float holds the factor."""
    spikes = torch.ones(2, 1, 1, 4, 4, dtype=torch.float64)
    changes = []
    for batches in (10.0, 2000.0):
        network = network_of(1, [(2, 3, 0, 1.0, 1, 0, 1)], [torch.full((2, 1, 3, 3), 0.7, dtype=torch.float64)])
        rule = RULES.make("first-spike-stdp", {"doubling": 1})
        memory = rule.init(network, torch.Generator())
        memory["batches"] += batches
        batch = Batch(spikes, torch.zeros(1, dtype=torch.int64))
        changes.append(next(iter(rule.updates(network, batch, memory, torch.Generator()))).grads[weight_of(0)])
    assert changes[0].abs().max() > 0
    torch.testing.assert_close(*changes)


def test_inputs_below_zero_are_refused():
    """A potential below 0 is reported as that of a neuron that was silenced, which would count as one that fired."""
    network = network_of(1, [(2, 3, 0, 2.0, 1, 0, 1)], [torch.full((2, 1, 3, 3), 0.7, dtype=torch.float64)])
    training = Training.start(network, RULES.make("first-spike-stdp"))
    inputs = torch.full((2, 1, 1, 4, 4), -1.0, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"inputs of a block go down to -1, expected spikes"):
        learn(training, Batch(inputs, torch.zeros(1, dtype=torch.int64)))

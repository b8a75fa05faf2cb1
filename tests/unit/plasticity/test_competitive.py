"""Rules whose neurons compete for their input: SoftHebb and Hebbian convolutions."""

import pytest
import torch
from torch import nn

from spikelearn import network_for
from spikelearn.network import Block, Network
from spikelearn.neurons import HARD, Rate, StochasticWinner, WinnerTakeAllLIF
from spikelearn.neurons.activations import Linear, MeanTriangle
from spikelearn.plasticity import STDP, Batch, HebbianConv, OptimizerChoice, SoftHebb, ThresholdAdaptation
from spikelearn.synapses import SampleNorm
from spikelearn.training import IncomingLength, Training, learn
from tests.helpers import F64, only_update

WEIGHT = "blocks.a.synapse.weight"


def layer(synapse, neuron=None, weight=None):
    network = Network({"a": Block(synapse, neuron or Rate(Linear()))}).to(F64)
    if weight is not None:
        with torch.no_grad():
            synapse.weight.copy_(weight)
    return network


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def batch(x):
    return Batch(x.unsqueeze(0), torch.zeros(len(x), dtype=torch.int64))


def test_a_change_lies_along_the_weights_as_far_as_their_length_is_from_one():
    """Summed over a padded convolution's places and samples: s u (1 - |w|^2), whatever the sign of s."""
    conv = nn.Conv2d(2, 5, 3, padding=1, padding_mode="reflect", bias=False)
    network, images = layer(conv), drawn(4, 2, 6, 6)
    change = -4 * only_update(SoftHebb(0.7, "opposed"), network, batch(images)).grads[WEIGHT]
    u = conv(images).detach()
    s = (0.7 * u).softmax(1)
    s = torch.where(u == u.amax(1, keepdim=True), s, -s)
    length = conv.weight.detach().flatten(1).norm(dim=1)
    expected = (s * u).sum((0, 2, 3)) * (1 - length**2)
    torch.testing.assert_close((change * conv.weight.detach()).flatten(1).sum(1), expected, rtol=1e-12, atol=1e-12)


def test_winning_neurons_end_with_length_one():
    torch.manual_seed(0)
    centres = drawn(4, 10).abs()
    network = layer(nn.Linear(10, 12, bias=False), weight=2 * drawn(12, 10, seed=1).abs())
    training = Training.start(network, SoftHebb(12.0), optimizer=OptimizerChoice("hebbian", 0.03, {"power": 0.5}))
    for number in range(600):
        noisy = centres[torch.arange(32) % 4] + 0.05 * drawn(32, 10, seed=number)
        learn(training, batch(noisy / noisy.norm(dim=1, keepdim=True)))
    weight = network.get_parameter(WEIGHT).detach()
    winners = (centres @ weight.T).argmax(1).unique()
    assert len(winners) == 4
    torch.testing.assert_close(weight[winners].norm(dim=1), torch.ones(4, dtype=F64), rtol=0, atol=0.01)


@pytest.mark.parametrize("decay", [0.0, 0.6])
def test_spikes_of_one_winner_a_step_change_weights_as_the_softmax_in_the_mean(decay):
    weight, x = 0.5 * drawn(5, 4, seed=2), drawn(3, 1, 4, seed=3)
    repeated = Batch(x.expand(3, 30_000, 4), torch.zeros(30_000, dtype=torch.int64))
    spiking = layer(nn.Linear(4, 5, bias=False), StochasticWinner(2.0, decay=decay), weight)
    sampled = only_update(SoftHebb(2.0, decay=decay), spiking, repeated).grads[WEIGHT]
    traces = [x[0]]
    for now in x[1:]:
        traces.append(decay * traces[-1] + now)
    soft = layer(nn.Linear(4, 5, bias=False), weight=weight)
    single = Batch(torch.stack(traces), torch.zeros(1, dtype=torch.int64))
    expected = only_update(SoftHebb(2.0), soft, single).grads[WEIGHT]
    assert float((sampled - expected).norm() / expected.norm()) < 0.02


def test_a_cold_competition_is_ojas_rule_of_the_winner():
    weight, x = drawn(5, 4, seed=2), drawn(6, 4, seed=3)
    found = only_update(SoftHebb(1e6), layer(nn.Linear(4, 5, bias=False), weight=weight), batch(x)).grads[WEIGHT]
    expected = torch.zeros_like(weight)
    for sample in x:
        u = weight @ sample
        winner = int(u.argmax())
        expected[winner] -= (sample - u[winner] * weight[winner]) / 6
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_convolution_of_one_pixel_is_a_dense_layer():
    weight, x = drawn(5, 4, seed=2), drawn(6, 4, seed=3)
    dense = only_update(SoftHebb(2.0, "opposed"), layer(nn.Linear(4, 5, bias=False), weight=weight), batch(x))
    conv = layer(nn.Conv2d(4, 5, 1, bias=False), weight=weight.view(5, 4, 1, 1))
    images = only_update(SoftHebb(2.0, "opposed"), conv, batch(x.view(6, 4, 1, 1)))
    torch.testing.assert_close(images.grads[WEIGHT].flatten(1), dense.grads[WEIGHT])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="t_inv is 'hot', expected a number, or one a block"):
        SoftHebb("hot")
    with pytest.raises(ValueError, match="losers 'opposed' needs the shares of all neurons"):
        SoftHebb(losers="opposed").check(layer(nn.Linear(4, 5), StochasticWinner()))
    with pytest.raises(ValueError, match="do not fire and compete anew at every step"):
        SoftHebb(decay=0.5).check(layer(nn.Linear(4, 5)))
    with pytest.raises(ValueError, match="must stand last in a synapse"):
        SoftHebb().check(layer(nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5))))
    with pytest.raises(ValueError, match="expected whole numbers of neurons"):
        HebbianConv(winners=1.5)
    with pytest.raises(ValueError, match="expected fewer winners than neurons"):
        layer(nn.Linear(4, 2), StochasticWinner(winners=2)).run(drawn(1, 3, 4))


def test_thresholds_let_all_maps_win_alike():
    torch.manual_seed(0)
    conv = nn.Conv2d(1, 6, 3)
    network = layer(nn.Sequential(SampleNorm(), conv), Rate(MeanTriangle()))
    rule, images = HebbianConv(), drawn(40, 1, 9, 9)
    choice = OptimizerChoice("hebbian", 0.01, {"scaled": False, "bias_factor": 100.0})
    training = Training.start(network, rule, optimizer=choice, constraints=[IncomingLength(1.0)])

    def wins():
        r = conv(SampleNorm()(images)).detach()
        return ((r > 0) & (r == r.amax(1, keepdim=True))).double().mean((0, 2, 3))

    first = wins()
    for _ in range(150):
        learn(training, batch(images))
    assert wins().std() < 0.3 * first.std()
    torch.testing.assert_close(conv.weight.detach().flatten(1).norm(dim=1), torch.ones(6, dtype=F64))


def test_weights_wait_for_thresholds():
    network = layer(nn.Linear(4, 5))
    rule = HebbianConv(burn_in=2)
    training = Training.start(network, rule)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    for number in range(3):
        learn(training, batch(drawn(6, 4)))
        assert network.get_parameter(WEIGHT).equal(start[WEIGHT]) == (number < 2)
        assert not network.get_parameter("blocks.a.synapse.bias").equal(start["blocks.a.synapse.bias"])


def test_at_most_so_many_fire_and_silence_the_others():
    current = 0.3 + drawn(40, 3, 7).abs()
    for winners in (1, 2):
        neuron = WinnerTakeAllLIF.per_step(0.9, winners=winners)
        state, fired = neuron.initial_state(current[0]), []
        for now in current:
            before = 0.9 * state.v + now
            z, _, state = neuron.step(state, now, HARD)
            some = z.sum(1) > 0
            assert (state.v[some] == 0).all()
            assert state.v[~some].equal(before[~some])
            assert some.equal(before.amax(1) > 1)
            assert (before.amax(1) == (before * z).amax(1))[some].all()
            fired.append(int(z.sum(1).max()))
        assert max(fired) == winners


def test_one_neuron_is_drawn_a_step_with_the_probability_of_the_softmax():
    potential = torch.tensor([0.3, -0.2, 0.9, 0.0], dtype=F64)
    neuron = StochasticWinner(1.5)
    many = potential.expand(40_000, 4)
    z, _, _ = neuron.step(neuron.initial_state(many), many, HARD)
    assert (z.sum(1) == 1).all()
    torch.testing.assert_close(z.mean(0), (1.5 * potential).softmax(0), rtol=0, atol=0.01)


def test_stdp_clusters_with_winners_and_homeostasis():
    """Four patterns of spikes, four neurons of which one fires at a time: each ends with one pattern of its own."""
    network = network_for(
        STDP(),
        "16-8-4",
        seed=1,
        neuron="winner-take-all-lif",
        readout="label-assignment",
        neuron_option={"decay": 0.8},
    )
    rule = STDP(2e-3, 1e-3, homeostasis=ThresholdAdaptation(50.0, 0.5))
    training = Training.start(network, rule, constraints=[IncomingLength(1.0)])
    patterns = torch.eye(4).repeat_interleave(4, 1)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(32) % 4
    for _ in range(60):
        spikes = (torch.rand(20, 32, 16, generator=generator) < 0.6 * patterns[labels] + 0.03).float()
        update = learn(training, Batch(spikes, labels))
    output = network.run(spikes)[0].output.spikes
    network.readout.fit(output.mean(0), labels)
    assert (network(spikes).argmax(1) == labels).float().mean() > 0.9
    assert update.rates["fc1"] == pytest.approx(0.05, abs=0.03)
    assert int(output.sum(2).max()) == 1


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (lambda: HebbianConv(winners=6), "lets 6 neurons win at a place, but block 'a' has 5 there"),
        (lambda: HebbianConv(winners="1/2"), "has 2 winners, one a block, but 1 blocks learn"),
        (lambda: SoftHebb("1/2/3"), "has 3 t_inv, one a block, but 1 blocks learn"),
        (lambda: SoftHebb(True), "t_inv is True, expected a number"),
    ],
)
def test_constants_that_no_block_can_have_are_refused(rule, words):
    with pytest.raises(ValueError, match=words):
        rule().init(layer(nn.Linear(4, 5, bias=False)), torch.Generator())


def test_a_graded_winner_learns_by_no_more_than_fifty():
    network = layer(nn.Linear(3, 2, bias=False), weight=torch.tensor([[1.0, 0, 0], [0, 1.0, 0]], dtype=F64))
    x = torch.tensor([[80.0, 2.0, 1.0], [3.0, 30.0, 2.0]], dtype=F64)
    change = -2 * only_update(HebbianConv("plain", graded=True), network, batch(x)).grads[WEIGHT]
    torch.testing.assert_close(change, torch.stack([50.0 * x[0], 30.0 * x[1]]))

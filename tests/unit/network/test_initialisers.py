"""How weights are drawn: moments, bounds and exact norms, layer by layer."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from spikelearn.network import INITIALISERS, Block, Feedback, Network, RateReadout, build, emstdp_thresholds
from spikelearn.neurons import IF, LIF, LeakyIntegrator
from spikelearn.synapses import SpectralGain, bound_spectral_norm

NAMES = (
    "uniform",
    "kaiming",
    "tssl-bp",
    "unit-norm",
    "orthogonal",
    "emstdp",
    "emstdp-loihi",
    "truncated-normal",
    "normal",
    "ntk",
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def network_of(synapse, neuron=IF, readout=None):
    return Network({"a": Block(synapse, neuron())}, readout=readout)


def drawn(name, network, seed=0, **options):
    INITIALISERS.build(name, options)(network, seeded(seed))
    return network


def moments(weight):
    """Mean, standard deviation and excess kurtosis: 0 for a normal, -1.2 for a uniform distribution."""
    x = weight.detach().double().flatten()
    centred = x - x.mean()
    return float(x.mean()), float(x.std()), float(centred.pow(4).mean() / centred.square().mean() ** 2 - 3.0)


def assert_normal(weight, std):
    mean, found, kurtosis = moments(weight)
    assert abs(mean) < 4 * std / math.sqrt(weight.numel())
    assert found == pytest.approx(std, rel=4 / math.sqrt(2 * weight.numel()))
    assert abs(kurtosis) < 0.3


def assert_uniform(weight, bound):
    mean, found, kurtosis = moments(weight)
    assert weight.abs().max() <= bound
    assert weight.abs().max() > 0.99 * bound
    assert abs(mean) < 4 * bound / math.sqrt(3 * weight.numel())
    assert found == pytest.approx(bound / math.sqrt(3), rel=0.03)
    assert kurtosis == pytest.approx(-1.2, abs=0.1)


LAYERS = {
    "linear": (lambda: nn.Linear(40, 250), 40),
    "conv": (lambda: nn.Conv2d(10, 45, 5), 250),
    "transposed": (lambda: nn.ConvTranspose2d(45, 10, 5), 250),
}


@pytest.fixture(params=LAYERS)
def layer(request):
    make, fan_in = LAYERS[request.param]
    return make(), fan_in


@pytest.mark.parametrize("layer_name", LAYERS)
def test_uniform_is_torchs_default(layer_name):
    make, fan_in = LAYERS[layer_name]
    torch.manual_seed(3)
    default, synapse = make(), make()
    assert not synapse.weight.equal(default.weight)
    drawn("uniform", network_of(synapse), seed=3)
    torch.testing.assert_close(synapse.weight, default.weight)
    torch.testing.assert_close(synapse.bias, default.bias)
    assert_uniform(synapse.weight, 1 / math.sqrt(fan_in))
    assert 0 < synapse.bias.abs().max() <= 1 / math.sqrt(fan_in)


def test_kaiming_is_normal_or_uniform_with_twice_the_fan_in(layer):
    synapse, fan_in = layer
    drawn("kaiming", network_of(synapse))
    assert_normal(synapse.weight, math.sqrt(2 / fan_in))
    assert synapse.bias.abs().max() == 0
    drawn("kaiming", network_of(synapse), distribution="uniform")
    assert_uniform(synapse.weight, math.sqrt(6 / fan_in))
    assert synapse.bias.abs().max() == 0


def test_emstdp_is_normal_with_three_times_the_fan_in(layer):
    synapse, fan_in = layer
    drawn("emstdp", network_of(synapse))
    if isinstance(synapse, nn.Linear):
        assert_normal(synapse.weight, math.sqrt(3 / fan_in))
        assert synapse.bias.abs().max() == 0
    else:
        assert_uniform(synapse.weight, 1 / math.sqrt(fan_in))


@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_tssl_bp_is_normal_where_dense_and_uniform_where_convolutional(layer, scale):
    synapse, fan_in = layer
    drawn("tssl-bp", network_of(synapse), scale=scale)
    if isinstance(synapse, nn.Linear):
        assert_normal(synapse.weight, scale * math.sqrt(2 / fan_in))
    else:
        assert_uniform(synapse.weight, scale / math.sqrt(fan_in))
    assert synapse.bias.abs().max() == 0


def test_the_scale_is_a_factor_on_the_same_numbers(layer):
    synapse, _ = layer
    one = drawn("tssl-bp", network_of(synapse), scale=1.0).blocks["a"].synapse.weight.detach().clone()
    five = drawn("tssl-bp", network_of(synapse), scale=5.0).blocks["a"].synapse.weight.detach()
    torch.testing.assert_close(five, 5 * one)


def test_unit_norm_is_that_of_every_output_unit(layer):
    """The weights that meet one output unit: dim 0 of dense and convolutional layers, dim 1 of transposed ones."""
    synapse, _ = layer
    drawn("unit-norm", network_of(synapse))
    weight = synapse.weight.detach().double()
    units = weight.transpose(0, 1) if isinstance(synapse, nn.ConvTranspose2d) else weight
    norms = torch.stack([unit.flatten().square().sum().sqrt() for unit in units])
    torch.testing.assert_close(norms, torch.ones(len(units), dtype=norms.dtype), rtol=0, atol=1e-6)
    assert synapse.bias.abs().max() == 0
    mean, _, kurtosis = moments(weight)
    assert abs(mean) < 0.01
    assert kurtosis == pytest.approx(-1.2, abs=0.2)


def test_unit_norm_draws_before_it_scales():
    synapse = nn.Linear(3, 2)
    drawn("unit-norm", network_of(synapse), seed=7)
    raw = torch.empty(2, 3).uniform_(-1, 1, generator=seeded(7))
    torch.testing.assert_close(synapse.weight.detach(), raw / raw.norm(dim=1, keepdim=True))


def test_an_output_unit_of_a_transposed_convolution_gets_a_unit_norm():
    """The impulse of one input map summed over maps: every output map has energy 1 over all weights that reach it."""
    synapse = nn.ConvTranspose2d(3, 2, 3, bias=False).double()
    drawn("unit-norm", network_of(synapse))
    impulse = torch.eye(3, dtype=torch.float64).view(3, 3, 1, 1)
    energy = synapse(impulse).square().sum((0, 2, 3))
    torch.testing.assert_close(energy, torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("name", NAMES)
def test_the_readout_is_always_uniform(name):
    network = build("6-50-40", IF, readout="linear")
    drawn(name, network)
    head = network.readout.head
    assert_uniform(head.weight, 1 / math.sqrt(50))
    assert 0 < head.bias.abs().max() <= 1 / math.sqrt(50)


@pytest.mark.parametrize("name", NAMES)
def test_feedback_is_drawn_too(name):
    network = Network(
        {"a": Block(nn.Linear(3, 4), IF())}, {"loop": Feedback("a", "a", nn.Linear(4, 4, bias=False))}
    ).requires_grad_(False)
    network.feedback["loop"].synapse.weight.fill_(999.0)
    drawn(name, network)
    assert network.feedback["loop"].synapse.weight.abs().max() < 999.0


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_and_bias_is_drawn_anew_and_follows_from_the_generator(name):
    def made(seed):
        network = build("8x8-3C3(F3C3)-7-5", IF, readout="linear", spectral_feedback=True)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(7777.0)
        return drawn(name, network, seed=seed)

    one, two, other = made(1), made(1), made(2)
    for key, value in one.state_dict().items():
        assert value.equal(two.state_dict()[key]), key
        assert value.abs().max() < 7777.0, key
        gain = name == "orthogonal" and key.endswith("gain")  # the norm of every orthogonal matrix is 1
        if not gain and (key.endswith("weight") or "parametrizations" in key):
            assert not value.equal(other.state_dict()[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_the_gain_is_restarted_from_the_new_weight(name):
    """From the spectral norm of what was drawn, by power iteration from below; p and q are random unit vectors."""
    synapse = nn.Linear(30, 20, bias=False)
    bound_spectral_norm(synapse)
    network = Network({"a": Block(nn.Linear(3, 20), IF())}, {"loop": Feedback("a", "a", synapse)})
    synapse.parametrizations["weight"].original.data.mul_(100.0)
    drawn(name, network)
    (part,) = [m for m in network.modules() if isinstance(m, SpectralGain)]
    raw = synapse.parametrizations["weight"].original.detach()
    norm = float(torch.linalg.matrix_norm(raw, ord=2))
    assert 0.9 * norm < part.gain.item() <= norm * (1 + 1e-5)
    assert part.left.norm().item() == pytest.approx(1.0, abs=1e-6)
    assert part.right.norm().item() == pytest.approx(1.0, abs=1e-6)
    # Drawn again after the iterations that found the gain: they are not the singular vectors yet.
    assert (part.left @ raw @ part.right).abs().item() < 0.8 * norm


def test_reparametrised_weights_are_drawn_as_such():
    synapse = nn.Linear(40, 40, bias=False)
    bound_spectral_norm(synapse)
    network = Network({"a": Block(nn.Linear(3, 40), IF())}, {"loop": Feedback("a", "a", synapse)})
    drawn("unit-norm", network)
    raw = synapse.parametrizations["weight"].original
    torch.testing.assert_close(raw.detach().norm(dim=1), torch.ones(40))
    assert parametrize.is_parametrized(synapse)


def test_batch_norm_is_left_alone():
    network = build("6-5-4", IF, batch_norm=True)
    drawn("kaiming", network)
    norm = network.blocks["fc1"].synapse[2]
    assert norm.weight.tolist() == [1.0] * 5
    assert norm.bias.tolist() == [0.0] * 5


def test_drawing_leaves_no_gradient_behind():
    network = drawn("unit-norm", build("6-5-4", IF))
    assert all(p.is_leaf and p.requires_grad and p.grad is None for p in network.parameters())


def test_emstdp_thresholds_by_hand():
    """Two hidden layers of fan-in 12 and 3, an output of fan-in 48: sqrt(3 n) = 6, 3 and 12."""
    assert emstdp_thresholds([12, 3, 48], 0.5, 0.1) == pytest.approx(
        [0.5 * 6 / (2 * 3), 0.5 * 3 / (2 * 2), 0.1 * 12 / 2]
    )
    assert emstdp_thresholds([12], 0.5, 0.1) == pytest.approx([0.3])
    assert emstdp_thresholds([12, 12], 1.0, 1.0) == pytest.approx([6 / 4, 3.0])


def test_emstdp_sets_the_thresholds_of_the_blocks():
    """The front end keeps its own: it was trained with it."""
    network = drawn("emstdp", build("8x8-3C3-12-5", lambda: IF(0.7)), hidden=0.8, output=0.2)
    expected = [0.8 * math.sqrt(324) / 4, 0.2 * math.sqrt(36) / 2]
    assert emstdp_thresholds([108, 12], 0.8, 0.2) == pytest.approx(expected)
    assert [b.neuron.v_threshold for b in network.blocks.values()] == pytest.approx([0.7, *expected])


def test_emstdp_thresholds_act():
    network = drawn("emstdp", build("12-1", lambda: IF(inclusive=True), bias=False))
    with torch.no_grad():
        network.get_parameter("blocks.fc1.synapse.1.weight").copy_(torch.full((1, 12), 0.05))
    record, _ = network.run(torch.full((4, 1, 12), 0.25))
    # 0.15 a step against a threshold of 0.1 * 6 / 2 = 0.3.
    assert record["fc1"].spikes.flatten().tolist() == [0.0, 1.0, 0.0, 1.0]


def test_emstdp_loihi_rounds_the_numbers_of_emstdp_to_the_chips_unit(layer):
    synapse, fan_in = layer
    drawn("emstdp-loihi", network_of(synapse), seed=7)
    if not isinstance(synapse, nn.Linear):
        assert_uniform(synapse.weight, 1 / math.sqrt(fan_in))
        return
    raw = torch.empty_like(synapse.weight).normal_(0.0, math.sqrt(3 / fan_in), generator=seeded(7))
    weight = synapse.weight.detach()
    assert weight.equal((255 * raw).round().clamp(-128, 127))
    assert weight.std() > 10
    threshold = math.floor(255 * 0.3 * math.sqrt(3 * fan_in) / 2)
    torch.testing.assert_close(synapse.bias.detach(), torch.full_like(synapse.bias, threshold / 10))
    assert not synapse.bias.requires_grad


def test_emstdp_loihi_sets_thresholds_in_that_unit():
    """Fan-ins 12, 3 and 48: sqrt(3 n) / 2 = 3, 1.5 and 6."""
    network = drawn("emstdp-loihi", build("12-3-48-2", IF), hidden=0.5, output=0.1)
    assert [b.neuron.v_threshold for b in network.blocks.values()] == [382.0, 191.0, 153.0]


def test_emstdp_needs_thresholds():
    with pytest.raises(ValueError, match="'emstdp' sets thresholds, but block 'fc2' is a LeakyIntegrator"):
        drawn("emstdp", build("6-5-4", IF, output=LeakyIntegrator))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tssl-bp", {"scale": 0.0}, "scale is 0.0"),
        ("tssl-bp", {"scale": -1.0}, "scale is -1.0"),
        ("emstdp", {"hidden": 0.0}, "hidden is 0.0"),
        ("emstdp", {"output": -0.1}, "output is -0.1"),
        ("unit-norm", {"scale": 2.0}, "initialiser 'unit-norm' has no option 'scale'"),
        ("kaimin", {}, "unknown initialiser 'kaimin', expected .*did you mean 'kaiming'"),
    ],
)
def test_mistakes_are_named(name, options, message):
    with pytest.raises(ValueError, match=message):
        INITIALISERS.build(name, options)


def test_all_of_them_are_tested_here():
    assert set(INITIALISERS) == set(NAMES)


def test_a_head_inside_a_readout_is_its_own():
    """A dense layer of the readout is not mistaken for one of a block of the same shape."""
    network = Network(
        {"a": Block(nn.Linear(50, 40, bias=False), LIF.per_step())}, readout=RateReadout(nn.Linear(40, 50, bias=False))
    )
    drawn("unit-norm", network)
    torch.testing.assert_close(network.blocks["a"].synapse.weight.detach().norm(dim=1), torch.ones(40))
    assert_uniform(network.readout.head.weight, 1 / math.sqrt(40))


def test_normal_weights_of_all_inputs_add_up_to_the_mean(layer):
    synapse, fan_in = layer
    weight = drawn("normal", network_of(synapse), mean=6.0, std=2.0).blocks["a"].synapse.weight
    assert_normal(weight - 6.0 / fan_in, 2.0 / math.sqrt(fan_in))
    assert not synapse.bias.any()


def test_ntk_divides_standard_normal_numbers_by_the_root_of_the_fan_in():
    network = drawn("ntk", build("100-400-10", IF, readout="linear"), std=1.5)
    (block,) = network.blocks.values()
    layer = block.synapse[-1]
    assert_normal(layer.parametrizations.weight.original, 1.5)
    torch.testing.assert_close(layer.weight, layer.parametrizations.weight.original / 10.0)
    assert not layer.bias.any()
    assert not any(parametrize.is_parametrized(module) for module in network.readout.modules())


def test_ntk_leaves_weights_that_are_reparametrised_otherwise():
    network = drawn("ntk", build("10-8(ws)-3", IF))
    kinds = [type(block.synapse[-1].parametrizations.weight[0]).__name__ for block in network.blocks.values()]
    assert kinds == ["WeightStandardisation", "FanInScale"]


def test_normal_of_each_weight_whatever_the_fan_in(layer):
    synapse, _ = layer
    drawn("normal", network_of(synapse), seed=1, mean=0.8, std=0.05, each=True)
    assert float(synapse.weight.detach().mean()) == pytest.approx(0.8, abs=0.002)
    assert float(synapse.weight.detach().std()) == pytest.approx(0.05, rel=0.03)

import pytest
import torch
from torch import nn

from spikelearn.hardware import IMPAIRMENTS, SubArrays, impair, quantised
from spikelearn.network import build
from spikelearn.seeding import generator_for
from spikelearn.sparsity import global_masks, sparsity_of

from .nets import batch, chain, network

FC1 = "blocks.fc1.synapse.weight"


def generator(seed=0):
    return generator_for(seed, "impairment")


def whole_numbers(layer, highest, seed=0):
    with torch.no_grad():
        drawn = torch.randint(-highest, highest + 1, layer.weight.shape, generator=torch.Generator().manual_seed(seed))
        layer.weight.copy_(drawn)
    return layer


@pytest.mark.parametrize("text", ["prune:sparsity=0.9", "bits:bits=2", "weight-noise:sd=0.3", "device", "adc:bits=2"])
def test_the_network_itself_stays_as_it_is(text):
    net = network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    changed = impair(net, text, generator())
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())
    assert not changed(batch().inputs).equal(net(batch().inputs))
    assert impair(net, text, generator())(batch().inputs).equal(changed(batch().inputs)), "a function of the generator"


def test_prune():
    net = chain(20, 30, 10)
    pruned = impair(net, "prune:sparsity=0.95", generator())
    assert sparsity_of(pruned) == 0.95
    mask = global_masks(net, 0.95)[FC1]
    assert pruned.get_parameter(FC1)[mask].equal(net.get_parameter(FC1)[mask])
    uniform = impair(net, "prune:sparsity=0.5,method=uniform", generator())
    assert float((uniform.get_parameter(FC1) == 0).float().mean()) == 0.5


def test_bits():
    found = impair(network(), "bits:bits=3", generator())
    assert len(found.get_parameter(FC1).unique()) <= 7
    assert found.get_parameter(FC1).equal(quantised(network().get_parameter(FC1).detach(), 3))


def test_weight_noise():
    net = chain(100, 200, 10)
    difference = impair(net, "weight-noise:sd=0.1", generator()).get_parameter(FC1) - net.get_parameter(FC1)
    largest = float(net.get_parameter(FC1).detach().abs().max())
    assert float(difference.detach().std()) == pytest.approx(0.1 * largest, rel=0.05)
    assert float(difference.detach().mean()) == pytest.approx(0.0, abs=0.01 * largest)


def test_ideal_cells_change_nothing():
    net = network()
    ideal = impair(net, "device:d2d=0,on_off=10", generator())
    torch.testing.assert_close(ideal.get_parameter(FC1), net.get_parameter(FC1))


def test_noise_of_cells_grows_with_conductance_and_with_leak():
    """w' - w = 2 max|w| G d2d eps / (1 - 1/R): at w = -max G is 1/R, at w = max it is 1."""
    net = chain(300, 300)
    with torch.no_grad():
        weight = net.get_parameter(FC1)
        weight[:150], weight[150:] = -0.5, 0.5

    def spreads(on_off):
        changed = impair(net, f"device:d2d=0.1,on_off={on_off}", generator()).get_parameter(FC1).detach()
        return float(changed[:150].std()), float(changed[150:].std())

    off, on = spreads(10)
    assert on == pytest.approx(2 * 0.5 * 0.1 / 0.9, rel=0.02)
    assert off == pytest.approx(0.1 * on, rel=0.02)
    off, on = spreads("inf")
    assert off < 1e-6
    assert on == pytest.approx(0.1, rel=0.02)


def test_drift_shrinks_weights_and_its_spread_disturbs_them():
    net = network()
    weight = net.get_parameter(FC1)
    drifted = impair(net, "device:d2d=0,drift=0.05,seconds=1000", generator()).get_parameter(FC1)
    torch.testing.assert_close(drifted, weight * 1000**-0.05)
    spread = impair(net, "device:d2d=0,drift=0.05,drift_sd=0.01,seconds=1000", generator()).get_parameter(FC1)
    assert not torch.allclose(spread, drifted)


@pytest.mark.parametrize("rows", [4, 12, 128])
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_a_converter_with_enough_levels_is_lossless_for_whole_numbers(kind, rows):
    x = (torch.rand(9, 12, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    layer = whole_numbers(nn.Linear(12, 7), 3)
    if kind == "conv":
        x = (torch.rand(9, 2, 6, 6, generator=torch.Generator().manual_seed(1)) < 0.5).float()
        layer = whole_numbers(nn.Conv2d(2, 5, 3, padding=1, stride=2), 3)
    read = SubArrays(layer, bits=7, rows=rows, unit=1.0)
    torch.testing.assert_close(read(x), layer(x))
    assert float((SubArrays(layer, bits=2, rows=rows, unit=1.0)(x) - layer(x)).detach().abs().max()) >= 1.0


def test_levels_by_hand():
    """Sums go from -1 to 5, so two bits have a step of 2: -2 is out of reach of three steps up, 0, 2 and 4 are there."""
    layer = nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, 3.0, -1.0]]))
    read = SubArrays(layer, bits=2)
    assert read.steps == [(2.0, 0)]
    x = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 1, 1]])
    assert read(x).flatten().tolist() == [2.0, 4.0, 4.0, 0.0, 0.0, 4.0]


def test_sub_arrays_are_converted_one_by_one():
    layer = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.4, 0.0, 0.4, 1.0]]))
    x = torch.ones(1, 4)
    whole, halves = SubArrays(layer, bits=1, rows=4), SubArrays(layer, bits=1, rows=2)
    assert float(whole(x)) == pytest.approx(1.8)
    assert [step for step, _ in halves.steps] == pytest.approx([0.4, 1.4])
    x = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    assert float(whole(x)) == 0.0
    assert float(halves(x)) == pytest.approx(0.4)


def test_more_bits_are_nearer():
    net = network()
    x = batch().inputs[0]
    layer = net.blocks["fc1"].synapse
    errors = [float((SubArrays(layer, bits)(x) - layer(x)).detach().abs().mean()) for bits in (2, 4, 6, 8, 12)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3


def test_inputs_of_any_size_and_sign():
    layer = whole_numbers(nn.Linear(12, 7), 3)
    x = 5 * torch.randn(9, 12, generator=torch.Generator().manual_seed(1))
    fine = SubArrays(layer, bits=20)
    torch.testing.assert_close(fine(x), layer(x), rtol=0, atol=1e-2)
    rows = torch.cat([SubArrays(layer, bits=5)(one.unsqueeze(0)) for one in x])
    torch.testing.assert_close(SubArrays(layer, bits=5)(x), rows, msg="a sample's result is its own")


def test_span_clips():
    layer = nn.Linear(8, 1, bias=False)
    nn.init.ones_(layer.weight)
    read = SubArrays(layer, bits=3, span=0.5)
    assert float(read(torch.ones(1, 8))) == pytest.approx(4.0)
    assert float(read(torch.ones(1, 8) * (torch.arange(8) < 2))) == pytest.approx(2.0, abs=4 / 7)


def test_every_layer_of_a_network_is_read():
    net = build("1x6x6-4C3-P2-9-10", readout="linear", batch_norm=True, generator=torch.Generator().manual_seed(0))
    found = impair(net, "adc:bits=12,rows=16", generator())
    arrays = {name for name, module in found.named_modules() if isinstance(module, SubArrays)}
    assert arrays == {"blocks.conv1.synapse.0", "blocks.fc1.synapse.2", "readout.head"}
    inputs = (torch.rand(5, 3, 1, 6, 6, generator=torch.Generator().manual_seed(0)) < 0.5).to(torch.uint8)
    with torch.no_grad():
        torch.testing.assert_close(found.eval()(inputs), net.eval()(inputs), rtol=0, atol=0.1)
    assert not any(isinstance(module, SubArrays) for module in net.modules())


def test_cells_of_few_bits_are_read_without_loss():
    """Weights of three bits are whole multiples of a unit, at most 3: seven bits are enough for 12 of them."""
    net = network()
    bits = impair(net, "bits:bits=3", generator())
    both = impair(net, "adc:bits=7,cell_bits=3", generator())
    x = batch().inputs[0]
    torch.testing.assert_close(both.blocks["fc1"].synapse(x), bits.blocks["fc1"].synapse(x))


def test_several_one_after_the_other():
    net = network()
    both = impair(net, "prune:sparsity=0.5+bits:bits=2", generator())
    expected = impair(impair(net, "prune:sparsity=0.5", generator()), "bits:bits=2", generator())
    assert both.get_parameter(FC1).equal(expected.get_parameter(FC1))
    assert len(IMPAIRMENTS.make_several("device:seconds=1e+5+adc")) == 2


def test_reparametrised_feedback_becomes_ordinary():
    net = build("12-30-30(F30)-5", spectral_feedback=True, generator=torch.Generator().manual_seed(0))
    found = impair(net, "bits:bits=24", generator())
    inputs = batch().inputs
    with torch.no_grad():
        torch.testing.assert_close(found.eval()(inputs), net.eval()(inputs))
    assert "feedback.from_fc2.synapse.weight" in dict(found.named_parameters())
    changed = impair(net, "prune:sparsity=0.5+adc:bits=8", generator())
    assert sparsity_of(changed) == pytest.approx(0.5, abs=1e-3)


def test_transposed_convolutions_cannot_be_read():
    net = build("1x8x8-4C3p-4C3ps2(F4C3u)-10")
    with pytest.raises(ValueError, match="belongs to a ConvTranspose2d, which converters cannot read"):
        impair(net, "adc", generator())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prun:sparsity=0.5", "unknown impairment 'prun'.*did you mean 'prune'"),
        ("prune", "sparsity"),
        ("prune:sparsity=1", "sparsity is 1"),
        ("prune:sparsity=0.5,method=layers", "method is 'layers'"),
        ("bits:bits=1", "bits is 1"),
        ("bits:bits=5+adc:bitz=4", "did you mean 'bits'"),
        ("weight-noise:sd=-1", "sd is -1, expected a number of at least 0"),
        ("device:on_off=1", "on_off is 1, expected a ratio above 1"),
        ("device:seconds=0.5", "seconds is 0.5, expected at least 1"),
        ("adc:rows=0", "rows is 0"),
        ("adc:bits=99", "bits is 99"),
        ("adc:span=1.5", "span is 1.5"),
        ("", "unknown impairment ''"),
    ],
)
def test_what_is_written_is_checked(text, message):
    with pytest.raises(ValueError, match=message):
        impair(network(), text, generator())


def test_what_there_is():
    assert list(IMPAIRMENTS) == ["adc", "bits", "device", "prune", "weight-noise"]

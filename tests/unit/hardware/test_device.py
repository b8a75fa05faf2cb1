import copy

import pytest
import torch

from spikelearn.hardware import HARDWARE, Bits, Curve, Device, quantised, shape_of
from spikelearn.network import build

from .nets import chain, learn_some, network, training

#: Samples of the table in DNN+NeuroSim V2.1: {non-linearity: A_n}.
TABLE = {
    0.01: 126.27, 0.1: 12.626, 0.5: 2.5199, 1.0: 1.2517, 1.46: 0.8487, 1.75: 0.7021, 2.0: 0.6090, 3.0: 0.3868,
    4.0: 0.2691, 5.0: 0.1924, 6.0: 0.1356, 7.0: 0.0901, 9.0: 0.0228,
}  # fmt: skip

FC1 = "blocks.fc1.synapse.weight"


def programmed(hardware, net=None, seed=0):
    hardware.begin(network() if net is None else net, torch.Generator().manual_seed(seed))
    return hardware


def test_shape_meets_the_table_of_the_tool():
    found = shape_of(torch.tensor(list(TABLE), dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor(list(TABLE.values()), dtype=torch.float64), rtol=2e-3, atol=0)
    assert shape_of(-torch.tensor(list(TABLE), dtype=torch.float64)).equal(-found)


@pytest.mark.parametrize("nonlinearity", [0.01, 1.0, 1.75, -1.46, 5.0, -4.0])
def test_the_curve_goes_from_end_to_end(nonlinearity):
    curve = Curve(torch.tensor([nonlinearity], dtype=torch.float64), 32)
    places = torch.arange(33, dtype=torch.float64)
    weights = curve.weight(places)
    assert weights[0] == pytest.approx(-1.0)
    assert weights[-1] == pytest.approx(1.0)
    assert bool((weights.diff() > 0).all())
    torch.testing.assert_close(curve.pulses(weights[:-1]), places[:-1], rtol=0, atol=1e-5)


def test_the_middle_of_the_default_curve():
    curve = Curve(torch.tensor([1.75], dtype=torch.float64), 32)
    assert float(curve.weight(torch.tensor(16.0, dtype=torch.float64))) == pytest.approx(0.342, abs=1e-3)


@pytest.mark.parametrize("nonlinearity", [0.01, 1.75, -1.46, 3.0])
def test_moved_is_there_and_back(nonlinearity):
    curve = Curve(torch.tensor([nonlinearity], dtype=torch.float64), 64)
    weights = torch.linspace(-0.9, 0.8, 9, dtype=torch.float64)
    for pulses in (-3.0, 0.0, 1.0, 5.0):
        expected = curve.weight(curve.pulses(weights) + pulses)
        torch.testing.assert_close(curve.moved(weights, torch.full_like(weights, pulses)), expected)


@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
def test_ideal_cells_write_what_is_wished(rounding):
    device = Device(0.01, 0.01, pulses=2**16, bits=16, c2c=0.0, rounding=rounding, largest=1.0)
    programmed(device)
    drawn = torch.Generator().manual_seed(3)
    old = 0.9 * (2 * torch.rand(30, 12, generator=drawn) - 1)
    new = (old + 0.1 * torch.randn(30, 12, generator=drawn)).clamp(-0.99, 0.99)
    torch.testing.assert_close(device.write(FC1, old, new), new, rtol=0, atol=1e-3)


def test_training_on_ideal_cells_is_sgd():
    """Double precision and one layer: its spikes do not flip for what a cell of 20 bits leaves out."""
    ideal = Device(0.01, 0.01, pulses=2**20, bits=20, c2c=0.0, scale=2.0)
    plain, cells = (
        training(chain(12, 5, gain=0.3).double(), "sgd", 0.1, hardware=hardware) for hardware in (None, ideal)
    )
    learn_some(plain, 0, 5, torch.float64)
    learn_some(cells, 0, 5, torch.float64)
    one, other = (made.network.blocks["fc1"].synapse.weight for made in (plain, cells))
    assert float((one.detach() - chain(12, 5, gain=0.3).blocks["fc1"].synapse.weight).abs().max()) > 0.01
    torch.testing.assert_close(one, other, rtol=0, atol=1e-3)


def test_up_then_down_drifts_to_the_middle_where_the_curves_differ():
    weights = torch.linspace(-0.8, 0.8, 9, dtype=torch.float64)
    one = torch.ones_like(weights)

    def drift(nl_ltp, nl_ltd):
        up, down = (Curve(torch.tensor([nl], dtype=torch.float64), 32) for nl in (nl_ltp, nl_ltd))
        return down.moved(up.moved(weights, one), -one) - weights

    assert float(drift(1.75, 1.75).abs().max()) < 1e-12, "along one curve there is no drift"
    asymmetric = drift(1.75, -1.75)
    assert bool((asymmetric[weights < -0.1] > 0).all())
    assert bool((asymmetric[weights > 0.1] < 0).all())


def test_noise_only_where_something_was_written():
    device = programmed(Device(c2c=0.03, largest=1.0, pulses=256, bits=8))
    old = torch.zeros(30, 12)
    new = old.clone()
    new[:10] = 0.3
    found = device.write(FC1, old, new)
    assert bool((found[10:] == 0).all())
    quiet = Device(c2c=0.0, largest=1.0, pulses=256, bits=8, rounding="nearest")
    without = programmed(quiet).write(FC1, old, new)
    assert float((found[:10] - without[:10]).std()) == pytest.approx(2 * 0.03, rel=0.25)


def test_pulses_are_right_on_average():
    """A wish of a tenth of a pulse, 400,000 times: rounded at random its mean survives, to the nearest it is lost."""
    wish = 0.1 * 2 / 32
    old = torch.zeros(400, 1000)
    for rounding, expected in (("stochastic", wish), ("nearest", 0.0)):
        device = programmed(Device(0.01, 0.01, c2c=0.0, largest=1.0, rounding=rounding))
        assert float(device.write(FC1, old, old + wish).mean()) == pytest.approx(expected, rel=0.05)


def test_pulses_are_counted():
    device = programmed(Device(0.01, 0.01, pulses=32, largest=1.0, rounding="nearest", c2c=0.0))
    old = torch.zeros(30, 12)
    device.write(FC1, old, old + 3 * 2 / 32)
    device.write(FC1, old, old - 2 * 2 / 32)
    assert device.written == 5 * 360


def test_weights_stay_within_the_cells():
    device = programmed(Device(largest=0.5))
    old = torch.full((30, 12), 0.4)
    assert float(device.write(FC1, old, old + 9).max()) <= 0.5 * (1 - 2**-4)
    assert float(device.write(FC1, old, old - 9).min()) >= -0.5 * (1 - 2**-4)


def test_the_first_weights_are_brought_onto_the_grid():
    net = network()
    largest = float(net.blocks["fc1"].synapse.weight.detach().abs().max())
    before = net.blocks["fc1"].synapse.weight.detach().clone()
    device = programmed(Device(scale=2.0), net)
    assert device.limits[FC1] == pytest.approx(2 * largest)
    levels = net.blocks["fc1"].synapse.weight / device.limits[FC1] * 16
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)
    assert float((net.blocks["fc1"].synapse.weight.detach() - before).abs().max()) <= 2 * largest / 16 / 2 + 1e-6


def test_each_cell_has_its_own_curve_for_good():
    net = network()
    device = programmed(Device(d2d=0.5, c2c=0.0, rounding="nearest", pulses=2**12, bits=16, largest=1.0), net)
    spread = device.spread[FC1]
    assert spread.shape == (30, 12)
    assert float(spread.std()) == pytest.approx(0.5, rel=0.15)
    old = torch.zeros(30, 12)
    found = device.write(FC1, old, old + 0.25)
    expected = Curve(1.75 + spread, 2**12).moved(old, torch.full_like(old, 512.0))
    torch.testing.assert_close(found, expected, rtol=0, atol=2**-15 + 1e-6)
    assert float(found.std()) > 0.005


@pytest.mark.parametrize("text", ["device:d2d=0.3,c2c=0.01", "device:nl_ltd=-1.46,rounding=nearest", "bits:bits=5"])
def test_five_and_five_with_a_resume_are_ten(text):
    whole = training(lr=0.1, hardware=HARDWARE.make(text))
    learn_some(whole, 0, 10)
    part = training(lr=0.1, hardware=HARDWARE.make(text))
    learn_some(part, 0, 5)
    state = copy.deepcopy(part.state_dict())
    learn_some(part, 5, 7)
    again = training(network(seed=9), lr=0.1, hardware=HARDWARE.make(text), seed=4)
    again.load_state_dict(state)
    learn_some(again, 5, 10)
    for name, value in whole.network.state_dict().items():
        assert value.equal(again.network.state_dict()[name]), name
    assert whole.hardware.written == again.hardware.written > 0


def test_without_hardware_nothing_is_different():
    plain = training()
    learn_some(plain, 0, 3)
    assert plain.state_dict()["hardware"] is None
    with pytest.raises(ValueError, match="training with hardware NoneType, this one has Device"):
        training(hardware=Device()).load_state_dict(plain.state_dict())


def test_biases_are_digital():
    """With a clamp far below their steps weights cannot move, and biases do."""
    made = training(hardware=Device(largest=1e-6))
    learn_some(made, 0, 5)
    layer = made.network.blocks["fc1"].synapse
    assert float(layer.weight.abs().max()) <= 1e-6
    assert float((layer.bias - network().blocks["fc1"].synapse.bias).abs().max()) > 1e-3


def test_weights_of_zero_have_no_scale():
    net = network()
    torch.nn.init.zeros_(net.blocks["fc2"].synapse.weight)
    with pytest.raises(ValueError, match="blocks.fc2.synapse.weight are all 0.*name it with largest="):
        programmed(Device(), net)
    programmed(Device(largest=0.2), net)


def test_few_bits_at_every_write():
    hardware = programmed(Bits(3, largest=1.0))
    drawn = torch.randn(30, 12, generator=torch.Generator().manual_seed(0))
    found = hardware.write(FC1, torch.zeros(30, 12), drawn)
    assert set(found.unique().tolist()) == {-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75}
    many = hardware.write(FC1, torch.zeros(300, 1000), torch.full((300, 1000), 0.3))
    assert float(many.mean()) == pytest.approx(0.3, rel=0.01)
    nearest = programmed(Bits(3, largest=1.0, rounding="nearest"))
    assert bool((nearest.write(FC1, torch.zeros(30, 12), torch.full((30, 12), 0.3)) == 0.25).all())


def test_quantised_once():
    weight = torch.tensor([-1.0, -0.4, 0.0, 0.2, 0.6])
    assert quantised(weight, 2).tolist() == [-1.0, 0.0, 0.0, 0.0, 1.0]
    torch.testing.assert_close(quantised(weight, 3), torch.tensor([-1.0, -1 / 3, 0.0, 1 / 3, 2 / 3]))
    torch.testing.assert_close(quantised(weight, 24), weight)
    assert quantised(torch.zeros(3), 4).tolist() == [0, 0, 0]
    for bits in range(2, 9):
        assert len(quantised(torch.linspace(-1, 1, 5001), bits).unique()) == 2**bits - 1


def test_convolutions_are_held_too():
    net = build("1x6x6-2C3-P2-10")
    device = programmed(Device(d2d=0.1), net)
    assert set(device.limits) == {"blocks.conv1.synapse.weight", "blocks.fc1.synapse.2.weight"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("devce", "did you mean 'device'"),
        ("device:nl=3", "has no option 'nl'"),
        ("device:nl_ltp=12", "nl_ltp is 12, expected a non-linearity from -9 to 9"),
        ("device:nl_ltd=none", "nl_ltd is 'none', expected a finite number"),
        ("device:c2c=-0.1", "c2c is -0.1, expected a number of at least 0"),
        ("device:pulses=0", "pulses is 0"),
        ("device:bits=1", "bits is 1, expected a whole number of at least 2"),
        ("device:bits=32", "bits is 32, expected at most 24"),
        ("device:rounding=up", "rounding is 'up'"),
        ("device:scale=0", "scale is 0"),
        ("bits:largest=-1", "largest is -1"),
    ],
)
def test_what_is_written_is_checked(text, message):
    with pytest.raises(ValueError, match=message):
        HARDWARE.make(text)

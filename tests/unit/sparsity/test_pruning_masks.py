import pytest
import torch

from spikelearn.network import Network, build, synaptic_weights
from spikelearn.sparsity import global_masks, sparsity_of
from tests.unit.hardware.nets import chain


def gone(masks):
    return sum(int((~mask).sum()) for mask in masks.values())


def test_weights_are_those_of_synapses_and_readout():
    net = build("1x6x6-2C3-P2-7-10", batch_norm=True, readout="linear")
    assert list(synaptic_weights(net)) == [
        "blocks.conv1.synapse.0.weight",
        "blocks.fc1.synapse.2.weight",
        "readout.head.weight",
    ]


def test_feedback_weights_count_too():
    assert "feedback.from_fc2.synapse.weight" in synaptic_weights(build("12-30-30(F30)-5"))


@pytest.mark.parametrize("sparsity", [0.0, 0.29, 0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("method", ["global", "uniform"])
@pytest.mark.parametrize("minimum", [0.0, 0.0005])
def test_so_many_go_exactly(sparsity, method, minimum):
    net = chain(20, 30, 10, 5)
    total = 20 * 30 + 30 * 10 + 10 * 5
    masks = global_masks(net, sparsity, method=method, minimum=minimum)
    assert gone(masks) == int(sparsity * total + 1e-9)
    assert sparsity > 0 or all(bool(mask.all()) for mask in masks.values())


def test_the_smallest_go():
    net = chain(20, 30, 10)
    masks = global_masks(net, 0.7)
    weights = synaptic_weights(net)
    kept = torch.cat([weights[n][m].abs() for n, m in masks.items()])
    lost = torch.cat([weights[n][~m].abs() for n, m in masks.items()])
    assert kept.min() > lost.max()
    # The layers differ in scale, so their shares differ too.
    with torch.no_grad():
        weights["blocks.fc2.synapse.weight"].mul_(10)
    shares = {name: float((~mask).float().mean()) for name, mask in global_masks(net, 0.5).items()}
    assert shares["blocks.fc1.synapse.weight"] > 0.7
    assert shares["blocks.fc2.synapse.weight"] < 0.1


@pytest.mark.parametrize("equal", [False, True])
def test_masks_of_rising_sparsity_are_nested(equal):
    net = chain(20, 30, 10)
    if equal:
        with torch.no_grad():
            for weight in synaptic_weights(net).values():
                weight.copy_(weight.round())
    before = None
    for sparsity in (0.1, 0.33, 0.5, 0.8, 0.95, 0.99):
        masks = global_masks(net, sparsity)
        assert gone(masks) == int(sparsity * 900)
        assert before is None or all(not bool((masks[n] & ~before[n]).any()) for n in masks)
        before = masks


def test_equal_weights_are_parted_evenly():
    """All weights alike: each layer loses its share, for ties go in a random order and not layer after layer."""
    net = chain(30, 30, 30)
    with torch.no_grad():
        for weight in synaptic_weights(net).values():
            weight.fill_(0.5)
    first, second = (float((~mask).float().mean()) for mask in global_masks(net, 0.5).values())
    assert first == pytest.approx(0.5, abs=0.05)
    assert first + second == pytest.approx(1.0)


@pytest.mark.parametrize("minimum", [0.0, 0.02])
def test_the_order_of_layers_changes_nothing(minimum):
    net = chain(16, 16, 16, 16)
    with torch.no_grad():
        net.blocks["fc2"].synapse.weight.copy_(net.blocks["fc2"].synapse.weight.round() * 0.2)
    turned = Network({name: net.blocks[name] for name in ("fc3", "fc1", "fc2")})
    one, other = global_masks(net, 0.8, minimum=minimum), global_masks(turned, 0.8, minimum=minimum)
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)


@pytest.mark.parametrize("sparsity", [0.5, 0.9, 0.95, 0.98])
def test_every_layer_keeps_its_minimum(sparsity):
    net = chain(40, 50, 20, 5)
    with torch.no_grad():
        net.blocks["fc1"].synapse.weight.mul_(100)
        net.blocks["fc2"].synapse.weight.mul_(0.01)
    total, minimum = 2000 + 1000 + 100, 0.005
    least = int(total * minimum)
    without = global_masks(net, 0.9)
    assert int(without["blocks.fc2.synapse.weight"].sum()) == 0, "without a minimum this layer collapses"
    masks = global_masks(net, sparsity, minimum=minimum)
    assert all(int(mask.sum()) >= least for mask in masks.values())
    assert abs(gone(masks) / total - sparsity) < 1 / total


def test_small_layers_keep_all():
    net = chain(40, 50, 20, 1)
    masks = global_masks(net, 0.9, minimum=0.01)
    assert bool(masks["blocks.fc3.synapse.weight"].all())
    assert gone(masks) == int(0.9 * 3020)


def test_a_minimum_as_the_authors_loop_finds_it():
    """The published loop, run on the side with real numbers: rescale, cap, repeat."""
    net = chain(40, 50, 20, 5, seed=3)
    with torch.no_grad():
        net.blocks["fc2"].synapse.weight.mul_(0.3)
    sizes = {name: w.numel() for name, w in synaptic_weights(net).items()}
    total, sparsity, minimum = sum(sizes.values()), 0.8, 0.05
    least = int(total * minimum)
    shares = {n: float((~m).float().mean()) for n, m in global_masks(net, sparsity).items()}
    shares = {n: 0.0 if sizes[n] < least else s for n, s in shares.items()}
    for _ in range(2000):
        now = sum(shares[n] * sizes[n] for n in sizes) / total
        shares = {n: s * sparsity / now for n, s in shares.items()}
        shares = {n: min(s, 1 - least / sizes[n]) if sizes[n] >= least else 0.0 for n, s in shares.items()}
    masks = global_masks(net, sparsity, minimum=minimum)
    for name, mask in masks.items():
        assert int((~mask).sum()) == pytest.approx(shares[name] * sizes[name], abs=1), name


def test_a_minimum_that_cannot_be_met():
    with pytest.raises(ValueError, match="too few for a minimum of 9 in each of 3 layers: lower sparsity or minimum"):
        global_masks(chain(20, 30, 10, 5), 0.99, minimum=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sparsity": 1.0}, r"sparsity is 1.0, expected a number in \[0, 1\)"),
        ({"sparsity": -0.1}, "sparsity is -0.1"),
        ({"sparsity": 0.5, "minimum": 2}, "minimum is 2"),
        ({"sparsity": 0.5, "method": "gobal"}, "did you mean 'global'"),
    ],
)
def test_values_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        global_masks(chain(4, 3, 2), **options)


def test_reparametrised_weights_are_refused():
    net = build("12-30-30(F30)-5", spectral_feedback=True)
    with pytest.raises(ValueError, match="belongs to a reparametrised weight"):
        global_masks(net, 0.5)


def test_share_of_zeros():
    net = chain(10, 10, 10)
    assert sparsity_of(net) == 0.0
    with torch.no_grad():
        net.blocks["fc1"].synapse.weight.zero_()
    assert sparsity_of(net) == 0.5

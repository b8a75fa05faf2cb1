"""Parts of a network that learn each by a head of its own."""

import pytest
import torch

from spikelearn.network import build
from spikelearn.neurons import LIF, Rate
from spikelearn.plasticity import BPTT, BWBPF, Batch, CrossEntropy
from spikelearn.plasticity.gradient.bw_bpf import Seen
from tests.helpers import batch_for, dense, lifted, looped, only_update
from tests.unit.plasticity.test_blockwise import most_saved

F64 = torch.float64


def residual(**options):
    """Two parts of rates, each a convolution and a residual unit behind it, and an output."""
    torch.manual_seed(3)
    return lifted(
        build("4C3p-4C3p-4C3p(=conv1)-MP2-6C3p-6C3p-6C3p(+conv4)-P4-3", Rate, input_shape=(2, 8, 8), **options), 1.0
    )


def start(rule, network):
    return rule.init(network, torch.Generator().manual_seed(1))


def deep(blocks):
    return build("-".join(["6", *["40"] * blocks, "3"]), lambda: LIF.per_step(0.8, reset="subtract")).to(F64)


@pytest.mark.parametrize(
    ("network", "heads", "lower"),
    [
        (dense("6-12-12-7-3"), "fc2", "blocks.fc1. blocks.fc2."),
        (residual(), "conv3", "blocks.conv1. blocks.conv2. blocks.conv3."),
    ],
    ids=["dense", "residual"],
)
def test_a_part_learns_the_same_whatever_stands_above_it(network, heads, lower):
    rule, data, lower = BWBPF(heads=heads), batch_for(network), tuple(lower.split())
    memory = start(rule, network)
    before = only_update(rule, network, data, memory)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.startswith(lower):
                parameter.uniform_(-1.0, 1.0)
    after = only_update(rule, network, data, memory)
    below = [name for name in before.grads if name.startswith(lower)]
    assert all(before.grads[name].equal(after.grads[name]) for name in below)
    assert all(grad.equal(after.own[name]) for name, grad in before.own.items())
    assert not any(grad.equal(after.grads[name]) for name, grad in before.grads.items() if name not in below)


@pytest.mark.parametrize("detach", [True, False])
def test_which_losses_reach_which_part(detach):
    """With the stop the loss of a later part has no way to an earlier one: not a small gradient, none."""
    network = residual()
    rule, data = BWBPF(CrossEntropy(), heads="conv3+conv6", detach=detach), batch_for(network)
    memory = start(rule, network)
    ends = {"conv3": "conv1", "conv6": "conv4", "": "fc1"}
    weights = [next(network.blocks[name].synapse.parameters()) for name in ends.values()]
    with network.presentation():
        for place, (head, value) in enumerate(rule.losses(network, data, memory, Seen())):
            assert head == list(ends)[place]
            grads = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
            reached = [grad is not None and bool(grad.any()) for grad in grads]
            assert reached == [n == place or (n < place and not detach) for n in range(3)]


def test_the_graph_of_one_part_is_kept_at_a_time():
    shallow, network = deep(2), deep(7)
    few, many = (most_saved(net, BWBPF(), batch_for(net)) for net in (shallow, network))
    assert few == many
    assert most_saved(network, BWBPF(detach=False), batch_for(network)) > 2 * many
    assert most_saved(network, BPTT(), batch_for(network)) > 2 * many


@pytest.mark.parametrize(
    ("wanted", "places"),
    [(None, "1 2 3 4 5"), (1, ""), (2, "3"), (3, "2 4"), (4, "1 3 4"), (6, "1 2 3 4 5"), ("fc4+fc1", "1 4")],
)
def test_where_heads_stand(wanted, places):
    network = build("6-8-8-8-8-8-3")
    assert BWBPF(heads=wanted).places.of(network) == tuple(f"fc{place}" for place in places.split())


def test_padding_teaches_nothing():
    network = dense("6-12-9-3")
    data, rule = batch_for(network), BWBPF()
    lengths, memory = torch.tensor([12, 3, 9, 12, 5]), start(rule, network)
    whole = only_update(rule, network, Batch(data.inputs, data.targets, lengths=lengths), memory)
    parts = [
        only_update(rule, network, Batch(data.inputs[:length, n : n + 1], data.targets[n : n + 1]), memory)
        for n, length in enumerate(lengths.tolist())
    ]
    for key in ("grads", "own"):
        for name, grad in getattr(whole, key).items():
            mean = torch.stack([getattr(part, key)[name] for part in parts]).mean(0)
            torch.testing.assert_close(grad, mean, rtol=1e-10, atol=1e-14)


def test_heads_pool_windows():
    network = residual()
    sizes = {0: (4, 6), 3: (4 * 4, 6), 4: (4 * 4, 6)}
    for kernel, (first, second) in sizes.items():
        memory = start(BWBPF(heads="conv3+conv6", pool=f"{kernel}/0"), network)
        assert [memory[f"head_weights.{name}"].shape[1] for name in ("conv3", "conv6")] == [first, second]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"heads": 5}, "heads is 5, but the network has 2 hidden blocks and its output: ask for at most 3"),
        ({"heads": "fc1+fc9"}, "heads names 'fc9', which is no hidden block before the output, expected"),
        ({"heads": "fc3"}, "heads names 'fc3', which is no hidden block"),
    ],
)
def test_heads_that_a_network_has_no_place_for_are_refused(options, words):
    with pytest.raises(ValueError, match=f"^bw-bpf: {words}"):
        BWBPF(**options).check(dense("6-8-7-3"))


def test_what_makes_no_sense_is_refused():
    for options, words in (
        ({"heads": 0}, "heads is 0"),
        ({"heads": "fc1+"}, "names of blocks, each once"),
        ({"heads": "fc1+fc1"}, "names of blocks, each once"),
        ({"pool": -1}, "pool is -1, expected a whole number of pixels"),
        ({"pool": "2/1.5"}, "pool is 1.5, expected a whole number of pixels"),
        ({"detach": "no"}, "detach is 'no'"),
    ):
        with pytest.raises(ValueError, match=words):
            BWBPF(**options)
    with pytest.raises(ValueError, match=r"pools windows of 9 x 9, but what its block sends is \[4, 8, 8\]"):
        start(BWBPF(pool=9), residual())
    with pytest.raises(ValueError, match="has feedback edges"):
        BWBPF().check(looped())

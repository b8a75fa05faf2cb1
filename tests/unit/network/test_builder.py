"""Networks from a string: what the options of ``build`` put where."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from spikelearn.network import INITIALISERS, RateReadout, build
from spikelearn.neurons import IF, LIF, CubaLIF, LeakyIntegrator
from spikelearn.synapses import SpectralGain, SumPool2d

LOOPED = "28x28-4C5s2p2(F4C3)-10"


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def shapes_of(network):
    return {name: tuple(p.shape) for name, p in network.named_parameters()}


def test_feedback_has_its_source_in_its_name_and_the_first_block_as_target():
    network = build("6-5-4(F5)-3")
    assert list(network.feedback) == ["from_fc2"]
    edge = network.feedback["from_fc2"]
    assert (edge.source, edge.target) == ("fc2", "fc1")
    assert isinstance(edge.synapse, nn.Linear)
    assert edge.synapse.weight.shape == (5, 4)
    assert edge.synapse.bias is None


def test_every_marked_layer_sends_feedback_to_the_first():
    network = build("6-5(F5)-4(F5)-3(F5)")
    assert {name: (e.source, e.target) for name, e in network.feedback.items()} == {
        "from_fc1": ("fc1", "fc1"),
        "from_fc2": ("fc2", "fc1"),
        "from_fc3": ("fc3", "fc1"),
    }
    record, _ = network.run(torch.rand(3, 2, 6))
    assert record["fc3"].spikes.shape == (3, 2, 3)


@pytest.mark.parametrize(
    ("text", "shape", "weight"),
    [
        ("4C5s2p2(F4C3)-10", (1, 28, 28), (4, 4, 3, 3)),
        ("4C3p-6C3p(F4C5)-10", (1, 8, 8), (4, 6, 5, 5)),
        ("4C3p-6C3s2p(F4C3u)-10", (1, 8, 8), (6, 4, 3, 3)),
        ("4C3p-P2-6C3p(F4C5u)-10", (1, 8, 8), (6, 4, 5, 5)),
    ],
)
def test_convolutional_feedback_has_the_shape_of_the_first_block(text, shape, weight):
    network = build(text, input_shape=shape)
    (edge,) = network.feedback.values()
    first = next(iter(network.blocks))
    assert edge.target == first
    assert tuple(edge.synapse.weight.shape) == weight
    inputs = torch.rand(3, 2, *shape)
    shapes = network.shapes(inputs[0])
    assert edge.synapse(torch.zeros(2, *shapes[edge.source])).shape[1:] == shapes[first]
    record, _ = network.run(inputs)
    assert record[first].spikes.shape == (3, 2, *shapes[first])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("6-5-4(F5x)-3", r"stands behind 'fc2', but x leaves out .* which only 'fc1' has: write \(F5\)"),
        ("6-5-4(F6)-3", r"feedback from 'fc2' gives a current of shape \[6\].*'fc1' has the shape \[5\]: write its size"),
        ("6-5(F5C3)-3", r"feedback from 'fc1' is no image, write \(F5\)"),
        ("8x8-4C3-5C3s2(F4C3)-3", r"gives a current of shape \[4, 2, 2\], but the first block 'conv1' has the shape \[4, 6, 6\].*and u where"),
        ("8x8-4C3p-5C3s2p(F5C3u)-3", r"gives a current of shape \[5, 8, 8\], but .* \[4, 8, 8\]"),
        ("9x9-4C3p-5C3s2p(F4C3u)-3", r"gives a current of shape \[4, 10, 10\], but .* \[4, 9, 9\]"),
        ("8x8-4C3(F4)-3", r"gives a current of shape \[4\], but .* \[4, 6, 6\]"),
    ],
)  # fmt: skip
def test_feedback_that_does_not_fit_is_named(text, message):
    with pytest.raises(ValueError, match=message) as error:
        build(text)
    assert repr(text) in str(error.value)


def test_delay_stands_on_every_block_but_the_first():
    network = build("6-5-4-3", delay=2)
    assert [block.delay for block in network.blocks.values()] == [0, 2, 2]
    assert [block.delay for block in build("6-5-4-3").blocks.values()] == [0, 0, 0]
    assert [block.delay for block in build("6-5-4-3", delay=1, readout="linear").blocks.values()] == [0, 1]
    with pytest.raises(ValueError, match="delay is -1"):
        build("6-5", delay=-1)


def test_a_delay_of_one_step_shows_in_what_meets_the_weights():
    network = build("3-3-3", lambda: LIF.per_step(0.0), bias=False, delay=1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(2 * torch.eye(3))
    inputs = torch.eye(3).unsqueeze(1)
    record, _ = network.run(inputs)
    assert record["fc1"].spikes.equal(inputs)
    assert record["fc2"].pre.equal(torch.cat([torch.zeros(1, 1, 3), inputs[:2]]))


@pytest.mark.parametrize("output_norm", [True, False])
def test_batch_norm_may_leave_the_output_out(output_norm):
    network = build("6-5-4-3", batch_norm=True, output_norm=output_norm)
    normed = [any(isinstance(m, nn.BatchNorm1d) for m in block.modules()) for block in network.blocks.values()]
    assert normed == [True, True, output_norm]


def test_what_meets_the_weights_is_normalised_by_name():
    network = build("8x8-3C3-P2-7-5", input_norm="mean-square")
    kinds = {name: [type(m).__name__ for m in block.synapse] for name, block in network.blocks.items()}
    assert kinds == {
        "conv1": ["Normalise", "Conv2d"],
        "fc1": ["AvgPool2d", "Flatten", "Normalise", "Linear"],
        "fc2": ["Flatten", "Normalise", "Linear"],
    }
    with pytest.raises(ValueError, match="input_norm is 'norm', expected"):
        build("6-5-3", input_norm="norm")


def test_batch_norm_stands_behind_the_weights_of_blocks_alone():
    network = build("28x28-4C5s2p2(F4C3)-SP2-10-7", batch_norm=True, readout="linear")
    kinds = {name: [type(m).__name__ for m in b.synapse.modules()][1:] for name, b in network.blocks.items()}
    assert kinds == {"conv1": ["Conv2d", "BatchNorm2d"], "fc1": ["SumPool2d", "Flatten", "Linear", "BatchNorm1d"]}
    assert network.blocks["conv1"].synapse[1].num_features == 4
    assert network.blocks["fc1"].synapse[3].num_features == 10
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.feedback.modules())
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.readout.modules())
    assert network(torch.rand(3, 2, 1, 28, 28)).shape == (2, 7)


def test_pools_stand_in_front_with_their_gain():
    network = build("8x8-2C3-SP2x1.5-10")
    pool = network.blocks["fc1"].synapse[0]
    assert isinstance(pool, SumPool2d)
    assert (pool.kernel_size, pool.stride, pool.gain) == (2, 2, 1.5)


def test_bias_is_left_out_everywhere_but_the_readout():
    names = shapes_of(build("6-5(F5)-4-3", bias=False, readout="linear"))
    assert names == {
        "blocks.fc1.synapse.1.weight": (5, 6),
        "blocks.fc2.synapse.1.weight": (4, 5),
        "feedback.from_fc1.synapse.weight": (5, 5),
        "readout.head.weight": (3, 4),
        "readout.head.bias": (3,),
    }


def test_spectral_feedback_is_on_feedback_weights_alone():
    network = build(LOOPED, spectral_feedback=True)
    changed = [name for name, m in network.named_modules() if parametrize.is_parametrized(m)]
    assert changed == ["feedback.from_conv1.synapse"]
    (gain,) = [m for m in network.modules() if isinstance(m, SpectralGain)]
    raw = network.get_parameter("feedback.from_conv1.synapse.parametrizations.weight.original")
    assert gain.left.shape == (4,)
    assert gain.right.shape == (36,)
    assert float(gain.gain.detach()) <= float(torch.linalg.matrix_norm(raw.detach().flatten(1), ord=2)) + 1e-6
    assert not any(isinstance(m, SpectralGain) for m in build(LOOPED).modules())


@pytest.mark.parametrize(
    ("neuron", "decay"),
    [
        (lambda: LIF.per_step(0.95, reset="subtract"), 0.95),
        (lambda: IF(2.0, reset="subtract"), 1.0),
        (lambda: LIF(20e-3, reset="subtract", discretisation="euler"), 0.95),
        (lambda: LIF.per_step(0.95), 1.0),
        (lambda: IF(), 1.0),
    ],
)
def test_decay_of_the_linear_readout_is_that_of_a_subtractive_reset(neuron, decay):
    network = build("6-5-3", neuron, readout="linear")
    assert isinstance(network.readout, RateReadout)
    assert network.readout.decay == pytest.approx(decay, abs=1e-12)
    assert list(network.blocks) == ["fc1"]
    assert shapes_of(network)["readout.head.weight"] == (3, 5)


def test_scores_of_the_linear_readout_by_hand():
    network = build("6-5-3", lambda: LIF.per_step(0.5, reset="subtract"), readout="linear", generator=seeded()).double()
    with torch.no_grad():
        network.blocks["fc1"].synapse[1].weight.mul_(5)
    inputs = torch.rand(4, 2, 6, dtype=torch.float64)
    record, _ = network.run(inputs)
    spikes = record["fc1"].spikes
    assert 0 < spikes.mean() < 1
    rate = (0.125 * spikes[0] + 0.25 * spikes[1] + 0.5 * spikes[2] + spikes[3]) / 1.875
    head = network.readout.head
    torch.testing.assert_close(network(inputs), rate @ head.weight.T + head.bias)


def test_a_linear_readout_of_an_image_is_flattened():
    network = build(LOOPED, readout="linear")
    assert list(network.blocks) == ["conv1"]
    assert shapes_of(network)["readout.head.weight"] == (10, 4 * 14 * 14)
    assert network(torch.rand(3, 2, 1, 28, 28)).shape == (2, 10)


def test_the_other_neuron_of_the_last_block_stands_before_the_linear_readout():
    network = build("6-5-4-3", LIF.per_step, output=lambda: IF(reset="subtract"), readout="linear")
    assert [type(block.neuron).__name__ for block in network.blocks.values()] == ["LIF", "IF"]


@pytest.mark.parametrize("text", ["6-5", "8x8-4C3-P2-5", "6-5-4(F5)", "8x8-3C3-3C3"])
def test_a_string_that_cannot_end_in_a_linear_readout(text):
    with pytest.raises(ValueError, match="does not suit the readout 'linear', which .*: write a layer of neurons"):
        build(text, readout="linear")


def test_another_word_for_the_readout_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="readout"):
        build("6-5", readout="membranes")


def test_the_same_generator_makes_the_same_network():
    torch.manual_seed(0)
    one = build(LOOPED, spectral_feedback=True, batch_norm=True, readout="linear", generator=seeded(3))
    torch.manual_seed(1)
    two = build(LOOPED, spectral_feedback=True, batch_norm=True, readout="linear", generator=seeded(3))
    other = build(LOOPED, spectral_feedback=True, batch_norm=True, readout="linear", generator=seeded(4))
    assert list(one.state_dict()) == list(two.state_dict())
    for name, value in one.state_dict().items():
        assert value.equal(two.state_dict()[name]), name
    drawn = [n for n in one.state_dict() if "synapse" in n or "head" in n]
    drawn = [n for n in drawn if "synapse.1." not in n and not n.endswith(".bias")]
    assert all(not one.state_dict()[n].equal(other.state_dict()[n]) for n in drawn), drawn


def test_without_a_generator_the_global_one_is_taken():
    init = INITIALISERS.build("kaiming", {})
    torch.manual_seed(5)
    one = build("6-5-3", init=init).state_dict()
    torch.manual_seed(5)
    two = build("6-5-3", init=init).state_dict()
    assert all(value.equal(two[name]) for name, value in one.items())
    assert one["blocks.fc1.synapse.1.bias"].abs().max() == 0


def test_an_initialiser_draws_all_blocks():
    network = build("6-5-3", init=INITIALISERS.build("unit-norm", {}), generator=seeded())
    for name in ("fc1", "fc2"):
        weight = network.blocks[name].synapse[1].weight.detach()
        torch.testing.assert_close(weight.norm(dim=1), torch.ones(len(weight)))


@pytest.mark.parametrize("generator", [None, seeded()])
def test_uniform_is_within_the_bounds_of_the_fan_in(generator):
    network = build("8x8-3C3-10", generator=generator)
    for block, fan_in in (("conv1", 9), ("fc1", 108)):
        for name, parameter in network.blocks[block].named_parameters():
            assert parameter.abs().max() <= fan_in**-0.5, (block, name)


def test_input_shape_is_kept_and_checked():
    network = build("64-5", input_shape=(1, 8, 8))
    assert network.input_shape == (1, 8, 8)
    assert network(torch.rand(3, 2, 1, 8, 8)).shape == (2, 5)
    with pytest.raises(ValueError, match=r"expected \[T, B, 1, 8, 8\]"):
        network(torch.rand(3, 2, 64))


def test_a_class_stands_for_its_per_step_form():
    network = build("6-5-3", CubaLIF, output=LeakyIntegrator)
    assert network.blocks["fc1"].neuron.gain_syn == 1.0
    assert network.blocks["fc2"].neuron.gain_mem == 1.0


def test_marks_make_a_graph():
    network = build("6-5-4(<inputs)-3(+fc1)", delay=2)
    assert network.wiring.sources == {"fc1": "inputs", "fc2": "inputs", "fc3": "fc2"}
    assert [block.delay for block in network.blocks.values()] == [0, 0, 2]
    edge = network.feedforward["fc1_to_fc3"]
    assert (edge.source, edge.target, edge.delay) == ("fc1", "fc3", 2)
    assert tuple(edge.synapse.weight.shape) == (3, 5)
    assert edge.synapse.bias is None
    assert network.outputs == ("fc3",)
    assert not network.wiring.chain


def test_images_join_by_a_convolution_of_the_stride_between_them():
    network = build("2x9x9-4C3p-4C3p(=conv1)-8C3sp(+conv1)-5(+conv2)-3")
    edges = network.feedforward
    assert isinstance(edges["conv1_to_conv2"].synapse, nn.Identity)
    shortcut = edges["conv1_to_conv3"].synapse
    assert (tuple(shortcut.weight.shape), shortcut.stride) == ((8, 4, 1, 1), (2, 2))
    assert tuple(edges["conv2_to_fc1"].synapse[1].weight.shape) == (5, 4 * 81)
    record, _ = network.run(torch.rand(3, 2, 2, 9, 9))
    assert record["conv3"].spikes.shape[2:] == (8, 5, 5)


def test_pools_stand_in_front_of_the_block_whatever_it_takes_from():
    network = build("2x8x8-4C3p-6-P2-5C3p(<conv1)-3")
    assert isinstance(network.blocks["conv2"].synapse[0], nn.AvgPool2d)
    assert network.run(torch.rand(3, 2, 2, 8, 8))[0]["conv2"].spikes.shape[2:] == (5, 4, 4)


def test_a_residual_block_is_one_synapse():
    network = build("2x9x9-2R3-4R3s-3", bias=False)
    one, two = network.blocks["res1"].synapse, network.blocks["res2"].synapse
    x = torch.rand(2, 2, 9, 9)
    same = one.second(one.first(x).clamp(min=0)) + x
    torch.testing.assert_close(one(x), same)
    assert isinstance(one.shortcut, nn.Identity)
    assert (tuple(two.shortcut.weight.shape), two(x).shape[1:]) == ((4, 2, 1, 1), (4, 5, 5))
    assert network.run(torch.rand(3, 2, 2, 9, 9))[0]["res2"].spikes.shape[2:] == (4, 5, 5)


def test_what_is_marked_is_read():
    network = build("6-5(out)-4-3(out)", LIF, output=LeakyIntegrator, readout="membrane")
    assert network.outputs == ("fc1", "fc3")
    assert [type(block.neuron) for block in network.blocks.values()] == [LeakyIntegrator, LIF, LeakyIntegrator]
    assert network(torch.rand(4, 2, 6)).shape == (2, 8)
    head = build("6-5(out)-4(out)-3", readout="linear")
    assert head(torch.rand(4, 2, 6)).shape == (2, 3)
    assert tuple(head.readout.head.weight.shape) == (3, 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("6-5(+fc2)-4", r"'fc1' takes from 'fc2', which does not stand before it, expected one of inputs"),
        ("6-5(<fc1)-4", r"'fc1' takes from 'fc1', which does not stand before it"),
        ("6-5-4(=fc1)", r"'fc1' sends \[5\] to 'fc2' of shape \[4\], which cannot add up as it is"),
        ("6-5-5-4(+fc1)(+fc1)", "'fc3' takes from 'fc1' twice"),
        ("2x8x8-4C3p-4C3(+conv1)-3", "no convolution of 1 x 1 leads"),
        ("2x8x8-6-4C3p(<inputs)(+fc1)-3", "no convolution of 1 x 1 leads"),
        ("6-4R3-3", "needs an image"),
    ],
)
def test_a_graph_that_does_not_fit_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        build(text)


def test_a_linear_readout_has_no_marks():
    with pytest.raises(ValueError, match="does not suit the readout 'linear'"):
        build("6-5-3(+inputs)", readout="linear")

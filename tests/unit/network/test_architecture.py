import pytest
from torch import nn

from spikelearn.network import build
from spikelearn.network.architecture import Conv, Dense, Pool, parse
from spikelearn.neurons import LeakyIntegrator


@pytest.mark.parametrize(
    ("text", "shape", "layers"),
    [
        ("784-400-10", (784,), [Dense(400), Dense(10)]),
        ("784-FC300-10FC", (784,), [Dense(300), Dense(10)]),
        (
            "15C5-P2-40C5-P2-300-10",
            None,
            [Conv(15, 5), Pool("average", 2, 2), Conv(40, 5), Pool("average", 2, 2), Dense(300), Dense(10)],
        ),
        ("2x34x34-12C5p1-10", (2, 34, 34), [Conv(12, 5, 1, 1), Dense(10)]),
        ("28x28-64C5s-10", (1, 28, 28), [Conv(64, 5, 2, 0), Dense(10)]),
        ("64C5s3p-10", None, [Conv(64, 5, 3, 2), Dense(10)]),
        ("64c5p2s2-mp3s2-sp2-ap2-10", None, [Conv(64, 5, 2, 2), Pool("max", 3, 2), Pool("sum", 2, 2), Pool("average", 2, 2), Dense(10)]),
        (" 784 - 400 - 10 ", (784,), [Dense(400), Dense(10)]),
    ],
)  # fmt: skip
def test_reads_what_papers_write(text, shape, layers):
    assert parse(text) == (shape, layers)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("15C5-P2-40X5-10", "cannot read '40X5' at character 9"),
        ("784-400-", "cannot read '' at character 9"),
        ("784--10", "cannot read '' at character 5"),
        ("784-0-10", "cannot read '0' at character 5"),
        ("15C5-P0-10", "cannot read 'P0' at character 6"),
        ("15C4p-10", "half an odd kernel"),
        ("15C5s2s3-10", "stands twice"),
        ("15C5-P2", "a network ends in neurons"),
        ("784", "no layer after it"),
        ("", "is empty"),
        ("0-10", "cannot read '0' at character 1"),
        ("784-ten", "cannot read 'ten' at character 5"),
    ],
)
def test_a_wrong_string_says_where(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_builds_the_published_network():
    network = build("15C5-P2-40C5-P2-300-10", input_shape=(1, 28, 28))
    assert list(network.blocks) == ["conv1", "conv2", "fc1", "fc2"]
    weights = [tuple(p.shape) for name, p in network.named_parameters() if name.endswith("weight")]
    assert weights == [(15, 1, 5, 5), (40, 15, 5, 5), (300, 640), (10, 300)]
    assert isinstance(network.blocks["conv2"].synapse[0], nn.AvgPool2d)


def test_the_last_block_may_have_another_neuron():
    network = build("8-6-4", output=LeakyIntegrator)
    assert not network.blocks["fc2"].neuron.fires
    assert network.blocks["fc1"].neuron.fires


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("15C5-10", None, "says nothing of its input"),
        ("1000x1000-999999-10", None, "needs 999,999,000,000 weights, which is too large"),
        ("784-10", (1, 8, 8), "takes 784 input values, the data have 64"),
        ("15C5-10", (64,), "needs an image"),
        ("15C9-10", (1, 8, 8), "larger than the 8 x 8 image"),
        ("4C5-P2-P3-10", (1, 8, 8), "larger than the 2 x 2 image"),
    ],
)
def test_what_does_not_fit_is_named(text, shape, message):
    with pytest.raises(ValueError, match=message):
        build(text, input_shape=shape)

import pytest
import torch
from torch import nn

from spikelearn.network import build
from spikelearn.network.architecture import Back, Conv, Dense, Joined, Pool, Residual, parse
from spikelearn.neurons import LeakyIntegrator
from spikelearn.synapses import correlate, drive


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
        ("8C5r-4C3r2s-10", None, [Conv(8, 5, padding=2, reflected=True), Conv(4, 3, 2, 2, reflected=True), Dense(10)]),
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
        ("15C5pr-10", "'p' pads by zeros and 'r' by the reflected image"),
        ("15C4r-10", "half an odd kernel; write the number, for example r1"),
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


def test_reflected_images_pad_a_convolution_everywhere():
    network = build("1x8x8-4C5r-10", generator=torch.Generator().manual_seed(0))
    record = network.run(torch.rand(3, 2, 1, 8, 8))[0]["conv1"]
    conv = network.blocks["conv1"].synapse
    padded = torch.nn.functional.pad(record.pre[0], (2, 2, 2, 2), mode="reflect")
    current = torch.nn.functional.conv2d(padded, conv.weight, conv.bias)
    torch.testing.assert_close(drive(conv, record.pre)[0], current)
    post = torch.rand(3, 2, 4, 8, 8)
    (expected,) = torch.autograd.grad(drive(conv, record.pre), conv.weight, post)
    torch.testing.assert_close(correlate(conv, record.pre, post)["weight"], expected)


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
        ("4C5r8-10", (1, 8, 8), "reflects 8 pixels of the 8 x 8 image"),
    ],
)
def test_what_does_not_fit_is_named(text, shape, message):
    with pytest.raises(ValueError, match=message):
        build(text, input_shape=shape)


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("784-400(F400)-10", [Dense(400, Back(400)), Dense(10)]),
        ("784-FC400(F400)-10", [Dense(400, Back(400)), Dense(10)]),
        ("784-400-300(F400)-10", [Dense(400), Dense(300, Back(400)), Dense(10)]),
        ("784-400(F400)-300(F400)-10", [Dense(400, Back(400)), Dense(300, Back(400)), Dense(10)]),
        ("784-400-10(F400)", [Dense(400), Dense(10, Back(400))]),
        ("28x28-64C5s2p2(F64C5)-10", [Conv(64, 5, 2, 2, Back(64, 5)), Dense(10)]),
        (
            "3x32x32-96C3-256C3s2p(F96C3u)-10",
            [Conv(96, 3), Conv(256, 3, 2, 1, Back(96, 3, up=True)), Dense(10)],
        ),
        ("28x28-64c5(f64c5U)-10", [Conv(64, 5, back=Back(64, 5, up=True)), Dense(10)]),
        ("28x28-64C5(F7)-10", [Conv(64, 5, back=Back(7)), Dense(10)]),
        ("28x28-4C3-SP2x1.1-10", [Conv(4, 3), Pool("sum", 2, 2, 1.1), Dense(10)]),
        ("28x28-4C3-SP3s1x2-10", [Conv(4, 3), Pool("sum", 3, 1, 2.0), Dense(10)]),
        ("28x28-4C3-SP2x1.-10", [Conv(4, 3), Pool("sum", 2, 2, 1.0), Dense(10)]),
        ("28x28-4C3-SP2-10", [Conv(4, 3), Pool("sum", 2, 2, 1.0), Dense(10)]),
        (" 784 - 400 (F 400 ) -10", [Dense(400, Back(400)), Dense(10)]),
        ("784\t-\n400(F400)\n-10\n", [Dense(400, Back(400)), Dense(10)]),
    ],
)
def test_reads_feedback_and_gains(text, layers):
    assert parse(text)[1] == layers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("784-400(F0)-10", r"cannot read '400\(F0\)' at character 5: feedback needs at least one neuron"),
        ("28x28-64C5(F64C4)-10", r"cannot read '64C5\(F64C4\)' at character 7: .*an odd kernel"),
        ("28x28-64C5(F64C0)-10", r"at character 7: .*an odd kernel"),
        ("28x28-64C5(F0C5)-10", r"at character 7: feedback needs at least one neuron"),
        ("28x28-4C3-P2(F4)-10", r"cannot read 'P2\(F4\)' at character 11: feedback stands behind a dense or conv"),
        ("784-400(F400u)-10", r"cannot read '400\(F400u\)' at character 5: feedback stands behind"),
        ("784-400(F400C5s2)-10", r"at character 5: feedback stands behind"),
        ("784-400(FF400)-10", r"at character 5: feedback stands behind"),
        ("784-400(G400)-10", r"cannot read '400\(G400\)' at character 5: expected 300 or FC300"),
        ("784-400(F400-10", r"cannot read '400\(F400' at character 5: expected"),
        ("784-400()-10", r"cannot read '400\(\)' at character 5: expected"),
        ("784-400(F400)(F400)-10", r"at character 5: expected"),
        ("784-(F400)-10", r"cannot read '' at character 5"),
        ("784-0(F400)-10", r"cannot read '0' at character 5: sizes and strides"),
        ("784-  400(F0) -10", r"cannot read '400\(F0\)' at character 7"),
        ("784-400(F99999999999)-10", r"cannot read '400\(F99999999999\)' at character 5: .*1,000,000"),
        ("28x28-4C3(F4C9999999)-10", r"cannot read '4C3\(F4C9999999\)' at character 7: .*1,000,000"),
        ("28x28-4C3-AP2x1.1-10", r"cannot read 'AP2x1.1' at character 11: only a sum pool has a factor"),
        ("28x28-4C3-P2x1.1-10", r"cannot read 'P2x1.1' at character 11: only a sum pool has a factor"),
        ("28x28-4C3-MP2x2-10", r"at character 11: only a sum pool has a factor"),
        ("28x28-4C3-SP2x0-10", r"cannot read 'SP2x0' at character 11: .*at least"),
        ("28x28-4C3-SP2x-1-10", r"cannot read 'SP2x' at character 11: expected"),
        ("28x28-4C3-SP2x1.1s2-10", r"cannot read 'SP2x1.1s2' at character 11: expected"),
        ("28x28-4C3-SP2s0-10", r"cannot read 'SP2s0' at character 11: sizes and strides must be at least 1"),
        ("28x28-4C3-SP2x1000001-10", r"cannot read 'SP2x1000001' at character 11: sizes go up to 1,000,000"),
        ("28x28-4C0-10", r"cannot read '4C0' at character 7: sizes and strides"),
        ("28x28-4C3s0-10", r"cannot read '4C3s0' at character 7: sizes and strides"),
        ("28x28-4C3p1p1-10", r"cannot read '4C3p1p1' at character 7: the mark .*stands twice"),
        ("28x0-10", r"cannot read '28x0' at character 1: the input needs sizes from 1 to 1,000,000"),
        ("1000001-10", r"cannot read '1000001' at character 1: the input needs sizes"),
        ("784-1000001-10", r"cannot read '1000001' at character 5: sizes go up to 1,000,000"),
        ("   ", "the network string is empty"),
    ],
)
def test_every_mistake_in_marks_says_where(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_a_network_without_feedback_has_none():
    _, layers = parse("784-400-10")
    assert [layer.back for layer in layers] == [None, None]


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("784-400-10(+fc1)", [Dense(400), Dense(10, joined=(Joined("fc1"),))]),
        ("784-400-100(<inputs)-10( + fc1 )", [Dense(400), Dense(100, source="inputs"), Dense(10, joined=(Joined("fc1"),))]),
        ("784-40(F40)(out)-40(=fc1)(+inputs)-10", [
            Dense(40, Back(40), read=True), Dense(40, joined=(Joined("fc1", weights=False), Joined("inputs"))), Dense(10),
        ]),
        ("2x8x8-4R3-8R5s-8R3s3-10", [Residual(4, 3), Residual(8, 5, 2), Residual(8, 3, 3), Dense(10)]),
        ("2x8x8-4C3p-4C3p(=conv1)-10", [Conv(4, 3, 1, 1), Conv(4, 3, 1, 1, joined=(Joined("conv1", weights=False),)), Dense(10)]),
    ],
)  # fmt: skip
def test_reads_marks_of_a_graph(text, layers):
    assert parse(text)[1] == layers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("784-10(<fc1)(<fc2)-10", r"cannot read '10\(<fc1\)\(<fc2\)' at character 5: a layer takes from one place"),
        ("8x8-P2(out)-10", "feedback stands behind .* as do all marks"),
        ("784-40(+)-10", "expected 300"),
        ("784-40(?fc1)-10", "expected 300"),
        ("8x8-4R4-10", "cannot read '4R4' at character 5: a residual block pads by half an odd kernel"),
        ("8x8-4R3s0-10", "sizes and strides must be at least 1"),
    ],
)
def test_a_wrong_mark_says_where(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)

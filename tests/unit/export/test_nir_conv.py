"""Convolutions whose shape nir 1.0 infers wrongly are written as ones that it infers rightly, and map alike."""

import nir
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spikelearn.export import NIR
from spikelearn.export.nir_conv import square_conv
from spikelearn.network import Block, Network
from spikelearn.neurons import LIF

F64 = torch.float64


def pairs(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def convolutions(draw):
    groups = draw(st.integers(1, 3))
    padding = draw(st.one_of(st.just("valid"), st.just("same"), pairs(0, 3), st.integers(0, 2)))
    stride = 1 if padding == "same" else draw(st.one_of(st.integers(1, 2), pairs(1, 3)))
    channels, maps = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    return nn.Conv2d(
        channels,
        maps,
        draw(pairs(1, 5)),
        stride,
        padding,
        dilation=draw(pairs(1, 3)),
        groups=groups,
        bias=draw(st.booleans()),
        dtype=F64,
    )


@settings(max_examples=100, deadline=None)
@given(conv=convolutions(), image=pairs(9, 14))
def test_the_square_one_is_the_same_map_of_the_same_shape(conv, image):
    x = torch.rand(2, conv.in_channels, *image, dtype=F64)
    try:
        expected = conv(x)
    except RuntimeError:
        return  # larger than the image
    # Under "same" an even kernel is padded by a pixel more on the far side, which a pixel more of kernel stands for.
    more = [
        d * (k - 1) % 2 if conv.padding == "same" else 0 for k, d in zip(conv.kernel_size, conv.dilation, strict=True)
    ]
    whole = all(extra == 0 or d == 1 for extra, d in zip(more, conv.dilation, strict=True))
    if not whole or (sum(conv.kernel_size) + sum(more)) % 2:
        with pytest.raises(ValueError, match="two odd sizes or two even ones"):
            square_conv("a", conv)
        return
    weight, padding, _ = square_conv("a", conv)
    assert weight.shape[2] == weight.shape[3]
    found = F.conv2d(x, weight, conv.bias, conv.stride, padding, conv.dilation)
    torch.testing.assert_close(found, expected)
    node = nir.Conv2d(
        image, weight.numpy(), conv.stride, padding, conv.dilation, 1, np.zeros(conv.out_channels, np.float32)
    )
    assert node.output_type["output"].tolist() == list(expected.shape[1:])
    assert node.input_type["input"].tolist() == list(x.shape[1:])


def test_square_kernels_in_one_group_are_left_alone():
    conv = nn.Conv2d(2, 3, 3, (2, 1), (1, 0), dilation=(1, 2))
    weight, padding, notes = square_conv("a", conv)
    assert weight.equal(conv.weight)
    assert (padding, notes) == ((1, 0), ())


def test_zeros_by_hand():
    conv = nn.Conv2d(2, 2, (3, 1), groups=2, bias=False)
    weight, padding, notes = square_conv("a", conv)
    assert weight[:, :, :, 0].abs().sum() == weight[:, :, :, 2].abs().sum() == 0
    assert weight[0, 0, :, 1].equal(conv.weight[0, 0, :, 0])
    assert weight[0, 1].abs().sum() == weight[1, 0].abs().sum() == 0
    assert padding == (0, 1)
    assert len(notes) == 2


@pytest.mark.parametrize(
    ("conv", "message"),
    [
        (nn.Conv2d(1, 2, (2, 3)), "a kernel of 2 x 3"),
        (nn.Conv2d(1, 2, (2, 3), padding="same"), None),
        (nn.Conv2d(1, 2, 2, padding="same", dilation=3), "padding 'same'"),
        (nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), "pads with 'reflect'"),
        (nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), "pads with 'circular'"),
    ],
)
def test_what_cannot_be_made_square_is_refused_by_name(conv, message, tmp_path):
    network = Network({"front": Block(conv, LIF.per_step())})
    write = lambda: NIR().write(network, tmp_path / "a.nir", (1, 9, 9), {})  # noqa: E731
    if message is None:
        write()
        assert nir.read(tmp_path / "a.nir").output_type["output"].tolist() == [2, 9, 9]
        return
    with pytest.raises(ValueError, match=f"block 'front'.*{message}"):
        write()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kernel", [3, (3, 1), (1, 5), (5, 3), (2, 4)])
def test_the_file_has_the_networks_shapes(kernel, tmp_path):
    network = Network({"a": Block(nn.Conv2d(2, 4, kernel, groups=2), LIF.per_step())}, input_shape=(2, 9, 9))
    own = network.run(torch.ones(1, 1, 2, 9, 9))[0]["a"].spikes.shape[2:]
    NIR().write(network, tmp_path / "out.nir", (2, 9, 9), {})
    graph = nir.read(tmp_path / "out.nir")
    assert graph.output_type["output"].tolist() == list(own)
    assert graph.nodes["02_a_neurons"].v_threshold.shape == tuple(own)

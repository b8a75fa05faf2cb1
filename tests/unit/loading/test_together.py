"""Codes side by side: each is what it is alone, with random numbers of its own."""

import pytest
import torch

from spikelearn.loading import BernoulliRate, Direct, Latency, Population, Together
from spikelearn.runs import Settings

PIXELS = torch.linspace(0, 1, 2 * 1 * 4 * 4).view(2, 1, 4, 4)
INDICES = torch.arange(2)
KEY = (0, "train", 0)


def test_each_code_is_what_it_is_alone():
    codes = [BernoulliRate(), Latency(), Population(4)]
    found = Together(codes)(PIXELS, 9, INDICES, KEY)
    assert found.dtype == torch.uint8
    assert found.shape == (9, 2, *Together(codes).shape_of((1, 4, 4))) == (9, 2, 6, 4, 4)
    assert found[:, :, :1].equal(codes[0](PIXELS, 9, INDICES, KEY))
    assert found[:, :, 1:2].equal(codes[1](PIXELS, 9, INDICES, KEY))
    assert found[:, :, 2:].equal(codes[2](PIXELS, 9, INDICES, KEY))


def test_two_random_codes_are_independent():
    grey = torch.full((1, 1, 40, 40), 0.5)
    one, other = Together([BernoulliRate(), BernoulliRate()])(grey, 20, torch.arange(1), KEY).unbind(2)
    agree = (one == other).double().mean()
    assert abs(float(agree) - 0.5) < 0.02  # of 32,000, with a deviation of 0.003


def test_currents_and_spikes_are_numbers():
    found = Together([Direct(), Latency()])(PIXELS, 3, INDICES, KEY)
    assert found.dtype == torch.float32
    assert found[:, :, 0].equal(PIXELS[:, 0].expand(3, 2, 4, 4))


def test_text_joins_codes():
    encoder = Settings(encoder="rate:max_rate=0.5+latency").make_encoder()
    assert isinstance(encoder, Together)
    assert encoder.codes[0].max_rate == 0.5
    assert Settings(encoder="rate+population:neurons=4").sample_shape() == (5, 8, 8)
    with pytest.raises(ValueError, match="encoder_option is of one encoder, and several are joined"):
        Settings(encoder="rate+latency", encoder_option={"max_rate": 0.5}).make_encoder()
    with pytest.raises(ValueError, match="1 code was given"):
        Together([Direct()])

import pytest
import torch

from spikelearn.datasets import Digits
from spikelearn.loading import Loader
from spikelearn.loading.encoders import RegularRate
from spikelearn.neurons import HARD, IF

KEY = (0, "train", 0)


def encoded(pixels, steps, levels=255):
    return RegularRate(levels)(pixels, steps, torch.arange(len(pixels)), KEY)


def test_spikes_by_hand():
    spikes = encoded(torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]).reshape(1, 1, 1, 5), 4, levels=4)
    assert spikes.shape == (4, 1, 1, 1, 5)
    assert spikes[:, 0, 0, 0].T.tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_level_of_a_byte_is_the_formula(dtype):
    """Also 60, 120, 153 and 240, where sums of floating-point intensities go wrong."""
    spikes = encoded((torch.arange(256) / 255).to(dtype).reshape(1, 1, 16, 16), 40).flatten(1)
    assert spikes.dtype == torch.uint8
    for k in range(256):
        expected = [float(k * (t + 1) // 255 > k * t // 255) for t in range(40)]
        assert spikes[:, k].tolist() == expected
        assert spikes[:20, k].sum() == 20 * k // 255


def test_is_an_integrate_and_fire_neuron():
    pixels = torch.arange(17).double().reshape(1, 1, 1, 17) / 16  # exact in binary
    neuron, state, spikes = IF(reset="subtract", inclusive=True), None, []
    state = neuron.initial_state(pixels)
    for _ in range(30):
        z, _, state = neuron.step(state, pixels, HARD)
        spikes.append(z)
    assert encoded(pixels, 30, levels=16).equal(torch.stack(spikes))


def test_a_longer_sequence_begins_as_the_shorter():
    pixels = torch.rand(3, 1, 4, 4)
    assert encoded(pixels, 30)[:12].equal(encoded(pixels, 12))


def test_in_a_loader():
    inputs, _ = Loader(Digits("test"), 16, 10, encoder=RegularRate(16)).load(torch.arange(10))
    assert inputs.sum(0).equal(16 * Digits("test").pixels(torch.arange(10)))


@pytest.mark.parametrize("pixel", [-0.1, 1.1])
def test_refuses_other_intensities(pixel):
    with pytest.raises(ValueError, match=r"expected intensities in \[0, 1\]: scale the data"):
        encoded(torch.full((1, 1, 2, 2), pixel), 5)


@pytest.mark.parametrize("levels", [0, 2.5])
def test_refuses_other_levels(levels):
    with pytest.raises(ValueError, match="levels is .*, expected a whole number of at least 1"):
        RegularRate(levels)


def test_refuses_no_steps():
    with pytest.raises(ValueError, match="n_steps is 0"):
        encoded(torch.zeros(1, 1, 2, 2), 0)

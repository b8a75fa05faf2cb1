"""Codes are even: every step, and every rate, has its share of the intensities, in every type of the pixels."""

from fractions import Fraction

import pytest
import torch

from spikelearn.loading import ZCA, BernoulliRate, CommonThreshold, Latency, RegularRate
from spikelearn.neurons import HARD, IF

KEY = (0, "train", 0)


def grey(levels, dtype=torch.float32):
    return (torch.arange(levels + 1).double() / levels).to(dtype).reshape(1, 1, 1, -1)


def steps_of(encoder, pixels, steps):
    spikes = encoder(pixels, steps, torch.tensor([0]), KEY)[:, 0, 0, 0]
    assert spikes.sum(0).max() <= 1
    return [column.nonzero().flatten().tolist() for column in spikes.T]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7, 9, 10, 16, 25, 100, 255, 300])
@pytest.mark.parametrize("levels", [1, 16, 255])
def test_latency_is_even(levels, steps, dtype):
    """Step floor((1 - x) T) of whole numbers; black, the last of all, never spikes."""
    found = steps_of(Latency(0.0), grey(levels, dtype), steps)
    assert found == [[]] + [[(levels - k) * steps // levels] for k in range(1, levels + 1)]
    shares = torch.tensor([min((levels - k) * steps // levels, steps - 1) for k in range(levels + 1)]).bincount(
        minlength=steps
    )
    assert shares.max() - shares.min() <= 1


def test_latency_of_the_grey_levels_of_the_digits():
    found = torch.tensor([steps[0] for steps in steps_of(Latency(), grey(16), 9)[1:]]).bincount(minlength=9)
    assert found.tolist() == [2, 2, 2, 2, 1, 2, 2, 2, 1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("encoder", [BernoulliRate(), CommonThreshold(), RegularRate()])
def test_intensity_1_spikes_at_every_step_and_0_at_none(encoder, dtype):
    pixels = torch.tensor([0.0, 1.0], dtype=dtype).reshape(1, 1, 1, 2)
    assert encoder(pixels, 20_000, torch.tensor([0]), KEY).sum(0).flatten().tolist() == [0, 20_000]


@pytest.mark.parametrize(("levels", "shares"), [(8, [1] + [2] * 8), (16, [1] * 17), (2, [4, 8, 5])])
def test_fewer_levels_than_the_pixels_have_are_shared_evenly(levels, shares):
    """Halves go up: of 17 grey levels two fall on every one of 8, where rounding to even gave one and three."""
    counts = RegularRate(levels)(grey(16), levels, torch.tensor([0]), KEY).sum(0).flatten()
    assert counts.bincount().tolist() == shares


@pytest.mark.parametrize("threshold", [0.5, 0.8, 1.0, 1.7, 2.0, 3])
@pytest.mark.parametrize("levels", [16, 255])
def test_a_threshold_by_hand(levels, threshold):
    """An integrate-and-fire neuron in fractions, intensities above the threshold included."""
    spikes = RegularRate(levels, threshold)(grey(levels), 40, torch.tensor([0]), KEY)[:, 0, 0, 0]
    for k in range(levels + 1):
        charge, limit, expected = Fraction(0), Fraction(str(threshold)), []
        for _ in range(40):
            charge += Fraction(k, levels)
            expected.append(int(charge >= limit))
            charge -= limit * expected[-1]
        assert spikes[:, k].tolist() == expected


def test_a_threshold_is_that_of_a_neuron():
    pixels = grey(16, torch.float64)
    neuron = IF(v_threshold=0.75, reset="subtract", inclusive=True)
    state, expected = neuron.initial_state(pixels), []
    for _ in range(30):
        spikes, _, state = neuron.step(state, pixels, HARD)
        expected.append(spikes)
    assert RegularRate(16, 0.75)(pixels, 30, torch.tensor([0]), KEY).equal(torch.stack(expected))


@pytest.mark.parametrize(("threshold", "spikes"), [(1e-12, 50), (1e300, 0)])
def test_thresholds_at_the_ends(threshold, spikes):
    found = RegularRate(threshold=threshold)(grey(2), 50, torch.tensor([0]), KEY).sum(0).flatten()
    assert found.tolist() == [0, spikes, spikes]


@pytest.mark.parametrize("threshold", [0, -1.0, float("nan"), float("inf"), "1", True])
def test_thresholds_that_are_none(threshold):
    with pytest.raises(ValueError, match="threshold is .*, expected a positive number"):
        RegularRate(threshold=threshold)


def test_whitened_images_have_the_covariance_of_noise():
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(12, 12, generator=generator, dtype=torch.float64)
    images = (torch.randn(400, 12, generator=generator, dtype=torch.float64) @ mixing).view(400, 3, 2, 2)
    encoder = ZCA(epsilon=0.0, standardised=False)
    with pytest.raises(ValueError, match="has seen none"):
        encoder(images, 2, torch.arange(400), KEY)
    encoder.fit(images)
    white = encoder(images, 2, torch.arange(400), KEY)
    assert white.shape == (2, 400, 3, 2, 2)
    assert white.stride(0) == 0
    torch.testing.assert_close(white[0].flatten(1).T.cov(), torch.eye(12, dtype=torch.float64))
    # The whitening is symmetric: of all, it changes images least.
    rows = images.flatten(1)
    transform = torch.linalg.lstsq(rows - rows.mean(0), white[0].flatten(1)).solution
    torch.testing.assert_close(transform, transform.T)
    with pytest.raises(ValueError, match="an image has shape"):
        encoder(images[:, :2], 2, torch.arange(400), KEY)


def test_whitening_looks_at_so_many_images_and_standardises_each():
    images = torch.rand(40, 1, 3, 3)
    encoder, half = ZCA(20), ZCA(100)
    encoder.fit(images)
    half.fit(images[::2])
    one, other = (made(images, 1, torch.arange(40), KEY) for made in (encoder, half))
    torch.testing.assert_close(one, other)
    brighter = encoder(0.2 + 0.5 * images, 1, torch.arange(40), KEY)
    torch.testing.assert_close(one, brighter, rtol=1e-3, atol=1e-3)

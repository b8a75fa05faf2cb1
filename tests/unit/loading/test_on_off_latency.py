"""Contrasts by on- and off-centre cells, in the order of their strength."""

import pytest
import torch

from spikelearn.loading.encoders import OnOffLatency

KEY = (0, "train", 0)


def encoded(encoder, pixels, steps):
    return encoder(pixels, steps, torch.arange(len(pixels)), KEY)


def test_the_filter_sees_no_even_area_and_peaks_at_one():
    kernel = OnOffLatency().kernel()
    assert abs(float(kernel.sum())) < 1e-12
    assert float(kernel.max()) == float(kernel[3, 3]) == 1.0
    # Values at the centre and one pixel away, less those at two, by the two Gaussians.
    at = [
        float(torch.exp(torch.tensor(-(r**2) / 2))) - float(torch.exp(torch.tensor(-(r**2) / 8))) / 4 for r in (0, 1, 2)
    ]
    found = [float(kernel[3, 3 + r]) for r in (0, 1, 2)]
    assert (found[0] - found[1]) / (found[0] - found[2]) == pytest.approx((at[0] - at[1]) / (at[0] - at[2]), rel=1e-6)


def test_steps_have_equally_many_spikes_and_the_strongest_come_first():
    pixels = torch.rand(3, 1, 12, 11, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    encoder = OnOffLatency(threshold=0.05)
    spikes = encoded(encoder, pixels, 5)
    assert spikes.shape == (5, 3, 2, 12, 11)
    assert spikes.dtype == torch.uint8
    assert int(spikes.sum(0).max()) == 1
    counts = spikes.long().sum((2, 3, 4))
    assert int((counts.amax(0) - counts.amin(0)).max()) <= 1
    contrast = torch.nn.functional.conv2d(pixels, encoder.kernel().view(1, 1, 7, 7), padding=3)
    cells = torch.cat([contrast, -contrast], 1)
    assert spikes.sum(0).bool().equal(cells > 0.05)
    for earlier, later in zip(spikes[:-1].bool(), spikes[1:].bool(), strict=True):
        for sample in range(3):
            assert cells[sample][earlier[sample]].min() >= cells[sample][later[sample]].max()


def test_an_even_image_is_silent():
    assert not encoded(OnOffLatency(), torch.zeros(1, 1, 9, 9), 4).any()


def test_shape_of_colour_images():
    encoder = OnOffLatency()
    assert encoder.shape_of((3, 9, 9)) == (6, 9, 9)
    assert encoded(encoder, torch.rand(2, 3, 9, 9), 4).shape == (4, 2, 6, 9, 9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma_centre": 0.0}, "sigma_centre is 0.0"),
        ({"sigma_surround": -1.0}, "sigma_surround is -1.0"),
        ({"sigma_centre": 2.0}, "a surround that is wider"),
        ({"size": 6}, "expected an odd size"),
        ({"threshold": 2.0}, "threshold is 2.0"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        OnOffLatency(**options)


def test_samples_that_are_no_images():
    with pytest.raises(
        ValueError, match=r"samples have shape \[12\], expected images \[C, H, W\]: choose another code"
    ):
        encoded(OnOffLatency(), torch.rand(2, 12), 4)

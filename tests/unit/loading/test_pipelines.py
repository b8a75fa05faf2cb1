"""Transforms ahead of codes: each stage is what it is alone, and all of it can be said in text."""

import math

import pytest
import torch

from spikelearn.cli.app import run
from spikelearn.loading import (
    ZCA,
    BernoulliRate,
    CentreSurround,
    CommonThreshold,
    Direct,
    Gamma,
    Invert,
    Latency,
    Pipeline,
    Population,
    ReceptiveFields,
    Stretch,
    Together,
    encoder_from,
)
from spikelearn.runs import Settings

PIXELS = torch.linspace(0, 1, 2 * 3 * 5 * 4).view(2, 3, 5, 4)
INDICES = torch.arange(2)
KEY = (0, "train", 0)
TRANSFORMS = [Gamma(0.5), Gamma(2.0), Invert(), Stretch(), ReceptiveFields(4), CentreSurround()]


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.name)
@pytest.mark.parametrize("code", [Latency(), BernoulliRate(0.5), Population(4)], ids=lambda code: code.name)
def test_the_code_sees_what_the_transform_gives(transform, code):
    changed = transform.transform(PIXELS)
    assert changed.dtype == PIXELS.dtype
    assert 0 <= changed.min() <= changed.max() <= 1
    pipeline = Pipeline([transform, code])
    found = pipeline(PIXELS, 8, INDICES, KEY)
    assert found.equal(code(changed, 8, INDICES, KEY))
    assert tuple(found.shape[2:]) == pipeline.shape_of((3, 5, 4))
    assert transform(PIXELS, 6, INDICES, KEY).equal(changed.expand(6, *changed.shape))
    alone = pipeline(PIXELS[1:], 8, INDICES[1:], KEY)
    assert alone.equal(found[:, 1:])


@pytest.mark.parametrize("transform", [Gamma(0.5), Gamma(3.0), Invert()], ids=lambda transform: transform.name)
def test_transforms_are_read_back(transform):
    torch.testing.assert_close(transform.decoded(transform.transform(PIXELS)), PIXELS, atol=1e-6, rtol=0)


def test_stretched_images_go_from_0_to_1():
    image = torch.tensor([[0.2, 0.3, 0.7], [0.4, 0.4, 0.4]]).view(2, 1, 1, 3)
    expected = torch.tensor([[0.0, 0.2, 1.0], [0.0, 0.0, 0.0]]).view(2, 1, 1, 3)
    torch.testing.assert_close(Stretch().transform(image), expected)


def test_fields_and_a_latency_are_the_population():
    steps = 200
    found = Pipeline([ReceptiveFields(6), Latency(0.1)])(PIXELS.double(), steps, INDICES, KEY)
    assert found.equal(Population(6, threshold=0.1)(PIXELS.double(), steps, INDICES, KEY))


def test_the_surround_is_a_difference_of_gaussians():
    """One bright pixel far from the edge is answered by the kernel itself; an even image by nothing."""
    image = torch.zeros(1, 1, 31, 31, dtype=torch.float64)
    image[0, 0, 15, 15] = 1.0
    on, off = CentreSurround(1.0, surround=2.0).transform(image)[0]

    def mean(x, y, sigma):
        reach = round(3 * sigma + 0.5)
        weights = [math.exp(-k * k / (2 * sigma**2)) for k in range(-reach, reach + 1)]
        of = [math.exp(-z * z / (2 * sigma**2)) / sum(weights) if abs(z) <= reach else 0.0 for z in (x, y)]
        return of[0] * of[1]

    most = mean(0, 0, 1.0) - mean(0, 0, 2.0)
    for x in range(-9, 10):
        for y in range(-9, 10):
            expected = (mean(x, y, 1.0) - mean(x, y, 2.0)) / most
            assert float(on[15 + y, 15 + x] - off[15 + y, 15 + x]) == pytest.approx(expected, abs=1e-12)
    assert on.max() == 1.0
    assert not CentreSurround().transform(torch.full((1, 1, 7, 9), 0.6)).any()


def test_text_says_pipelines_and_codes_side_by_side():
    encoder = encoder_from("gamma:power=2/invert/latency:threshold=0.2+population:neurons=4")
    assert isinstance(encoder, Together)
    first, second = encoder.codes
    assert [type(stage) for stage in (*first.transforms, first.code)] == [Gamma, Invert, Latency]
    assert first.code.threshold == 0.2
    assert isinstance(second, Population)
    assert encoder(PIXELS, 5, INDICES, KEY).shape == (5, 2, 3 + 12, 5, 4)
    assert Settings(encoder="centre-surround/latency").sample_shape() == (2, 8, 8)
    assert isinstance(encoder_from("rate", {"max_rate": 0.5}), BernoulliRate)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("delta/latency", {}, "delta gives a sequence, behind which no encoder can stand"),
        ("gamma/latency", {"threshold": 0.5}, "encoder_option is of one encoder, and several are joined"),
        ("gamma/nothing", {}, "unknown encoder 'nothing'"),
        ("centre-surround:surround=0.5", {}, "surround is 0.5 pixels, expected more than the centre's 1.0"),
    ],
)
def test_what_cannot_be_joined(text, options, words):
    with pytest.raises(ValueError, match=words):
        encoder_from(text, options)


def test_a_pipeline_needs_two_stages_and_intensities():
    with pytest.raises(ValueError, match="1 stage was given"):
        Pipeline([Gamma()])
    with pytest.raises(ValueError, match="expected intensities"):
        Pipeline([Gamma(), Direct()])(2 * PIXELS, 3, INDICES, KEY)


def test_what_learns_of_images_sees_the_transformed():
    alone, pipeline = ZCA(), Pipeline([Gamma(2.0), ZCA()])
    images = torch.rand(50, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    alone.fit(images**2)
    pipeline.fit(images)
    assert pipeline.samples == alone.samples
    assert pipeline(images, 2, torch.arange(50), KEY).equal(alone(images**2, 2, torch.arange(50), KEY))


def test_currents_and_times_are_read_back():
    direct = Direct(2.0, mean=0.3, std=0.4)
    torch.testing.assert_close(direct.decoded(direct(PIXELS, 3, INDICES, KEY)), PIXELS)
    pixels = PIXELS.double()
    heard = pixels > 0.01
    read = Latency().decoded(Latency()(pixels, 40, INDICES, KEY))
    assert ((read - pixels)[heard] >= -1e-9).all()
    assert ((read - pixels)[heard] <= 1 / 40).all()
    assert not read[~heard].any()
    exact = Latency(exact=True)
    torch.testing.assert_close(exact.decoded(exact(pixels, 40, INDICES, KEY))[heard], pixels[heard])


@pytest.mark.parametrize(
    ("encoder", "most"), [(BernoulliRate(0.6), 0.6), (CommonThreshold(), 1.0)], ids=["rate", "common"]
)
def test_rates_are_the_intensity(encoder, most):
    steps, pixels = 20_000, torch.linspace(0, 1, 9).view(1, 1, 1, 9)
    rates = encoder(pixels, steps, INDICES[:1], KEY)[:, 0].double().mean(0)[0, 0]
    chance = most * pixels[0, 0, 0].double()
    assert ((rates - chance).abs() <= 4.5 * (chance * (1 - chance) / steps).sqrt()).all()


def test_the_command_takes_a_pipeline(tmp_path):
    words = (
        "train --encoder centre-surround/latency --net 2x8x8-10 --steps 4 --epochs 1 --data-fraction 0.02 --batch 16"
    )
    assert run([*words.split(), "--validation", "0", "--out", str(tmp_path / "run")]) == 0

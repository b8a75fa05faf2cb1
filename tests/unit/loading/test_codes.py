"""Poisson rates, phases, populations, changes and saccades: their inverses, or what they are expected to count."""

import math

import pytest
import torch

from spikelearn.cli.app import run
from spikelearn.loading import Delta, Phase, PoissonRate, Population, Saccades

KEY, ONE = (0, "train", 0), torch.tensor([0])


def grey(levels):
    return (torch.arange(levels + 1) / levels).double().reshape(1, 1, 1, -1)


def test_poisson_spikes_with_the_chance_of_at_least_one_event():
    """And steps are independent: the counts of pairs of steps are those of the squared chance."""
    steps, pixels = 40_000, grey(4)
    spikes = PoissonRate(400.0, dt=2e-3)(pixels, steps, ONE, KEY)[:, 0, 0, 0].double()
    chance = 1.0 - torch.exp(-400.0 * 2e-3 * pixels[0, 0, 0])
    error = 4.5 * (chance * (1 - chance) / steps).sqrt()
    assert ((spikes.mean(0) - chance).abs() <= error).all()
    pairs = (spikes[1:] * spikes[:-1]).mean(0)
    assert ((pairs - chance**2).abs() <= 0.02).all()
    assert spikes[:, 0].sum() == 0


@pytest.mark.parametrize("bits", [1, 3, 8, 16])
def test_phases_are_the_bits_of_the_intensity(bits):
    pixels = grey(255)
    spikes = Phase(bits)(pixels, 2 * bits + 1, ONE, KEY)
    assert spikes.dtype == torch.uint8
    level = (pixels * 2**bits).long().clamp(max=2**bits - 1)
    assert Phase(bits).decoded(spikes).equal(level.double() / 2**bits)
    assert spikes[bits : 2 * bits].equal(spikes[:bits])
    assert spikes[-1].equal(spikes[0])
    for k, word in enumerate(level.flatten().tolist()):
        assert "".join(str(int(spike)) for spike in spikes[:bits, 0, 0, 0, k]) == f"{word:0{bits}b}"


def test_weighted_phases_sum_to_the_intensity_in_every_period():
    pixels = grey(255).float()
    currents = Phase(8, weighted=True)(pixels, 24, ONE, KEY)
    level = (pixels.double() * 256).long().clamp(max=255)
    for period in currents.split(8):
        assert period.double().sum(0).equal(level / 256)
    assert currents.dtype == torch.float32


@pytest.mark.parametrize("rate", [False, True])
@pytest.mark.parametrize("neurons", [4, 8, 16])
def test_a_population_is_read_back(neurons, rate):
    encoder = Population(neurons, rate=rate, threshold=0.05)
    pixels = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    spikes = encoder(pixels, 200, torch.tensor([0, 1]), KEY)
    assert spikes.shape == (200, 2, 3 * neurons, 4, 5)
    assert tuple(spikes.shape[2:]) == encoder.shape_of((3, 4, 5))
    assert (encoder.decoded(spikes) - pixels).abs().max() < 0.5 / (neurons - 2)
    if not rate:
        assert spikes.sum(0).max() == 1


def test_a_population_by_hand():
    """Of a neuron at its centre the answer is 1, a field's width away exp(-1/2)."""
    encoder = Population(6, beta=1.5)
    centre = (3 - 1.5) / 4
    answers = encoder.answers(torch.tensor([centre, centre + 1 / (1.5 * 4)]).reshape(1, 1, 1, 2))[0, 0, 2, 0]
    assert answers.tolist() == pytest.approx([1.0, math.exp(-0.5)], rel=1e-6)
    spikes = encoder(torch.tensor(centre).reshape(1, 1, 1, 1), 10, ONE, KEY)[:, 0, :, 0, 0]
    assert spikes[:, 2].nonzero().flatten().tolist() == [0]
    answer = [math.exp(-0.5 * ((centre - (i - 1.5) / 4) * 6) ** 2) for i in range(1, 7)]
    expected = [[math.floor((1 - a) * 10)] if a >= 0.1 else [] for a in answer]
    assert [column.nonzero().flatten().tolist() for column in spikes.T] == expected


@pytest.mark.parametrize("threshold", [0.05, 0.1, 0.3])
def test_changes_add_up_to_what_is_shown(threshold):
    encoder, pixels, steps = Delta(threshold), grey(16), 200
    spikes = encoder(pixels, steps, ONE, KEY)
    assert spikes.shape == (steps, 1, 2, 1, 17)
    phase = torch.arange(1, steps + 1).double() / steps
    shown = (0.5 * (1 - torch.cos(2 * torch.pi * phase))).view(-1, 1, 1, 1, 1) * pixels
    assert (encoder.decoded(spikes) - shown).abs().max() < threshold * (1 + 1e-9)
    assert spikes[:, 0, 0].sum(0).flatten().tolist() == [int(k / 16 / threshold + 1e-9) for k in range(17)]
    assert (spikes.sum(2) <= 1).all()


def test_saccades_end_where_they_began():
    """Crossings up and down balance: a pixel's log intensity comes back to within one contrast."""
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 3:6, 4:6] = 1.0
    encoder = Saccades(0.3, amplitude=3.0)
    spikes = encoder(image, 300, ONE, KEY)
    assert spikes.shape == (300, 1, 2, 9, 9)
    off, on = spikes[:, 0, 0].int().sum(0), spikes[:, 0, 1].int().sum(0)
    assert (on - off).abs().max() <= 1
    assert (on > 0).any()
    still = encoder(torch.full((1, 1, 9, 9), 0.0), 30, ONE, KEY)
    assert still.sum() == 0


def test_a_saccade_by_hand():
    """A white column moves one pixel to the right and back: the one right of it turns white, it turns black."""
    image = torch.zeros(1, 1, 1, 5)
    image[..., 1] = 1.0
    spikes = Saccades(math.log(11.0) / 2, amplitude=2.0, black=0.1)(image, 3, ONE, KEY)[:, 0, :, 0]
    # Behind the first leg the image lies one pixel to the right and, of its one row, below the sensor.
    assert spikes[0].tolist() == [[0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert spikes[1].tolist() == [[0, 0, 0, 0, 0], [0, 0, 0, 1, 0]]
    assert spikes[2].tolist() == [[0, 0, 0, 1, 0], [0, 1, 0, 0, 0]]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PoissonRate(0.0), "max_rate"),
        (lambda: PoissonRate(dt=-1.0), "dt"),
        (lambda: Phase(0), "bits"),
        (lambda: Phase(25), "bits is 25"),
        (lambda: Population(2), "neurons"),
        (lambda: Population(threshold=1.0), "threshold is 1.0"),
        (lambda: Delta(0.0), "threshold"),
        (lambda: Saccades(amplitude=0.0), "amplitude"),
        (lambda: Saccades()(torch.zeros(1, 4), 3, ONE, KEY), r"expected images \[C, H, W\]"),
    ],
)
def test_wrong_options(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("encoder", "shape"),
    [("poisson", "1x8x8"), ("phase", "1x8x8"), ("population", "8x8x8"), ("delta", "2x8x8"), ("saccades", "2x8x8")],
)
def test_codes_from_the_command_line(tmp_path, encoder, shape):
    words = f"train --encoder {encoder} --net {shape}-10 --steps 4 --epochs 1 --data-fraction 0.02 --batch 16 --validation 0 --out"
    assert run([*words.split(), str(tmp_path / "run")]) == 0

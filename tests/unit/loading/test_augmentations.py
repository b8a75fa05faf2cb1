"""Changes of recordings: what they leave, how they are spread, and that nobody but the sample decides them."""

import numpy as np
import pytest
import torch

from spikelearn.datasets import Digits, DigitsEvents
from spikelearn.loading import AUGMENTATIONS, Loader, Sequences
from spikelearn.recordings import EVENT, Binning, as_events

SENSOR = (9, 6, 2)
MADE = {
    "crop": "crop:width=5,height=4",
    "drop": "drop:share=0.3",
    "drop-area": "drop-area:share=0.4",
    "drop-time": "drop-time:share=0.3",
    "flip": "flip",
    "shift": "shift:pixels=2",
    "time-jitter": "time-jitter:sd=1e-4",
    "time-reverse": "time-reverse",
    "time-stretch": "time-stretch:scale=1.5",
    "turn": "turn:degrees=20,scale=1.2",
    "uncaused": "uncaused:share=0.2",
}


def everywhere(copies=1):
    """An event at every pixel and polarity."""
    places = np.array([(x, y, p) for x in range(9) for y in range(6) for p in (0, 1)] * copies)
    events = np.zeros(len(places), EVENT)
    events["x"], events["y"], events["p"] = places.T
    events["t"] = 5_000 + np.arange(len(places))
    return as_events(events, SENSOR)


EVENTS = everywhere()


def many(text, count=2000, events=EVENTS):
    change = AUGMENTATIONS.make(text)
    return [change(events, SENSOR, np.random.default_rng(seed)) for seed in range(count)]


def test_all_are_tried():
    assert list(AUGMENTATIONS) == sorted(MADE)


@pytest.mark.parametrize("name", MADE)
def test_events_stay_events(name):
    before = [column.copy() for column in EVENTS[:4]]
    for found in many(MADE[name], 20):
        checked = as_events(dict(zip("xytp", found[:4], strict=True)), SENSOR, in_order=True)
        assert all(np.array_equal(a, b) for a, b in zip(checked[:4], found[:4], strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(EVENTS[:4], before, strict=True))
    empty = as_events(np.zeros(0, EVENT), SENSOR)
    assert len(AUGMENTATIONS.make(MADE[name])(empty, SENSOR, np.random.default_rng(0)).t) == 0


def test_a_shift_is_spread_evenly_about_nothing():
    """The left edge of what stayed, or the right one, says the shift; every shift is as frequent as another."""
    right = [int(one.x.min()) - (8 - int(one.x.max())) for one in many("shift:pixels=2")]
    values, counts = np.unique(right, return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert counts.min() > 330  # 400 are expected, with a deviation of 18


def test_a_crop_reaches_every_place():
    """An event of every column is seen in as many windows as there are windows with it."""
    corner = as_events(np.array([(8, 5, 0, 1)], EVENT), SENSOR)
    seen = sum(len(one.t) for one in many("crop:width=5,height=4", events=corner))
    assert 90 < seen < 180  # 1 in 5 x 3 of 2,000 is 133, with a deviation of 11
    assert all(one.x.min() == 2 and one.x.max() == 6 for one in many("crop:width=5,height=4", 50))
    whole = Binning(crop="5x4").of_events(many("crop:width=5,height=4", 1)[0], SENSOR, 1)
    assert whole.outside == 0
    assert whole.values.all()


def test_an_area_reaches_the_last_column_and_has_its_size():
    left_out = np.zeros((6, 9))
    for one in many("drop-area:share=0.4"):
        stayed = np.zeros((6, 9), bool)
        stayed[one.y, one.x] = True
        assert (~stayed).sum() == 4 * 2  # 0.4 of 9 and of 6, rounded
        left_out += ~stayed
    assert left_out.min() > 0
    np.testing.assert_allclose(left_out, left_out[::-1, ::-1], rtol=0.35, atol=30)


def test_means_are_those_that_are_said():
    kept = np.mean([len(one.t) for one in many("drop:share=0.3", 200)]) / len(EVENTS.t)
    assert kept == pytest.approx(0.7, abs=0.01)
    turned = many("turn:degrees=30", 300, everywhere())
    assert np.mean([one.x.mean() for one in turned]) == pytest.approx(4.0, abs=0.03)  # no drift to a corner
    late = as_events({"x": [3] * 4001, "y": [3] * 4001, "t": 9_000 + 50 * np.arange(4001), "p": [1] * 4001}, SENSOR)
    jittered = many("time-jitter:sd=1e-3", 20, late)
    assert np.mean([one.t.mean() - late.t.mean() for one in jittered]) == pytest.approx(0.0, abs=12)
    assert all(one.t.min() >= 9_000 and one.t.max() <= 209_000 for one in jittered)
    gone = [0.75 * 4001 - len(one.t) for one in many("drop-time:share=0.25", 20, late)]
    assert np.abs(gone).max() < 3


def test_a_mirror_and_a_film_that_runs_backwards():
    flipped = AUGMENTATIONS.make("flip:p=1")(EVENTS, SENSOR, np.random.default_rng(0))
    assert np.array_equal(flipped.x, 8 - EVENTS.x)
    back = AUGMENTATIONS.make("time-reverse:p=1")
    once = back(EVENTS, SENSOR, np.random.default_rng(0))
    assert once.t[0] == EVENTS.t[0]
    twice = back(once, SENSOR, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(twice[:4], EVENTS[:4], strict=True))


@pytest.fixture(scope="module")
def data():
    return DigitsEvents("train")


CHANGES = AUGMENTATIONS.make_several("shift:pixels=2+drop:share=0.2+shift:pixels=1")


def test_a_sample_is_changed_alike_wherever_it_is_loaded(data):
    options = {"indices": torch.arange(12), "augment": CHANGES, "seed": 3, "shuffle": True}
    loader = Loader(data, 5, 4, **options)
    of = {}
    for epoch in (0, 1):
        for order, batch in zip(loader.order(epoch).split(4), loader.epoch(epoch), strict=True):
            of |= {(epoch, int(i)): batch.inputs[:, place] for place, i in enumerate(order)}
    one_by_one = Loader(data, 5, 1, **options)
    for place, batch in zip(one_by_one.order(1).tolist(), one_by_one.epoch(1), strict=True):
        assert batch.inputs[:, 0].equal(of[1, place])
    shared = Loader(data, 5, 4, **options).shared_out(1, 2)
    half = next(iter(shared.epoch(1))).inputs
    assert all(half[:, k].equal(of[1, int(i)]) for k, i in enumerate(shared.order(1)[2:4]))
    assert not any(of[0, i].equal(of[1, i]) for i in range(12))
    sequences = Sequences(data, 5, augment=CHANGES, seed=3)
    sequences.epoch = 1
    assert sequences[7][0].equal(of[1, 7])


def test_any_number_of_workers(data):
    sequences = Sequences(data, 5, binning=Binning(counts=True, down=2), augment=CHANGES)
    part = torch.utils.data.Subset(sequences, range(6))
    alone, two = (
        torch.cat([x for x, _ in torch.utils.data.DataLoader(part, 2, num_workers=workers)]) for workers in (0, 2)
    )
    assert alone.equal(two)
    assert alone.shape == (6, 5, 2, 8, 8)
    assert alone.max() > 1


def test_what_cannot_be_changed(data):
    with pytest.raises(ValueError, match="a change of events was given, but the samples are still"):
        Loader(Digits("train"), 5, 4, augment=CHANGES)
    with pytest.raises(ValueError, match="a binning was given, but the samples are still"):
        Loader(Digits("train"), 5, 4, binning=Binning())
    with pytest.raises(ValueError, match="digits-events, train sample 0: a window of 99 x 2 pixels is larger"):
        next(iter(Loader(data, 5, 4, augment=AUGMENTATIONS.make_several("crop:width=99,height=2")).epoch()))

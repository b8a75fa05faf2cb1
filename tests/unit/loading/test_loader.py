import pytest
import torch

from spikelearn.datasets import Digits, DigitsEvents, ImageDataset
from spikelearn.loading import BernoulliRate, Direct, Latency, Loader, hold_out

KEY = (0, "train", 0)


def test_direct_is_constant_and_stored_once():
    pixels = torch.rand(3, 1, 4, 4)
    encoded = Direct(2.0)(pixels, 7, torch.arange(3), KEY)
    assert encoded.shape == (7, 3, 1, 4, 4)
    assert encoded.stride(0) == 0
    torch.testing.assert_close(encoded[5], 2 * pixels)


def test_direct_normalises_before_its_gain():
    """k (x - m) / s: MNIST's mean and deviation take 0 to -0.4242 and 1 to 2.8215."""
    pixels = torch.tensor([0.0, 0.1307, 1.0, 0.5]).reshape(1, 1, 2, 2)
    encoded = Direct(mean=0.1307, std=0.3081)(pixels, 3, torch.arange(1), KEY)
    assert encoded[0].flatten().tolist() == pytest.approx([-0.42421, 0.0, 2.82148, 1.19864], abs=1e-4)
    assert encoded.stride(0) == 0
    assert encoded.shape == (3, 1, 1, 2, 2)
    doubled = Direct(2.0, mean=0.1307, std=0.3081)(pixels, 3, torch.arange(1), KEY)
    torch.testing.assert_close(doubled, 2 * encoded)
    torch.testing.assert_close(Direct(mean=0.25)(pixels, 1, torch.arange(1), KEY)[0], pixels - 0.25)
    torch.testing.assert_close(Direct(std=0.5)(pixels, 1, torch.arange(1), KEY)[0], 2 * pixels)
    assert Direct()(pixels, 1, torch.arange(1), KEY)[0].equal(pixels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"std": 0.0}, "std is 0.0, expected a positive number"),
        ({"std": -1.0}, "std is -1.0"),
        ({"mean": float("inf")}, "mean is inf, expected a finite number"),
        ({"mean": "half"}, "mean is 'half'"),
    ],
)
def test_options_of_direct_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        Direct(**options)


def test_rate_has_the_intensity_as_its_mean():
    pixels = torch.rand(2, 1, 4, 4)
    spikes = BernoulliRate(0.5)(pixels, 4000, torch.arange(2), KEY)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    assert spikes.dtype == torch.uint8
    torch.testing.assert_close(spikes.float().mean(0), 0.5 * pixels, rtol=0, atol=0.04)


def test_noise_is_a_function_of_key_and_sample():
    pixels = torch.rand(3, 1, 4, 4)
    whole = BernoulliRate()(pixels, 9, torch.tensor([5, 8, 2]), KEY)
    part = BernoulliRate()(pixels[[2, 0]], 9, torch.tensor([2, 5]), KEY)
    assert whole[:, [2, 0]].equal(part)
    assert not whole.equal(BernoulliRate()(pixels, 9, torch.tensor([5, 8, 2]), (0, "train", 1)))


def test_latency_is_earlier_where_brighter():
    pixels = torch.tensor([1.0, 0.5, 0.25, 0.0]).reshape(1, 1, 2, 2)
    spikes = Latency()(pixels, 9, torch.arange(1), KEY).flatten(1)
    assert spikes.sum(0).tolist() == [1, 1, 1, 0]
    assert spikes.argmax(0).tolist()[:3] == [0, 4, 6]


def test_batches_are_time_first():
    loader = Loader(Digits("test"), n_steps=5, batch=100)
    sizes = []
    for inputs, targets in loader.epoch():
        assert inputs.shape == (5, len(targets), 1, 8, 8)
        sizes.append(len(targets))
    assert sizes == [100, 100, 100, 60]
    assert len(loader) == 4
    assert loader.samples == 360


def test_order_is_a_function_of_seed_and_epoch():
    def order(seed, epoch, start=0):
        loader = Loader(Digits("test"), 1, 50, seed=seed, shuffle=True)
        return torch.cat([targets for _, targets in loader.epoch(epoch, start)])

    assert order(0, 1).equal(order(0, 1))
    assert not order(0, 1).equal(order(0, 2))
    assert not order(0, 1).equal(order(1, 1))
    assert order(0, 1, start=2).equal(order(0, 1)[100:])


def test_event_batches():
    inputs, targets = Loader(DigitsEvents("test"), 4, 3).load(torch.tensor([1, 2, 3]))
    assert inputs.shape == (4, 3, 2, 16, 16)
    assert inputs.dtype == torch.uint8
    assert set(inputs.unique().tolist()) == {0, 1}
    assert len(targets) == 3


def test_hold_out_is_stratified_disjoint_and_fixed():
    data = Digits("train")
    train, held = hold_out(data, 0.2, seed=3)
    assert len(train) + len(held) == len(data)
    assert not set(train.tolist()) & set(held.tolist())
    counts = torch.bincount(data.targets[held])
    assert counts.min() >= 26
    assert counts.max() <= 31
    assert hold_out(data, 0.2, seed=3)[1].equal(held)
    assert not hold_out(data, 0.2, seed=4)[1].equal(held)
    assert len(hold_out(data, 0.0, seed=3)[1]) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Loader(Digits("test"), 0, 5), "n_steps is 0"),
        (lambda: Loader(Digits("test"), 5, 0), "batch is 0"),
        (lambda: Loader(DigitsEvents("test"), 5, 5, encoder=Direct()), "recordings of events"),
        (lambda: Loader(Digits("test"), 5, 5, indices=torch.empty(0, dtype=torch.int64)), "no samples"),
        (lambda: hold_out(Digits("test"), 1.0, 0), "validation is 1.0"),
        (lambda: hold_out(Digits("test"), 0.999, 0), "leaves 0 training"),
        (lambda: BernoulliRate(1.5), "max_rate is 1.5"),
        (lambda: Latency(-1), "threshold is -1"),
        (lambda: Direct(float("nan")), "gain is nan"),
        (lambda: Digits("tset"), "split is 'tset'"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_digits_are_all_there():
    train, test = Digits("train"), Digits("test")
    assert (len(train), len(test)) == (1437, 360)
    assert isinstance(train, ImageDataset)
    assert train.images.min() == 0
    assert train.images.max() == 1
    assert train.targets.unique().tolist() == list(range(10))


class Own(ImageDataset):
    classes, shape = 2, (1, 4, 4)

    def __init__(self):
        super().__init__("train")
        self.images, self.targets = torch.full((6, 1, 4, 4), 0.5), torch.arange(6) % 2


@pytest.mark.parametrize("encoder", [Direct(), Direct(mean=0.5), BernoulliRate(), Latency()])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_sample_that_is_not_finite_is_named(encoder, bad):
    data = Own()
    data.images[4, 0, 1, 2] = bad
    loader = Loader(data, 5, 3, encoder=encoder)
    assert len(loader.load(torch.tensor([0, 5, 2])).targets) == 3
    with pytest.raises(ValueError, match=r"pixels of sample 4 is .* at \[0, 1, 2\]"):
        loader.load(torch.tensor([0, 4, 2]))


def test_an_encoder_that_makes_numbers_infinite_is_found():
    loader = Loader(Own(), 5, 3, encoder=Direct(1e38, std=1e-38))
    with pytest.raises(ValueError, match="inputs of sample 0 is inf"):
        next(loader.epoch())

import pytest
import torch

from spikelearn.datasets import Digits, DigitsEvents
from spikelearn.loading import NOISES, BernoulliRate, Latency, Loader

KEY = (0, "train", 0)

PIXELS = ["gaussian:sd=0.3", "salt-and-pepper:share=0.2"]
SPIKES = ["jitter:sd=1.5", "deletion:share=0.3", "insertion:share=0.3"]


def spikes(rate=0.3, steps=20, samples=3, size=200, seed=0):
    drawn = torch.rand(steps, samples, size, generator=torch.Generator().manual_seed(seed))
    return (drawn < rate).to(torch.uint8)


def loader(text, *, encoder=None, data=None, **options):
    options = {"n_steps": 6, "batch": 50} | options
    return Loader(data or Digits("train"), noise=NOISES.make(text), encoder=encoder, **options)


def test_gaussian_noise_has_its_deviation_and_stays_in_range():
    grey = torch.full((2, 1, 100, 100), 0.5)
    found = NOISES.make("gaussian:sd=0.1").pixels(grey, torch.arange(2), KEY)
    assert float(found.std()) == pytest.approx(0.1, rel=0.02)
    assert float(found.mean()) == pytest.approx(0.5, abs=0.005)
    loud = NOISES.make("gaussian:sd=2").pixels(grey, torch.arange(2), KEY)
    assert float(loud.min()) == 0.0
    assert float(loud.max()) == 1.0
    assert NOISES.make("gaussian:sd=0").pixels(grey, torch.arange(2), KEY).equal(grey)


def test_salt_and_pepper_changes_its_share():
    grey = torch.full((2, 1, 200, 200), 0.5)
    found = NOISES.make("salt-and-pepper:share=0.2").pixels(grey, torch.arange(2), KEY)
    assert float((found == 0).float().mean()) == pytest.approx(0.1, abs=0.005)
    assert float((found == 1).float().mean()) == pytest.approx(0.1, abs=0.005)
    assert float((found == 0.5).float().mean()) == pytest.approx(0.8, abs=0.005)


def test_jitter_moves_spikes_by_its_deviation():
    record = torch.zeros(101, 1, 20000, dtype=torch.uint8)
    record[50] = 1
    found = NOISES.make("jitter:sd=3").spikes(record, torch.arange(1), KEY)
    assert found.sum(0).eq(1).all()
    moves = found.long().argmax(0).float() - 50
    assert float(moves.mean()) == pytest.approx(0.0, abs=0.1)
    assert float(moves.std()) == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize("at", [0, 8])
def test_no_spike_leaves_by_jitter(at):
    record = torch.zeros(9, 1, 500, dtype=torch.uint8)
    record[at] = 1
    found = NOISES.make("jitter:sd=20").spikes(record, torch.arange(1), KEY)
    assert found.sum(0).eq(1).all()
    assert found.sum(2).min() > 0, "they come to lie anywhere"


def test_jitter_of_less_than_half_a_step_changes_nothing():
    assert NOISES.make("jitter:sd=0.01").spikes(spikes(), torch.arange(3), KEY).equal(spikes())


def test_deletion_takes_its_share():
    record = spikes(size=5000)
    found = NOISES.make("deletion:share=0.3").spikes(record, torch.arange(3), KEY)
    assert bool((found <= record).all())
    assert float(found.sum() / record.sum()) == pytest.approx(0.7, abs=0.01)
    assert NOISES.make("deletion:share=1").spikes(record, torch.arange(3), KEY).sum() == 0
    assert NOISES.make("deletion:share=0").spikes(record, torch.arange(3), KEY).equal(record)


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_insertion_adds_its_share(rate):
    record = spikes(rate, size=5000)
    found = NOISES.make("insertion:share=0.5").spikes(record, torch.arange(3), KEY)
    assert bool((found >= record).all())
    assert float(found.sum() / record.sum()) == pytest.approx(1.5, abs=0.02)
    assert NOISES.make("insertion:share=9").spikes(torch.zeros_like(record), torch.arange(3), KEY).sum() == 0


@pytest.mark.parametrize("text", SPIKES)
def test_bytes_stay_bytes_and_the_record_as_it_was(text):
    record, before = spikes(), spikes()
    found = NOISES.make(text).spikes(record, torch.arange(3), KEY)
    assert found.dtype == torch.uint8
    assert found.shape == record.shape
    assert set(found.unique().tolist()) == {0, 1}
    assert record.equal(before)
    assert not found.equal(record)


@pytest.mark.parametrize("text", PIXELS + SPIKES)
@pytest.mark.parametrize("data", ["images", "events"])
def test_noise_is_a_function_of_seed_split_epoch_and_sample(text, data):
    """Whatever the batch, the order and what was loaded before."""
    if data == "events" and text in PIXELS:
        pytest.skip("events have no pixels")

    def made(**options):
        if data == "events":
            return loader(text, data=DigitsEvents("train"), **options)
        return loader(text, encoder=BernoulliRate(), **options)

    chosen = torch.tensor([7, 3, 11, 5])
    whole = made().load(chosen, 2).inputs
    alone = [made(batch=1).load(one.view(1), 2).inputs for one in chosen]
    assert whole.equal(torch.cat(alone, dim=1))
    assert made().load(chosen.flip(0), 2).inputs.equal(whole.flip(1))
    assert not whole.equal(made().load(chosen, 3).inputs), "another epoch"
    assert not whole.equal(made(seed=1).load(chosen, 2).inputs), "another seed"


def test_a_fixed_order_has_fixed_noise():
    test = loader("gaussian:sd=0.3", data=Digits("test"))
    one, other = (torch.cat([inputs for inputs, _ in test.epoch(number)], 1) for number in (0, 5))
    assert one.equal(other)


def test_pixels_change_before_the_encoder():
    clean = Loader(Digits("train"), 6, 50).load(torch.arange(4)).inputs
    noisy = loader("gaussian:sd=0.3").load(torch.arange(4)).inputs
    assert noisy.stride(0) == 0, "a constant input stays stored once"
    assert noisy.shape == clean.shape
    assert not noisy.equal(clean)
    assert loader("gaussian:sd=0.3", encoder=Latency()).load(torch.arange(4)).inputs.dtype == torch.uint8


def test_noise_is_not_the_encoders():
    """The share of deleted spikes is its own where the encoder draws from the same key."""
    kept = loader("deletion:share=0.5", encoder=BernoulliRate(), n_steps=50).load(torch.arange(40)).inputs.sum()
    whole = Loader(Digits("train"), 50, 50, encoder=BernoulliRate()).load(torch.arange(40)).inputs.sum()
    assert float(kept / whole) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("text", PIXELS)
def test_events_have_no_pixels(text):
    with pytest.raises(ValueError, match="changes pixels, but the samples are recordings of events"):
        loader(text, data=DigitsEvents("train"))


@pytest.mark.parametrize("text", SPIKES)
def test_currents_have_no_spikes(text):
    with pytest.raises(ValueError, match="changes spikes, but the inputs are currents: choose an encoder"):
        loader(text).load(torch.arange(2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gausian:sd=1", "unknown noise 'gausian'.*did you mean 'gaussian'"),
        ("gaussian", "sd"),
        ("gaussian:sd=-0.1", "sd is -0.1, expected a number of at least 0"),
        ("gaussian:share=0.1", "has no option 'share'"),
        ("salt-and-pepper:share=1.2", r"share is 1.2, expected a number in \[0, 1\]"),
        ("jitter:sd=many", "sd is 'many'"),
        ("deletion:share=2", "share is 2"),
        ("insertion:share=-1", "share is -1"),
    ],
)
def test_what_is_written_is_checked(text, message):
    with pytest.raises(ValueError, match=message):
        NOISES.make(text)


def test_a_noise_must_be_one():
    with pytest.raises(ValueError, match="expected an object of the class Noise"):
        Loader(Digits("train"), 5, 10, noise="gaussian:sd=0.1")


def test_what_there_is():
    assert list(NOISES) == ["deletion", "gaussian", "insertion", "jitter", "salt-and-pepper"]

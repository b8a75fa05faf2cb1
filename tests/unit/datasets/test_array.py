import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spikelearn import BPTT, ArrayDataset, Digits, DigitsEvents, Loader, Training, build, evaluate, fit
from spikelearn.datasets import ImageDataset, stratified_subset
from spikelearn.datasets.base import Dataset
from spikelearn.loading import NOISES, BernoulliRate, Latency, Sequences, collate, hold_out

LABELS = np.arange(12) % 3


def readings(steps=20):
    """Currents over time of three classes, each a level of its own, [60, T, 4]."""
    labels = np.arange(60) % 3
    noise = np.random.default_rng(0).normal(size=(60, steps, 4))
    return np.eye(4)[labels][:, None] * 2 + 0.1 * noise, labels


def test_currents_over_time_are_learned():
    data = ArrayDataset(*readings(), sequence=True)
    kept, held = hold_out(data, 0.2, seed=0)
    train, rest = Loader(data, 20, 8, indices=kept, shuffle=True), Loader(data, 20, 8, indices=held)
    network = build("4-16-3", input_shape=data.shape)
    fit(Training.start(network, BPTT(), seed=0), train, epochs=12, validation=rest)
    assert evaluate(network, rest).accuracy == 1.0
    assert len(stratified_subset(data.targets, 0.1, 0)) == 6


def test_still_samples_pass_the_encoder():
    images = np.random.default_rng(0).integers(0, 256, (12, 1, 4, 4), np.uint8)
    data = ArrayDataset(images, LABELS, sequence=False)
    inputs, targets = Loader(data, 5, 12).load(torch.arange(12))
    assert inputs.shape == (5, 12, 1, 4, 4)
    assert inputs[3].equal(torch.from_numpy(images).float() / 255)
    assert targets.tolist() == LABELS.tolist()
    assert Loader(data, 5, 12, encoder=BernoulliRate()).load(torch.arange(12)).inputs.dtype == torch.uint8


@pytest.mark.parametrize("encoder", ["rate", "latency", "common-threshold", "regular", "direct"])
def test_every_encoder_takes_rows_of_features(encoder):
    from spikelearn.loading import ENCODERS

    rows = torch.rand(12, 7)
    inputs = Loader(ArrayDataset(rows, LABELS), 5, 12, encoder=ENCODERS.get(encoder)()).load(torch.arange(12)).inputs
    assert inputs.shape == (5, 12, 7)


KINDS = ["?", "u1", "i1", "<u2", ">i2", "<i4", ">u4", "<i8", "<u8", "<f2", ">f4", "<f8"]


@settings(deadline=None, max_examples=100)
@given(st.data(), st.sampled_from(KINDS), st.booleans(), st.booleans())
def test_values_arrive_as_they_are(data, kind, sequence, as_tensor):
    """Whatever the type, byte order and strides: what the network sees is the array, in float32 or as bytes."""
    shape = data.draw(arrays.array_shapes(min_dims=3, max_dims=4, max_side=4))
    limits = {"min_value": -100, "max_value": 100, "allow_subnormal": False} if "f" in kind else {}
    elements = arrays.from_dtype(np.dtype(kind), **limits)
    if sequence and kind == "u1":
        elements = st.integers(0, 1)
    array = data.draw(arrays.arrays(np.dtype(kind), shape, elements=elements))[::-1]
    handed = torch.from_numpy(array.astype(array.dtype.newbyteorder("=")).copy()) if as_tensor else array
    samples, steps = shape[0], shape[1] if sequence else 3
    own = ArrayDataset(handed, np.zeros(samples, int), sequence=sequence)
    inputs = Loader(own, steps, samples).load(torch.arange(samples)).inputs.float().numpy()
    expected = array.astype(np.float32)
    if sequence:
        assert (inputs == expected.swapaxes(0, 1)).all()
    else:
        scale = np.float32(255 if kind == "u1" else 1)
        assert (inputs == (expected / scale)[None]).all()
    one, label = own[samples - 1]
    assert (one.float().numpy() == (inputs[:, -1] if sequence else inputs[0, -1])).all()
    assert label == 0


def test_spikes_are_kept_as_bytes_whatever_their_type():
    spikes = np.random.default_rng(0).integers(0, 2, (12, 6, 5))
    for given_as in (spikes, spikes.astype(bool), spikes.astype(np.float64), torch.tensor(spikes, dtype=torch.float16)):
        data = ArrayDataset(given_as, LABELS, sequence=True)
        noisy = Loader(data, 6, 12, noise=NOISES.make("deletion:share=1")).load(torch.arange(12)).inputs
        assert data.data.dtype == torch.uint8
        assert noisy.sum() == 0


SEQUENCES = np.zeros((12, 6, 5)) + 0.5

BAD = {
    "which is it?": (lambda: ArrayDataset(SEQUENCES, LABELS), "sequence=True if axis 1 is time"),
    "no word for sequence": (lambda: ArrayDataset(SEQUENCES, LABELS, sequence="yes"), "sequence is 'yes'"),
    "no features": (lambda: ArrayDataset(SEQUENCES[..., 0], LABELS, sequence=True), r"data\[:, :, None\]"),
    "no samples' axis": (lambda: ArrayDataset(np.zeros(12), LABELS), r"shape \[12\]"),
    "fewer labels": (lambda: ArrayDataset(SEQUENCES, LABELS[:6], sequence=True), "12 samples and targets 6"),
    "more labels": (lambda: ArrayDataset(SEQUENCES[:6], LABELS, sequence=True), "6 samples and targets 12"),
    "NaN": (lambda: ArrayDataset(np.where(np.eye(12, 5)[:, None] > 0, np.nan, SEQUENCES), LABELS, sequence=True), "0 are"),
    "beyond float32": (lambda: ArrayDataset(np.full((12, 3), 1e300), LABELS), "not finite"),
    "text": (lambda: ArrayDataset(np.full((12, 3), "a"), LABELS), "expected numbers"),
    "objects": (lambda: ArrayDataset(np.full((12, 3), None), LABELS), "expected numbers"),
    "complex": (lambda: ArrayDataset(np.zeros((12, 3), complex), LABELS), "expected numbers"),
    "ragged": (lambda: ArrayDataset([[1, 2], [3]], [0, 1]), "pad sequences"),
    "ragged tensors": (lambda: ArrayDataset([torch.zeros(2), torch.zeros(3)], [0, 1]), "several shapes"),
    "sparse": (lambda: ArrayDataset(torch.eye(12).to_sparse(), LABELS), "make it dense"),
    "masked": (lambda: ArrayDataset(np.ma.masked_greater(SEQUENCES, 0), LABELS, sequence=True), "filled"),
    "counts as bytes": (lambda: ArrayDataset(np.full((12, 6, 5), 3, np.uint8), LABELS, sequence=True), "bytes up to 3"),
    "empty": (lambda: ArrayDataset(SEQUENCES[:0], [], sequence=True), "empty"),
    "empty samples": (lambda: ArrayDataset(np.zeros((12, 0)), LABELS), "holds no values"),
    "labels of floats": (lambda: ArrayDataset(SEQUENCES, LABELS / 1.0, sequence=True), "expected whole numbers"),
    "labels of text": (lambda: ArrayDataset(SEQUENCES, list("abcabcabcabc"), sequence=True), "return_inverse"),
    "negative labels": (lambda: ArrayDataset(SEQUENCES, LABELS - 1, sequence=True), "go from -1 to 1"),
    "gaps": (lambda: ArrayDataset(SEQUENCES, LABELS * 2, sequence=True), "no sample is of class 1.*classes=5"),
    "from 1 on": (lambda: ArrayDataset(SEQUENCES, LABELS + 1, sequence=True), "no sample is of class 0"),
    "too high": (lambda: ArrayDataset(SEQUENCES, LABELS, sequence=True, classes=2), "0 to 1 for 2 classes"),
    "one-hot": (lambda: ArrayDataset(SEQUENCES, np.eye(3)[LABELS], sequence=True), "argmax"),
    "steps": (lambda: Loader(ArrayDataset(SEQUENCES, LABELS, sequence=True), 25, 4), "n_steps=6"),
    "an encoder": (
        lambda: Loader(ArrayDataset(SEQUENCES, LABELS, sequence=True), 6, 4, encoder=Latency()),
        "the samples are sequences: leave it out",
    ),
    "pixel noise": (
        lambda: Loader(ArrayDataset(SEQUENCES, LABELS, sequence=True), 6, 4, noise=NOISES.make("gaussian:sd=1")),
        "the samples are sequences: choose a noise of spikes",
    ),
    "noise of spikes": (
        lambda: next(Loader(ArrayDataset(SEQUENCES, LABELS, sequence=True), 6, 4, noise=NOISES.make("jitter:sd=1")).epoch()),
        "the inputs are currents",
    ),
    "a code of currents": (
        lambda: next(Loader(ArrayDataset(np.full((12, 3), 2.0), LABELS), 6, 4, encoder=Latency()).epoch()),
        "pixels go from 2 to 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_said(case):
    make, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        make()


def test_missing_classes_may_be_said():
    data = ArrayDataset(SEQUENCES, LABELS * 2, sequence=True, classes=10)
    assert data.classes == 10
    assert data.targets.max() == 4


class Own(ImageDataset):
    """Made by hand, as a user would."""

    classes, shape = 3, (1, 8, 8)

    def __init__(self, images, targets):
        super().__init__("train")
        self.images, self.targets = images, targets


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.arange(20) % 3, "10 images and 20 targets"),
        (torch.arange(5) % 3, "10 images and 5 targets"),
        ((torch.arange(10) % 3).float(), "torch.float32, expected a tensor of class numbers"),
        ((torch.arange(10) % 3).int(), "torch.int32, expected a tensor of class numbers"),
        ([0] * 10, "list, expected a tensor of class numbers"),
        (torch.arange(10) % 4, "go from 0 to 3, expected 0 to 2"),
        (torch.arange(10) % 3 - 1, "go from -1 to 1, expected 0 to 2"),
    ],
)
def test_targets_of_own_classes_are_checked_by_the_loader(targets, message):
    with pytest.raises(ValueError, match=message):
        Loader(Own(torch.rand(10, 1, 8, 8), targets), 4, 5)


def test_other_data_sets_are_told_how_to_come_in():
    class Neither(Dataset):
        classes, shape, targets = 2, (3,), torch.zeros(4, dtype=torch.int64)

    for stranger in (Neither("train"), torch.utils.data.TensorDataset(torch.zeros(3)), [1, 2]):
        with pytest.raises(ValueError, match=r"ArrayDataset\(data, targets.*derives from ImageDataset"):
            Loader(stranger, 4, 5)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["images", "events", "sequences"])
def test_torch_loads_what_our_loader_loads(kind, workers):
    data = {
        "images": lambda: Digits("test"),
        "events": lambda: DigitsEvents("test"),
        "sequences": lambda: ArrayDataset(*readings(6), sequence=True),
    }[kind]()
    theirs = torch.utils.data.DataLoader(
        torch.utils.data.Subset(Sequences(data, 6), range(20)), 8, num_workers=workers, collate_fn=collate
    )
    ours = Loader(data, 6, 8, indices=torch.arange(20)).epoch()
    for (inputs, targets), (expected, labels) in zip(theirs, ours, strict=True):
        assert inputs.equal(expected)
        assert inputs.dtype == expected.dtype
        assert targets.equal(labels)
        assert (inputs.stride(0) == 0) == (kind == "images")


def test_samples_one_by_one():
    sequences, images = ArrayDataset(*readings(6), sequence=True), Digits("test")
    inputs, targets = next(iter(torch.utils.data.DataLoader(sequences, 5)))
    assert inputs.transpose(0, 1).equal(Loader(sequences, 6, 5).load(torch.arange(5)).inputs)
    assert targets.equal(sequences.targets[:5])
    pixels, targets = next(iter(torch.utils.data.DataLoader(images, 5)))
    assert pixels.equal(images.pixels(torch.arange(5)))
    assert [label for _, label in images] == images.targets.tolist()
    assert images[-1][0].equal(images.images[-1])
    assert Sequences(images, 3)[-1][1] == images.targets[-1]
    for indexed in (images, Sequences(images, 3)):
        with pytest.raises(IndexError):
            indexed[360]
    with pytest.raises(ValueError, match="Sequences"):
        DigitsEvents("test")[0]

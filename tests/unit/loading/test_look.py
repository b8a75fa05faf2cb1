"""Inputs that are nearly empty are named, with what is probably the cause; the network is not blamed for them."""

import re
import warnings

import numpy as np
import pytest
import torch

from spikelearn import BPTT, Training, build, fit
from spikelearn.datasets import ArrayDataset, DataWarning, Digits, EventDataset
from spikelearn.loading import BernoulliRate, Direct, Loader, loader_of
from spikelearn.loading.noise import Deletion
from spikelearn.recordings import EVENT
from spikelearn.training.display import ConsoleDisplay

N = 100


class Recorded(EventDataset):
    """Recordings of 0.3 s, a hundred events in each."""

    classes, shape, sensor_size = 2, (2, 4, 4), (4, 4, 2)

    def __init__(self, width=None, times=None, count=8):
        super().__init__("train")
        self.bin_width, self.targets = width, torch.arange(count) % 2
        self.times = np.linspace(0, 300_000, N).astype(int) if times is None else times

    def recording(self, index):
        events = np.zeros(len(self.times), EVENT)
        events["x"], events["p"], events["t"] = np.arange(len(self.times)) % 4, index % 2, self.times
        return events


def said(data, steps, batch=4):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        loader = Loader(data, steps, batch)
        for _ in range(2):
            list(loader.epoch())
    assert all(issubclass(one.category, DataWarning) for one in found)
    return [str(one.message) for one in found], loader.blank


@pytest.mark.parametrize(
    ("width", "steps", "words", "blank"),
    [
        (3.0, 10, "Recorded, train: bin_width 3 s is longer than every recording, 0.3 s: 9 of 10 steps are empty; seconds", True),
        (3000.0, 2, "1 of 2 steps are empty; seconds are meant", True),
        (0.3, 10, "9 of 10 steps are empty with bin_width 0.3 s", True),
        (0.03, 100, "90 of 100 steps are empty with bin_width 0.03 s", True),
        (3e-6, 10, "10 steps of bin_width 3e-06 s end after 3e-05 s: of the first 4 recordings the longest lasts 0.3 s, and 396", True),
        (0.02, 10, "10 steps of 0.02 s end after 0.2 s: .* 0.3 s; 132 of their 400 events .33 %. are left out", False),
    ],
)  # fmt: skip
def test_widths_that_do_not_fit(width, steps, words, blank):
    found, is_blank = said(Recorded(width), steps)
    assert len(found) == 1
    assert re.search(words, found[0]), found
    assert is_blank == blank


@pytest.mark.parametrize(("width", "steps"), [(None, 10), (0.03, 10), (0.031, 10), (1.0, 1), (None, 300)])
def test_nothing_is_said_of_what_fits(width, steps):
    assert said(Recorded(width), steps) == ([], False)


def test_one_time_far_from_all_others():
    found, blank = said(Recorded(times=np.append(np.arange(N) * 100, 10**9)), 20)
    assert found == [
        "Recorded, train: 18 of 20 steps are empty in the first 4 samples: a few times lie far from all others"
    ]
    assert blank


def test_steps_that_see_no_event_of_empty_recordings():
    found, blank = said(Recorded(0.01, times=np.zeros(0, int)), 10)
    assert found == ["Recorded, train: the first 4 recordings have no events"]
    assert blank


def still(images):
    return ArrayDataset(images, torch.arange(len(images)) % 2, sequence=False)


@pytest.mark.parametrize("images", [torch.zeros(40, 1, 4, 4), torch.zeros(40, 1, 4, 4, dtype=torch.uint8)])
@pytest.mark.parametrize("encoder", [None, BernoulliRate()])
def test_images_of_zeros(images, encoder):
    loader = Loader(still(images), 5, 16, encoder=encoder)
    with pytest.warns(DataWarning, match="the first 32 samples give inputs that are all 0: look at the data") as found:
        list(loader.epoch())
    assert len(found) == 1
    assert loader.blank


def test_images_of_bytes_that_are_0_and_1():
    with pytest.warns(DataWarning, match=r"go up to 0.0039, expected intensities up to 1: are they bytes of 0 and 1"):
        list(Loader(still((torch.rand(40, 1, 4, 4) < 0.5).to(torch.uint8)), 5, 40).epoch())


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float32])
def test_sequences_of_zeros(dtype):
    loader = Loader(ArrayDataset(torch.zeros(8, 5, 4, dtype=dtype), torch.arange(8) % 2, sequence=True), 5, 8)
    with pytest.warns(DataWarning, match="all 0"):
        list(loader.epoch())


def test_batches_of_zeros_that_somebody_else_made():
    batches = loader_of("loader", [(torch.zeros(5, 16, 4), torch.zeros(16, dtype=torch.int64))] * 4)
    with pytest.warns(DataWarning, match="^the first 32 samples give inputs that are all 0"):
        list(batches.epoch())
    assert batches.blank


def test_noise_that_leaves_nothing():
    with pytest.warns(DataWarning, match="all 0"):
        list(Loader(Digits("test"), 5, 32, encoder=BernoulliRate(), noise=Deletion(1.0)).epoch())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "inputs", [torch.full((5, 40, 4), torch.nan), -torch.ones(5, 40, 4), torch.ones(5, 40, 4, requires_grad=True)]
)
def test_what_is_not_0_is_not_called_so(inputs):
    batches = loader_of("loader", [(inputs, torch.zeros(40, dtype=torch.int64))])
    list(batches.epoch())
    assert not batches.blank


@pytest.mark.filterwarnings("error")
def test_a_dark_sample_is_no_dark_data_set():
    images = torch.rand(40, 1, 4, 4)
    images[:20] = 0
    assert not Loader(still(images), 5, 1).blank
    list(Loader(still(images), 5, 1).epoch())
    list(Loader(still(1e-3 * torch.rand(40, 1, 4, 4)), 5, 8, encoder=Direct(1000.0)).epoch())


@pytest.mark.parametrize("blank", [False, True])
def test_a_network_without_input_is_not_blamed(capsys, blank):
    torch.manual_seed(0)
    network = build("32-3-2", input_shape=(2, 4, 4))
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loader = Loader(Recorded(3.0 if blank else None), 10, 8)
        fit(Training.start(network, BPTT()), loader, epochs=1, display=ConsoleDisplay())
    assert ("never fired" in capsys.readouterr().err) != blank

import gzip
import json
import struct

import numpy as np
import pytest
import torch

from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.plan.trial import Trial
from spikelearn.datasets import ArrayFile, IdxFolder, full_name, open_dataset, short_name
from spikelearn.loading import Loader
from spikelearn.runs import open_run, settings_from, train, trained_network
from spikelearn.runs import test_loader as loader_of_the_test
from spikelearn.training import Interrupted, RunFolder

LABELS = np.arange(30) % 3
SEQUENCES = np.eye(4, dtype=np.float32)[LABELS][:, None].repeat(6, 1)


def idx(folder, names, count=30, labels=LABELS):
    """IDX files of ``names`` (such as "train"), gzipped where the name's end says so."""
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        images = np.random.default_rng(number).integers(0, 256, (count, 5, 4), np.uint8)
        for kind, content in (
            (name.format("images", 3), struct.pack(">4I", 2051, count, 5, 4) + images.tobytes()),
            (name.format("labels", 1), struct.pack(">2I", 2049, count) + bytes(labels[:count].tolist())),
        ):
            (folder / kind).write_bytes(gzip.compress(content) if kind.endswith(".gz") else content)
    return folder


NAMED = {
    "MNIST": ("train-{}-idx{}-ubyte.gz", "t10k-{}-idx{}-ubyte.gz"),
    "unpacked": ("train-{}-idx{}-ubyte", "t10k-{}-idx{}-ubyte"),
    "EMNIST": ("emnist-letters-train-{}-idx{}-ubyte.gz", "emnist-letters-test-{}-idx{}-ubyte.gz"),
    "with dots": ("train-{}.idx{}-ubyte", "t10k-{}.idx{}-ubyte"),
    "both packed and not": (*("train-{}-idx{}-ubyte.gz", "t10k-{}-idx{}-ubyte.gz"), "train-{}-idx{}-ubyte"),
}


@pytest.mark.parametrize("name", NAMED)
def test_folders_of_idx_files(tmp_path, name):
    idx(tmp_path / "own", NAMED[name])
    data = {split: open_dataset(f"idx:{tmp_path}/own", split, None, {}) for split in ("train", "test")}
    for number, split in enumerate(data):
        images = np.random.default_rng(number).integers(0, 256, (30, 5, 4), np.uint8)
        assert data[split].images.squeeze(1).numpy().tolist() == images.tolist()
        assert data[split].targets.tolist() == LABELS.tolist()
        assert data[split].shape == (1, 5, 4)
        assert data[split].classes == 3


@pytest.mark.parametrize("only", ["train", "test"])
def test_one_split_is_parted(tmp_path, only):
    idx(tmp_path / "own", [only + "-{}-idx{}-ubyte.gz"])
    with pytest.raises(ValueError, match=r"own holds (no test samples|samples of one split alone).*test_fraction=0.2"):
        IdxFolder("train", tmp_path / "own")
    train, test = (IdxFolder(split, tmp_path / "own", test_fraction=0.2) for split in ("train", "test"))
    assert test.targets.bincount().tolist() == [2, 2, 2]
    assert train.targets.bincount().tolist() == [8, 8, 8]
    both = torch.cat([train.images, test.images]).flatten(1).tolist()
    assert len({tuple(image) for image in both}) == 30
    again = IdxFolder("test", tmp_path / "own", test_fraction=0.2)
    assert again.images.equal(test.images)
    assert not IdxFolder("test", tmp_path / "own", test_fraction=0.2, split_seed=1).images.equal(test.images)
    with pytest.raises(ValueError, match="leaves 30 for training and 0 for the test"):
        IdxFolder("test", tmp_path / "own", test_fraction=0.01)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds no IDX files"),
        ([*NAMED["MNIST"], "kmnist-train-{}-idx{}-ubyte"], "holds kmnist-train-images.*expected one file"),
    ],
)
def test_unclear_folders(tmp_path, names, message):
    with pytest.raises(ValueError, match=message):
        IdxFolder("train", idx(tmp_path / "own", names))
    with pytest.raises(ValueError, match="is no folder"):
        IdxFolder("train", tmp_path / "nowhere")


def test_what_a_folder_lacks_is_said(tmp_path):
    folder = idx(tmp_path / "own", NAMED["MNIST"])
    with pytest.raises(ValueError, match="test_fraction=0.2 has no use"):
        IdxFolder("train", folder, test_fraction=0.2)
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ValueError, match="holds none as its train labels"):
        IdxFolder("train", folder)
    idx(folder, NAMED["MNIST"], labels=LABELS + 1)
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte.gz: .*no sample is of class 0.*classes=4"):
        IdxFolder("train", folder)
    assert IdxFolder("train", folder, classes=4).classes == 4


FORMS = [
    {"x_train": SEQUENCES, "y_train": LABELS, "x_test": SEQUENCES[:9], "y_test": LABELS[:9]},
    {
        "train_images": SEQUENCES,
        "train_labels": LABELS[:, None],
        "test_images": SEQUENCES[:9],
        "test_labels": LABELS[:9, None],
    },
    {"X_train": SEQUENCES, "y_train": LABELS, "X_test": SEQUENCES[:9], "y_test": LABELS[:9], "about": np.array("mine")},
]


@pytest.mark.parametrize("form", range(len(FORMS)))
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_files_of_arrays(tmp_path, form, save):
    save(tmp_path / "own.npz", **FORMS[form])
    train, test = (ArrayFile(split, tmp_path / "own.npz", sequence=True) for split in ("train", "test"))
    assert Loader(train, 6, 30).load(torch.arange(30)).inputs.transpose(0, 1).numpy().tolist() == SEQUENCES.tolist()
    assert train.targets.tolist() == LABELS.tolist()
    assert test.targets.tolist() == LABELS[:9].tolist()


@pytest.mark.parametrize(
    "names", [("data", "targets"), ("x", "y"), ("X", "y"), ("images", "labels"), ("inputs", "targets")]
)
def test_arrays_of_one_split_are_parted(tmp_path, names):
    np.savez(tmp_path / "own.npz", **dict(zip(names, (SEQUENCES, LABELS), strict=True)))
    train, test = (ArrayFile(s, tmp_path / "own.npz", sequence=True, test_fraction=0.1) for s in ("train", "test"))
    assert (len(train), len(test)) == (27, 3)
    assert test.targets.tolist() == test.data[:, 0].argmax(1).tolist()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": SEQUENCES}, "holds the arrays a, no samples with class numbers"),
        ({"x": SEQUENCES}, "expected x_train, y_train, x_test and y_test, or data and targets"),
        ({"x": SEQUENCES, "y": LABELS, "x_train": SEQUENCES, "y_train": LABELS}, "no samples|not clear"),
        ({"x": SEQUENCES, "y": LABELS, "data": SEQUENCES, "targets": LABELS}, "is not clear"),
        ({"x": SEQUENCES, "y": LABELS[:5]}, "30 samples and targets 5"),
        ({"x": SEQUENCES, "y": LABELS / 2}, "arrays x and y: targets have type"),
    ],
)
def test_unclear_files(tmp_path, arrays, message):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(ValueError, match=message) as error:
        ArrayFile("train", tmp_path / "own.npz", sequence=True, test_fraction=0.1)
    assert "own.npz" in str(error.value)


def test_classes_are_those_of_both_splits(tmp_path):
    """Also where the test samples have not all of them, or one that no training sample has."""
    for labels in (LABELS[:9] % 2, LABELS[:9] + 1, np.arange(9) % 4):
        train = np.delete(np.arange(30) % 4, slice(3, None, 4)) if labels.max() == 3 else LABELS
        np.savez(
            tmp_path / "own.npz", x_train=SEQUENCES[: len(train)], y_train=train, x_test=SEQUENCES[:9], y_test=labels
        )
        read = [ArrayFile(split, tmp_path / "own.npz", sequence=True) for split in ("train", "test")]
        assert [data.classes for data in read] == [4 if labels.max() == 3 else 3] * 2
        assert read[1].targets.tolist() == labels.tolist()
    folder = idx(tmp_path / "idx", NAMED["MNIST"])
    idx(folder, ["t10k-{}-idx{}-ubyte.gz"], labels=LABELS // 2)
    assert [IdxFolder(split, folder).classes for split in ("train", "test")] == [3, 3]


def test_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert full_name("digits") == "digits"
    assert full_name("idx:sets/kmnist") == f"idx:{tmp_path}/sets/kmnist"
    assert short_name("digits-events") == "digits-events"
    assert short_name("idx:/a/b c/k m.nist/") == "idx-k-m"
    assert short_name("file:/a/my data (1).npz") == "file-my-data-1"
    for wrong in ("data/kmnst", "kmnst", "idy:kmnst", "idx:", ""):
        with pytest.raises(ValueError, match=r"idx:FOLDER.*file:PATH.npz|is not a folder"):
            full_name(wrong)


def own_settings(tmp_path, **more):
    np.savez(tmp_path / "own.npz", x=SEQUENCES, y=LABELS)
    values = {
        "data": f"file:{tmp_path}/own.npz",
        "net": "4-8-3",
        "steps": 6,
        "epochs": 2,
        "batch": 8,
        "validation": 0.0,
    }
    return settings_from({**values, "data_option": {"sequence": True, "test_fraction": 0.2}, **more})


def test_a_run_on_own_data_is_recorded_and_found_again(tmp_path, monkeypatch):
    settings = own_settings(tmp_path)
    folder = RunFolder(tmp_path / "run")
    result = train(settings, folder)
    monkeypatch.chdir(tmp_path.parent)
    again = open_run(folder)
    assert (again.data, again.data_option) == (settings.data, settings.data_option)
    assert trained_network(folder, again).blocks["fc1"].synapse is not None
    assert loader_of_the_test(again).samples == result["test_samples"] == 6
    recorded = json.loads(folder.result.read_text())["data"]
    assert recorded["train"]["published"] is None
    assert list(recorded["test"]["files"]) == ["own.npz"]


def test_changed_files_are_other_data(tmp_path):
    settings = own_settings(tmp_path)
    first = settings.make_dataset("train").data
    trial = Trial("bptt", settings).id
    np.savez(tmp_path / "own.npz", x=1 - SEQUENCES, y=LABELS)
    assert not settings.make_dataset("train").data.equal(first)
    assert Trial("bptt", settings).id != trial
    assert "/" not in trial


def test_a_run_goes_on_with_the_same_files_alone(tmp_path):
    settings = own_settings(tmp_path, epochs=3)

    def stop(training, epoch):
        if epoch == 1:
            raise Interrupted("stopped")

    folder = RunFolder(tmp_path / "run")
    with pytest.raises(Interrupted):
        train(settings, folder, watch=stop)
    np.savez(tmp_path / "own.npz", x=1 - SEQUENCES, y=LABELS)
    with pytest.raises(ValueError, match="began with data_files = {'own.npz'"):
        train(settings, folder, resume=True)
    own_settings(tmp_path)
    assert train(settings, folder, resume=True)["epochs"] == 3


def test_a_plan_names_own_data(tmp_path, monkeypatch):
    own_settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    shared = {"net": "4-8-3", "steps": 6, "data_option": {"sequence": True, "test_fraction": 0.2}}
    plan = plan_from({"data": ["file:own.npz"], "on": {"file:own.npz": shared}, "rules": ["bptt"], "seeds": 1})
    (point,) = plan.points()
    assert point.trial.settings.data == plan.data[0] == f"file:{tmp_path}/own.npz"
    assert point.trial.settings.net == "4-8-3"
    with pytest.raises(ValueError, match="unknown data set 'own.npz'.*file:PATH.npz"):
        plan_from({"data": ["own.npz"]})

"""Published sets of recordings, from tiny copies in their formats: against tonic's classes, splits, the command line."""

from unittest import mock

import numpy as np
import pytest
import torch

from spikelearn.cli.app import run
from spikelearn.datasets import CIFAR10DVS, SHD, SMNIST, DVSGesture, DVSLip, NCaltech101, NTIDigits, PokerDVS
from spikelearn.datasets.n_caltech101 import CLASSES
from tests.conformance import tiny
from tests.conformance.cases import DATASETS


def same(found, expected, names="xytp"):
    assert len(found) == len(expected) > 0
    for name in names:
        assert np.array_equal(found[name].astype(np.int64), expected[name].astype(np.int64)), name


def by_tonic(name, **options):
    """A data set of tonic that takes the files that are there for all."""
    import tonic

    kind = getattr(tonic.datasets, name)
    with mock.patch.object(kind, "_check_exists", return_value=True):
        return kind(**options)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(
    ("kind", "write", "tonic_name"),
    [
        (DVSGesture, tiny.dvs_gesture, "DVSGesture"),
        (DVSLip, tiny.dvs_lip, "DVSLip"),
        (PokerDVS, tiny.poker_dvs, "POKERDVS"),
    ],
)
def test_recordings_and_classes_are_those_of_tonic(tmp_path, kind, write, tonic_name, split):
    write(tmp_path)
    data = kind(split, tmp_path)
    theirs = by_tonic(tonic_name, save_to=str(data.folder), train=split == "train")
    ours = sorted((target, k) for k, target in enumerate(data.targets.tolist()))
    others = sorted((int(target), k) for k, target in enumerate(theirs.targets))
    assert [target for target, _ in ours] == [target for target, _ in others]
    for (_, mine), (_, other) in zip(ours, others, strict=True):
        same(data.recording(mine), theirs[other][0])


def test_shd_and_digits_of_a_cochlea_are_those_of_tonic(tmp_path):
    tiny.heidelberg("shd", "SHD")(tmp_path)
    tiny.n_tidigits(tmp_path)
    data, theirs = SHD("test", tmp_path), None
    (tmp_path / "shd" / "SHD" / "shd_test.h5.zip").touch()
    import h5py

    with h5py.File(tmp_path / "shd" / "SHD" / "shd_test.h5", "a") as file:
        file["extra/keys"], file["extra/speaker"] = [b"zero"], [0]
    theirs = by_tonic("SHD", save_to=str(tmp_path / "shd"), train=False)
    assert data.targets.tolist() == [int(theirs[k][1]) for k in range(4)]
    for k in range(4):
        same(data.recording(k), theirs[k][0], "x")
        assert np.abs(data.recording(k)["t"] - theirs[k][0]["t"]).max() <= 1
    digits = NTIDigits("train", tmp_path)
    others = by_tonic("NTIDIGITS18", save_to=str(tmp_path / "n-tidigits"), train=True, single_digits=True)
    assert digits.targets.tolist() == [others[k][1] for k in range(len(others))] == [0, 4, 9, 10]
    for k in range(4):
        same(digits.recording(k), others[k][0], "x")
        assert np.abs(digits.recording(k)["t"] - others[k][0]["t"]).max() <= 1


def test_sequential_digits_are_those_of_tonic(tmp_path):
    import gzip

    tiny.idx("mnist")(tmp_path)
    folder = tmp_path / "smnist"
    folder.mkdir()
    for packed in (tmp_path / "mnist").glob("*.gz"):
        (folder / packed.name.removesuffix(".gz")).write_bytes(gzip.decompress(packed.read_bytes()))
    data, theirs = SMNIST("test", tmp_path), by_tonic("SMNIST", save_to=str(tmp_path), train=False)
    for k in range(4):
        mine, other = data.recording(k), theirs[k][0]
        expected = sorted(zip(other["t"].tolist(), other["x"].tolist(), strict=True))
        assert sorted(zip(mine["t"].tolist(), mine["x"].tolist(), strict=True)) == expected


def test_splits_that_the_publishers_do_not_have_are_by_number(tmp_path):
    tiny.cifar10_dvs(tmp_path)
    tiny.n_caltech101(tmp_path)
    for kind, numbers in ((CIFAR10DVS, {"train": "_7", "test": "_999"}), (NCaltech101, {"train": "1", "test": "10"})):
        for split, end in numbers.items():
            data = kind(split, tmp_path)
            assert len(data) == 4
            assert all(item.path.stem.endswith(end) for item in data.items)
    assert CIFAR10DVS("train", tmp_path).targets.tolist() == [0, 1, 2, 3]
    targets = NCaltech101("train", tmp_path).targets.tolist()
    assert sorted(CLASSES[target] for target in targets) == sorted(["accordion", "airplanes", "Faces_easy", "yin_yang"])
    assert len(set(CLASSES)) == 101


@pytest.mark.parametrize("name", [name for name, case in DATASETS.items() if case.make.events and case.write])
def test_every_set_trains_a_batch_from_the_command_line(tmp_path, name):
    case = DATASETS[name]
    case.write(tmp_path)
    inputs = "x".join(map(str, case.make.shape))
    words = (
        f"train --data {name} --net {inputs}-{case.make.classes} --steps 3 --epochs 1 --batch 4 --validation 0 --out"
    )
    assert run([*words.split(), str(tmp_path / "run"), "--data-root", str(tmp_path)]) == 0
    assert (tmp_path / "run" / "weights.safetensors").exists()


def test_a_recording_of_another_sensor(tmp_path):
    tiny.cifar10_dvs(tmp_path)
    path = tmp_path / "cifar10-dvs" / "CIFAR10DVS" / "bird" / "cifar10_bird_7.aedat4"
    x, y, t, p = tiny._drawn(0, 100, 100)
    path.write_bytes(tiny._aedat4(x, y, t, p, 346, 260))
    with pytest.raises(ValueError, match="train sample 2, .*names a sensor of 346 x 260 pixels, expected 128 x 128"):
        CIFAR10DVS("train", tmp_path).frames([2], 3)


def test_what_lies_where_no_class_is(tmp_path):
    tiny.dvs_gesture(tmp_path)
    folder = tmp_path / "dvs-gesture" / "DVSGesture" / "ibmGestureTrain"
    np.save(folder / "user01_led" / "99.npy", np.zeros((1, 4)))
    with pytest.raises(ValueError, match="99.npy is no gesture, expected"):
        DVSGesture("train", tmp_path)
    with pytest.raises(ValueError, match="not for download by programs: get DVS-Lip.zip from https"):
        DVSLip("train", tmp_path)


def test_labels_that_are_no_classes(tmp_path):
    import h5py

    tiny.heidelberg("shd", "SHD")(tmp_path)
    with h5py.File(tmp_path / "shd" / "SHD" / "shd_train.h5", "a") as file:
        file["labels"][2] = 77
    with pytest.raises(ValueError, match=r"shd_train.h5: recording 2 has the label 77, expected 0 to 19"):
        SHD("train", tmp_path)
    assert torch.equal(SHD("test", tmp_path).targets, torch.arange(4))

"""Mutated NIR files: an error that names the file, or the network that was written; never a crash, a hang or another."""

import random

import h5py
import nir
import numpy as np
import pytest
import torch

from spikelearn.export import NIR, read_nir
from spikelearn.network import build
from spikelearn.neurons import LIF


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("whole") / "a.nir"
    NIR().write(build("6-4-3", lambda: LIF.per_step(0.9)), path, (6,), {})
    return path


def with_other_bytes(content, chance):
    content = bytearray(content)
    for _ in range(chance.choice([1, 2, 4, 16, 64])):
        content[chance.randrange(len(content))] = chance.randrange(256)
    return bytes(content[: chance.randrange(len(content))] if chance.random() < 0.2 else content)


def arrays_of(file):
    found = []
    file["node"].visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return sorted(found)


def with_other_values(path, chance):
    """A whole HDF5 file that says something else: an array lost, cut, of another type, not finite, or of other numbers."""
    with h5py.File(path, "r+") as file:
        name = chance.choice(arrays_of(file))
        data = file["node"][name]
        value = data[()]
        kind = chance.choice(["lost", "moved", "changed", "shape", "text", "nan"])
        if kind == "lost":
            del file["node"][name]
            return
        if kind == "moved":
            file["node"].move(name, f"{name}_")
            return
        number = isinstance(value, np.ndarray | np.generic) and np.asarray(value).dtype.kind in "iuf"
        new = {
            "changed": np.asarray(value) + 1 if number else "other",
            "shape": np.zeros((2, *np.shape(value)[1:], 3)) if number else "other",
            "text": "text",
            "nan": np.full(np.shape(value), np.nan) if number else "other",
        }[kind]
        del file["node"][name]
        file["node"][name] = new


def check(path, expected):
    """An error of ours with the file's name, or what was written."""
    try:
        network = read_nir(path).network
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017, what may be refused
        return 0
    x = torch.ones(4, 2, 6)
    with torch.no_grad():
        assert network.run(x)[0].output.v.equal(expected.run(x)[0].output.v)
    return 1


def mutate(whole, tmp_path, seeds):
    expected, content = read_nir(whole).network, whole.read_bytes()
    survived = 0
    for seed in seeds:
        chance, path = random.Random(seed), tmp_path / f"{seed}.nir"
        if seed % 2:
            path.write_bytes(with_other_bytes(content, chance))
        else:
            path.write_bytes(content)
            with_other_values(path, chance)
        survived += check(path, expected)
        path.unlink()
    return survived


def test_some_mutated_files(whole, tmp_path):
    assert mutate(whole, tmp_path, range(6)) < 6


@pytest.mark.slow
def test_a_thousand_mutated_files(whole, tmp_path):
    assert mutate(whole, tmp_path, range(6, 1000)) < 994


def test_mutated_trees_of_other_programs(tmp_path):
    """Without a checksum a number may change unseen, but what is read is what the file says, or an error."""
    path = tmp_path / "other.nir"
    lif = nir.LIF(tau=np.full(3, 1e-3), r=np.full(3, 10.0), v_leak=np.zeros(3), v_threshold=np.ones(3))
    graph = nir.NIRGraph.from_list(nir.Input(np.array([6])), nir.Affine(np.ones((3, 6), np.float32), np.zeros(3)), lif,
                                   nir.Output(np.array([3])))  # fmt: skip
    refused = 0
    for seed in range(8):
        nir.write(path, graph)
        with_other_values(path, random.Random(seed))
        try:
            read_nir(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            refused += 1
    assert refused

"""Spikes that travel with a NIR file, by which another machine can check what it fires."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch
from torch import Tensor

from spikelearn.export.nir_file import content_of, read_groups
from spikelearn.files import replacing

#: Group of the file in which they stand, which readers of NIR do not look at.
GROUP = "proof"


class Proof(NamedTuple):
    """Recorded spikes.

    Args:
        inputs: [T, B, ...], as the graph takes them.
        spikes: what its output fired, [T, B, n].
        margin: the least distance of a potential to its threshold; NaN where it is not known.
    """

    inputs: Tensor
    spikes: Tensor
    margin: float


def add_proof(path: Path, proof: Proof) -> None:
    """Write recorded spikes into a NIR file, in place of those that it has, atomically.

    Raises:
        ValueError: a file that cannot be read as NIR.
    """
    tree = read_groups(path)
    arrays = {"inputs": _smallest(proof.inputs), "spikes": _smallest(proof.spikes)}
    with replacing(path) as temporary:
        temporary.write_bytes(path.read_bytes())
        with h5py.File(temporary, "r+") as file:
            if GROUP in file:
                del file[GROUP]
            group = file.create_group(GROUP)
            for name, value in arrays.items():
                group.create_dataset(name, data=value, compression="gzip")
            group["margin"] = float(proof.margin)
            group["sha256"] = _digest(tree["node"], arrays)


def read_proof(path: Path) -> Proof | None:
    """The spikes recorded in a file; None where there are none.

    Raises:
        ValueError: a file that cannot be read as NIR; spikes that are damaged, or recorded of another graph.
    """
    tree = read_groups(path)
    group = tree.get(GROUP)
    if group is None:
        return None
    arrays = {name: group.get(name) if isinstance(group, dict) else None for name in ("inputs", "spikes")}
    whole = all(isinstance(value, np.ndarray) and value.ndim > 2 for value in arrays.values())
    if not whole or group.get("sha256") != _digest(tree["node"], arrays):
        raise ValueError(f"the spikes recorded in {path} are damaged, or of another network: record them again")
    inputs, spikes = (torch.from_numpy(np.asarray(value, np.float32)) for value in arrays.values())
    return Proof(inputs, spikes, float(group.get("margin", np.nan)))


def _smallest(values: Tensor) -> np.ndarray:
    """Spikes as bytes, other values as they are."""
    array = values.detach().cpu().float().numpy()
    binary = bool(((array == 0) | (array == 1)).all())
    return array.astype(np.uint8) if binary else array


def _digest(node: Any, arrays: Any) -> str:
    digest = hashlib.sha256(content_of(node).encode())
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {value.dtype.str} {list(value.shape)}".encode() + value.tobytes())
    return digest.hexdigest()

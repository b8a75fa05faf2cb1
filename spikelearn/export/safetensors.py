"""Weights alone, in safetensors."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from spikelearn.checks import check_all_finite
from spikelearn.documents import check_seal, object_from, sealed
from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.files import write_atomically
from spikelearn.network import Network

#: The one key of the header's metadata: several would come in a random order, and equal weights in unequal files.
_KEY = "spikelearn"

#: Its checksum of the tensors.
_CONTENT = "tensors"


@FORMATS.register("safetensors")
class Safetensors(Format):
    """Every parameter and buffer under its name in the network.

    The header's metadata has one key, ``spikelearn``: a JSON object with the version, what else is known of the
    weights, and checksums of names, types, shapes and values, and of all that it says itself.

    Shapes: as in the network; weights [out, in...], dimensionless current per spike.

    Source: the safetensors format, version 0.4 and later.
    """

    ending = ".safetensors"
    mark = (b"{", 8)

    def write(self, network: Network, path: Path, input_shape: Sequence[int], metadata: Mapping[str, Any]) -> Exported:
        save_weights(path, network.state_dict(), {**metadata, "input_shape": "x".join(map(str, input_shape))})
        return Exported(path, ("neurons and readout are not part of the file, only weights",))


def save_weights(path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write tensors by name, with ``metadata`` and a checksum in the header, atomically; equal weights, equal bytes.

    Raises:
        ValueError: a tensor that is NaN or infinite somewhere; nothing was written.
    """
    for name, value in weights.items():
        check_all_finite(name, value, "go on from an earlier state of the network, or train anew")
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    known = sealed({**metadata, "version": version("spikelearn"), _CONTENT: _digest(tensors)})
    write_atomically(path, save(tensors, metadata={_KEY: json.dumps(known, sort_keys=True)}))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of a file that ``save_weights`` wrote.

    Raises:
        ValueError: the file is missing, cut short, damaged or of another program, or holds NaN or infinity; it is left
            as it is.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist: the run has no weights yet; resume it until it ends")
    content = path.read_bytes()
    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = object_from(object_from(content[8 : 8 + length])["__metadata__"][_KEY].encode())
        check_seal(metadata)
        if metadata[_CONTENT] != _digest(tensors):
            raise ValueError("its checksum does not match")
    except Exception as error:  # the library raises errors of many kinds, and what is in the file may be anything
        raise ValueError(f"{path} is damaged or not of this program ({error}): restore it, or train anew") from error
    for name, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(f"{path} has NaN or infinity in {name}: restore it, or train anew")
    return tensors, metadata


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()

"""Weights alone, in safetensors."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.files import write_atomically
from spikelearn.network import Network

#: The one key of the header's metadata: several would come in a random order, and equal weights in unequal files.
_KEY = "spikelearn"


@FORMATS.register("safetensors")
class Safetensors(Format):
    """Every parameter and buffer under its name in the network.

    The header's metadata has one key, ``spikelearn``: a JSON object with the version, what else is known of the
    weights, and a checksum of names, types, shapes and values.

    Shapes: as in the network; weights [out, in...], dimensionless current per spike.

    Source: the safetensors format, version 0.4 and later.
    """

    ending = ".safetensors"

    def write(self, network: Network, path: Path, input_shape: Sequence[int], metadata: Mapping[str, str]) -> Exported:
        save_weights(path, network.state_dict(), {**metadata, "input_shape": "x".join(map(str, input_shape))})
        return Exported(path, ("neurons and readout are not part of the file, only weights",))


def save_weights(path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors by name, with ``metadata`` and a checksum in the header, atomically; equal weights, equal bytes."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    known = {**metadata, "version": version("spikelearn"), "sha256": _digest(tensors)}
    write_atomically(path, save(tensors, metadata={_KEY: json.dumps(known, sort_keys=True)}))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a file that ``save_weights`` wrote.

    Raises:
        ValueError: the file is missing, cut short, damaged or of another program; it is left as it is.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist: the run has no weights yet; resume it until it ends")
    content = path.read_bytes()
    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][_KEY])
    except (SafetensorError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is damaged or not of this program ({error}): restore it, or train anew") from error
    if metadata.get("sha256") != _digest(tensors):
        raise ValueError(f"{path} is damaged (its checksum does not match): restore it, or train anew")
    return tensors, metadata


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()

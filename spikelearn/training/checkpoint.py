"""Checkpoints and weights on disk: whole or not at all, and checked when read."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from spikelearn.files import write_atomically

_MAGIC = b"spikelearn-checkpoint-1 "


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` (tensors and plain values) with its checksum, atomically."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    write_atomically(path, _MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what ``save_checkpoint`` wrote.

    Raises:
        ValueError: the file is missing, is no checkpoint, was cut short or changed; it is left as it is.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist: there is no checkpoint to go on from; train anew")
    head, newline, content = path.read_bytes().partition(b"\n")
    if not newline or not head.startswith(_MAGIC):
        raise ValueError(
            f"{path} is no checkpoint of this program, or its beginning is damaged: restore it or train anew"
        )
    if hashlib.sha256(content).hexdigest().encode() != head.removeprefix(_MAGIC):
        raise ValueError(
            f"{path} is damaged (its checksum does not match): restore it, or train anew in another folder"
        )
    state: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    return state


def save_weights(path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write parameters and buffers as safetensors, with ``metadata`` and a checksum in its header, atomically."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    header = dict(metadata) | {"sha256": _digest(tensors)}
    write_atomically(path, save_safetensors(tensors, metadata=header))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file.

    Raises:
        ValueError: the file is missing, cut short or damaged; it is left as it is.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist: the run has no weights yet; resume it until it ends")
    content = path.read_bytes()
    try:
        tensors = load_safetensors(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is damaged or no safetensors file ({error}): restore it, or train anew") from error
    if "sha256" in metadata and metadata["sha256"] != _digest(tensors):
        raise ValueError(f"{path} is damaged (its checksum does not match): restore it, or train anew")
    return tensors, metadata


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()

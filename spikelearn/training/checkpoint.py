"""Checkpoints on disk: whole or not at all, and checked when read."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

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
    try:
        state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception as error:  # the unpickler raises errors of many kinds
        raise ValueError(
            f"{path} cannot be read ({type(error).__name__}): it is of another version; train anew"
        ) from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, expected a training's state: train anew")
    return state

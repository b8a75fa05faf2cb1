"""Learned credit networks: the file in which an outer loop leaves one, and the text by which settings hold it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spikelearn.documents import json_text, object_from, read_json, write_json

#: The entry of a file that holds {tensor: nested lists of numbers}.
ENTRY = "credit_network"


def tensors_of(text: str) -> dict[str, Tensor]:
    """{name: tensor} of a text: the name of a file, or the JSON object that ``written`` makes.

    Raises:
        ValueError: no such file, another one, an entry that is no rectangle of finite numbers.
    """
    if text.lstrip().startswith("{"):
        found: Any = object_from(text.encode())
    elif Path(text).is_file():
        found = read_json(Path(text), "learn one with: spikelearn credits").get(ENTRY)
    else:
        raise ValueError(
            f"{text} does not exist: name a file of a credit network, which spikelearn credits --out leaves"
        )
    if not isinstance(found, Mapping):
        raise ValueError(f"{text} has no entry {ENTRY!r}, expected a file that spikelearn credits wrote: name one")
    return {name: _tensor(name, value) for name, value in found.items()}


def _tensor(name: str, value: Any) -> Tensor:
    try:
        found = torch.tensor(value, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} of the credit network is no rectangle of numbers ({error}): learn another") from error
    if not bool(found.isfinite().all()):
        raise ValueError(f"{name} of the credit network has numbers that are not finite: learn another")
    return found


def written(tensors: Mapping[str, Tensor]) -> str:
    """The text of a credit network, a JSON object from which ``tensors_of`` makes the same in single precision."""
    return json_text(_lists(tensors))


def write_credit_network(path: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a credit network with what is known ``about`` it: settings, episodes, losses."""
    write_json(Path(path), {ENTRY: _lists(tensors), "about": dict(about)})


def _lists(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: tensor.to(torch.float32).tolist() for name, tensor in tensors.items()}

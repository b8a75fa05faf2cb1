"""Tensors that an outer loop learned: the file in which it leaves them, and the text by which settings hold them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spikelearn.documents import json_text, object_from, read_json, write_json


@dataclass(frozen=True)
class LearnedTensors:
    """A kind of learned tensors.

    Args:
        entry: of a file, which holds {tensor: nested lists of numbers}.
        words: the kind in words, with its article.
        command: that learns some and leaves a file.
    """

    entry: str
    words: str
    command: str

    def of(self, text: str) -> dict[str, Tensor]:
        """{name: tensor} of a text: the name of a file, or the JSON object that ``written`` makes.

        Raises:
            ValueError: no such file, another one, an entry that is no rectangle of finite numbers.
        """
        if text.lstrip().startswith("{"):
            found: Any = object_from(text.encode())
        elif Path(text).is_file():
            found = read_json(Path(text), f"learn one with: {self.command}").get(self.entry)
        else:
            raise ValueError(f"{text} does not exist: name a file of {self.words}, which {self.command} --out leaves")
        if not isinstance(found, Mapping):
            raise ValueError(f"{text} has no entry {self.entry!r}, expected a file that {self.command} wrote: name one")
        return {name: self._tensor(name, value) for name, value in found.items()}

    def written(self, tensors: Mapping[str, Tensor]) -> str:
        """The text of some, a JSON object from which ``of`` makes the same in single precision."""
        return json_text(_lists(tensors))

    def write(self, path: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Write some with what is known ``about`` them: settings, episodes, losses."""
        write_json(Path(path), {self.entry: _lists(tensors), "about": dict(about)})

    def _tensor(self, name: str, value: Any) -> Tensor:
        kind = self.words.partition(" ")[2]
        try:
            found = torch.tensor(value, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{name} of the {kind} is no rectangle of numbers ({error}): learn another") from error
        if not bool(found.isfinite().all()):
            raise ValueError(f"{name} of the {kind} has numbers that are not finite: learn another")
        return found


def _lists(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: tensor.detach().to(torch.float32).tolist() for name, tensor in tensors.items()}

"""The interface of export formats."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from spikelearn.network import Network
from spikelearn.registry import Registry


@dataclass(frozen=True)
class Exported:
    """A written file, and what the format cannot say or says in another way, a sentence each."""

    path: Path
    notes: tuple[str, ...]


class Format(ABC):
    """One file format."""

    #: Ending of its files.
    ending: ClassVar[str]

    #: What its files have in them, and at which byte.
    mark: ClassVar[tuple[bytes, int]]

    def check_target(self, path: Path) -> None:
        """Raise ValueError where ``path`` is a file of another kind, which somebody may need."""
        mark, at = self.mark
        if path.is_file() and path.stat().st_size and path.read_bytes()[at : at + len(mark)] != mark:
            raise ValueError(f"{path} is there and is no file of this format: name another, or remove it")

    @abstractmethod
    def write(self, network: Network, path: Path, input_shape: Sequence[int], metadata: Mapping[str, Any]) -> Exported:
        """Write ``network``, whose images have ``input_shape``, atomically; ValueError where it cannot be said."""


FORMATS = Registry("export format", Format)

"""What every export format offers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from spikelearn.network import Network
from spikelearn.registry import Registry

FORMATS: Registry[type["Format"]] = Registry("export format")


@dataclass(frozen=True)
class Exported:
    """A written file, and what the format cannot say or says in another way, a sentence each."""

    path: Path
    notes: tuple[str, ...]


class Format(ABC):
    """One file format."""

    #: Ending of its files.
    ending: ClassVar[str]

    @abstractmethod
    def write(self, network: Network, path: Path, input_shape: Sequence[int], metadata: Mapping[str, str]) -> Exported:
        """Write ``network``, whose images have ``input_shape``, atomically; ValueError where it cannot be said."""

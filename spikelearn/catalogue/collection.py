"""Named TOML files in a folder of the package."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from spikelearn.checks import one_of
from spikelearn.documents import read_toml

SUFFIX = ".toml"


@dataclass(frozen=True)
class Collection:
    """The TOML files of one kind, each named by its path without the suffix.

    Args:
        kind: what one of them is, in messages: "preset".
        folder: their folder in the catalogue.
    """

    kind: str
    folder: str

    def names(self) -> list[str]:
        """All names in order; a file in a subfolder is named "folder/file"."""
        return sorted(_names(self._root, ""))

    def has(self, name: str) -> bool:
        """Tell whether there is a file of that name."""
        return name in self.names()

    def read(self, name: str) -> dict[str, Any]:
        """The tables of the file ``name``.

        Raises:
            ValueError: an unknown name.
        """
        known = self.names()
        if name not in known:
            raise ValueError(f"unknown {self.kind} {name!r}, expected {one_of(name, known)}")
        return read_toml(self._root.joinpath(f"{name}{SUFFIX}"))

    def path(self, name: str) -> str:
        """The file ``name`` as seen from the root of the repository."""
        return f"spikelearn/catalogue/{self.folder}/{name}{SUFFIX}"

    @property
    def _root(self) -> Traversable:
        return files("spikelearn").joinpath("catalogue", self.folder)


def _names(folder: Traversable, prefix: str) -> Iterator[str]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _names(item, f"{prefix}{item.name}/")
        elif item.name.endswith(SUFFIX):
            yield prefix + item.name.removesuffix(SUFFIX)


PRESETS = Collection("preset", "presets")
TUNED = Collection("tuned rule", "tuned")
SUITES = Collection("suite", "suites")
CLAIMS = Collection("claim", "claims")

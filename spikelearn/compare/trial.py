"""A trial: one training of one arm, and the folder that holds all of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from spikelearn.files import write_atomically
from spikelearn.training import RunFolder, Settings

#: Of the records in trial folders; another number is not read.
FORMAT = 1

#: What a finished trial must still have, byte for byte as long as when it ended.
KEPT = ("settings.toml", "metrics.jsonl", "weights.safetensors", "result.json")


@dataclass(frozen=True)
class Trial:
    """One training of one arm.

    Args:
        arm: the arm's name.
        settings: all that the training depends on.
        after: what is done to the trained network before further tests, for example "gaussian:sd=0.1".
        differs: names of the settings in which the arm differs from the common conditions.
        tuning: the search that found the arm's settings; None: none.
        measure: whether alignment, operations and activity are measured.
    """

    arm: str
    settings: Settings
    after: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    tuning: Mapping[str, Any] | None = None
    measure: bool = True

    @cached_property
    def id(self) -> str:
        """A name that tells what it is, with a hash of everything that its result depends on."""
        made_of = {
            "settings": self.settings.model_dump(mode="json", exclude={"data_root", "device"}),
            "arm": self.arm,
            "after": self.after,
            "measure": self.measure,
        }
        digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:10]
        return f"{self.settings.data}-{self.arm}-{self.settings.seed}-{digest}"


class TrialFolder(RunFolder):
    """A run's folder that also holds the record of its trial.

    Args:
        path: the folder, whose name is the trial's id.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.record = self.path / "trial.json"
        self.looks = self.path / "looks.jsonl"
        self.failure = self.path / "failure.json"

    def read(self) -> dict[str, Any] | None:
        """The record of a finished trial; None where it has not ended, or something of it is missing or cut short."""
        found = read_object(self.record)
        if found.get("format") != FORMAT or found.get("trial") != self.path.name:
            return None
        sizes = found.get("files")
        whole = isinstance(sizes, dict) and all(_size(self.path / name) == size for name, size in sizes.items())
        return found if whole else None

    def write(self, record: Mapping[str, Any]) -> None:
        """Write the record of a trial that has ended; with it, the trial counts as finished."""
        sizes = {name: _size(self.path / name) for name in KEPT}
        self.failure.unlink(missing_ok=True)
        whole = {"format": FORMAT, "trial": self.path.name, **record, "files": sizes}
        write_atomically(self.record, (json.dumps(whole, indent=1) + "\n").encode())

    def read_failure(self) -> dict[str, Any] | None:
        """Why the trial failed; None where it did not, or nobody could write it down."""
        return read_object(self.failure) or None

    def write_failure(self, reason: str, kind: str) -> None:
        """Write down why the trial failed."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.failure, (json.dumps({"reason": reason, "kind": kind}) + "\n").encode())


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is none, or only part of one."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None

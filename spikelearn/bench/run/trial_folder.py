"""The folder of a trial, whose record says that it has ended."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikelearn.bench.run.trial_record import TrialRecord
from spikelearn.documents import check_seal, modelled, object_from, read_json, sealed, write_json
from spikelearn.files import digest_of
from spikelearn.training import RunFolder

#: Of the records in trial folders; another number is not read.
FORMAT = 2

#: What a finished trial must still have as it was when it ended, or still lack.
KEPT = ("settings.toml", "metrics.jsonl", "weights.safetensors", "result.json", "recording.npz", "looks.jsonl")


class TrialFolder(RunFolder):
    """A run's folder that also holds the record of its trial.

    Args:
        path: the folder, whose name is the trial's id.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.record = self.path / "trial.json"
        self.probe = self.path / "looks.jsonl"
        self.failure = self.path / "failure.json"

    def read(self) -> TrialRecord | None:
        """The record of a finished trial; None where it has not ended, or something of it is missing or damaged."""
        try:
            return self.checked()
        except (ValueError, OSError):
            return None

    def checked(self) -> TrialRecord | None:
        """The record of a finished trial; None where it has not ended.

        Raises:
            ValueError: the file that is damaged, missing or another trial's, and why it is taken for that.
        """
        if not self.record.is_file():
            return None
        try:
            content = object_from(self.record.read_bytes())
            for key, expected in (("format", FORMAT), ("trial", self.path.name)):
                if content.get(key) != expected:
                    raise ValueError(f"its {key} is {content.get(key)!r}, expected {expected!r}")
            check_seal(content)
            record = modelled(TrialRecord, content)
        except ValueError as error:
            raise ValueError(f"{self.record.name} is damaged: {error}") from error
        for name in KEPT:
            if digest_of(self.path / name) != record.files.get(name):
                what = "is not as it was" if (self.path / name).is_file() else "is missing that was there"
                raise ValueError(f"{name} {what} when the trial ended")
        return record

    def write(self, record: Mapping[str, Any]) -> None:
        """Write the record of a trial that has ended; with it, the trial counts as finished."""
        files = {name: digest_of(self.path / name) for name in KEPT}
        self.failure.unlink(missing_ok=True)
        write_json(self.record, sealed({"format": FORMAT, "trial": self.path.name, **record, "files": files}))

    def read_failure(self) -> dict[str, Any] | None:
        """Why the trial failed; None where it did not, or nobody could write it down."""
        return read_object(self.failure) or None

    def write_failure(self, reason: str, kind: str) -> None:
        """Write down why the trial failed."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.failure, {"reason": reason, "kind": kind})


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is none, or a damaged one."""
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}

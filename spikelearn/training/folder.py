"""The folder of a run: its settings, metrics, checkpoint, weights and result."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from spikelearn.files import TEMPORARY, write_atomically


class RunFolder:
    """Names of the files of one run, and its metrics, one JSON object a line.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.settings = self.path / "settings.toml"
        self.metrics = self.path / "metrics.jsonl"
        self.checkpoint = self.path / "checkpoint.pt"
        self.weights = self.path / "weights.safetensors"
        self.best = self.path / "best.safetensors"
        self.result = self.path / "result.json"
        self.recording = self.path / "recording.npz"
        self.pictures = self.path / "pictures"
        self.lock = self.path / "run.lock"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Inside, the folder is this process's; what a killed process left half-written is swept away.

        Raises:
            ValueError: another process works in it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.lock, timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise ValueError(
                f"{self.path} is in use by another process: wait for it, or name another folder with --out"
            ) from error
        try:
            for left in self.path.glob(f"{TEMPORARY}*"):
                left.unlink(missing_ok=True)
            yield
        finally:
            lock.release()
            if not any(path != self.lock for path in self.path.iterdir()):
                self.lock.unlink(missing_ok=True)
                self.path.rmdir()

    def own_files(self) -> set[Path]:
        """The files that must not be written over by anything but the run."""
        return {value.resolve() for name, value in vars(self).items() if isinstance(value, Path) and name != "path"}

    @property
    def ended(self) -> bool:
        """Whether the run has left everything that a finished run leaves."""
        return all(path.is_file() for path in (self.weights, self.result, self.recording))

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """Add one line, and have it on disk before returning."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self.metrics.open("a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read_metrics(self) -> list[dict[str, Any]]:
        """All whole lines; a last line cut short by a crash is left out.

        Raises:
            ValueError: a line before the last that is not JSON, a line that is not the metrics of an epoch.
        """
        if not self.metrics.is_file():
            return []
        rows = []
        lines = self.metrics.read_text(errors="replace").splitlines()
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                if number == len(lines):
                    break
                raise ValueError(f"{self.metrics} is damaged at line {number}: restore or delete the line") from error
            if not _is_metrics(row):
                raise ValueError(f"{self.metrics} has no metrics at line {number}: restore or delete the line")
            rows.append(row)
        return rows

    def has_metrics_of(self, epochs: int) -> bool:
        """Whether each of the first ``epochs`` epochs has its line, in order."""
        return [row["epoch"] for row in self.read_metrics()][:epochs] == list(range(1, epochs + 1))

    def keep_metrics_before(self, epoch: int) -> None:
        """Drop the lines of epochs that a resumed run will run again.

        Raises:
            ValueError: a damaged line, or no line for an epoch that has ended.
        """
        if not self.has_metrics_of(epoch):
            raise ValueError(f"{self.metrics} lacks epochs of the {epoch} that have ended: restore it, or train anew")
        rows = [row for row in self.read_metrics() if row["epoch"] <= epoch]
        if self.metrics.is_file():
            write_atomically(self.metrics, "".join(json.dumps(row) + "\n" for row in rows).encode())

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write the result of a finished run."""
        write_atomically(self.result, (json.dumps(result, indent=2) + "\n").encode())

    def read_result(self) -> dict[str, Any] | None:
        """The result, or None where the run has not ended.

        Raises:
            ValueError: the file is damaged.
        """
        if not self.result.is_file():
            return None
        try:
            found = json.loads(self.result.read_text(errors="replace"))
        except json.JSONDecodeError:
            found = None
        if not isinstance(found, dict) or not {"test_accuracy", "test_samples", "optimizer", "parameters"} <= set(
            found
        ):
            raise ValueError(f"{self.result} is damaged: delete it, and resume the run to write it again")
        return found


def _is_metrics(row: Any) -> bool:
    numbers = ("epoch", "accuracy", "samples_per_second")
    return (
        isinstance(row, dict)
        and all(isinstance(row.get(name), int | float) for name in numbers)
        and isinstance(row.get("rates"), dict)
        and all(isinstance(rate, int | float) for rate in row["rates"].values())
        and all(isinstance(row.get(name), int | float | None) for name in ("loss", "validation_accuracy"))
    )

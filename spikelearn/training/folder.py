"""The folder of a run: its settings, metrics, checkpoint, weights and result."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikelearn.files import write_atomically


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
            ValueError: a line that is not JSON before the last.
        """
        if not self.metrics.is_file():
            return []
        rows = []
        lines = self.metrics.read_text().splitlines()
        for number, line in enumerate(lines, 1):
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                if number < len(lines):
                    raise ValueError(
                        f"{self.metrics} is damaged at line {number}: restore or delete the line"
                    ) from error
        return rows

    def keep_metrics_before(self, epoch: int) -> None:
        """Drop the lines of epochs that a resumed run will run again."""
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
            found: dict[str, Any] = json.loads(self.result.read_text())
        except json.JSONDecodeError as error:
            raise ValueError(f"{self.result} is damaged ({error}): delete it, and resume the run") from error
        return found

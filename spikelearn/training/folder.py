"""The folder of a run: its settings, metrics, checkpoint, weights and result."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Self

from filelock import FileLock, Timeout
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from spikelearn.documents import is_untouched, json_text, modelled, object_from, read_sealed, sealed, write_json
from spikelearn.files import append, digest_of, sweep, write_atomically
from spikelearn.tasks import measure_in

#: Plain values as a run writes them, and more beside them.
_WRITTEN = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

Share = Annotated[float, Field(ge=0, le=1)]


def _square(counts: list[list[int]]) -> list[list[int]]:
    if not counts or any(len(row) != len(counts) for row in counts):
        raise ValueError("expected as many counts in every row as there are rows")
    return counts


def _check_measure(given: BaseModel, prefix: str) -> None:
    """Raise ValueError unless there is an accuracy, or the measure of another task, a finite number."""
    values = given.model_dump(exclude_none=True)
    try:
        name = prefix + measure_in(values).name
    except ValueError:
        name = f"{prefix}accuracy"
    if not isinstance(values.get(name), int | float):
        raise ValueError(f"{name} is missing")


#: How many samples of each class (row) were taken for each class.
Confusion = Annotated[list[list[Annotated[int, Field(ge=0, lt=2**53)]]], AfterValidator(_square)]


class Metrics(BaseModel):
    """Keys of a line of ``metrics.jsonl``."""

    model_config = _WRITTEN

    epoch: Annotated[int, Field(ge=1)]
    accuracy: Share | None = None
    samples_per_second: float
    rates: dict[str, float]
    loss: float | None = None
    validation_accuracy: Share | None = None
    test_accuracy: Share | None = None
    seconds: float = 0.0
    lr: float | None = None

    @model_validator(mode="after")
    def _has_measure(self) -> Self:
        _check_measure(self, "")
        return self


class Result(BaseModel):
    """Keys of ``result.json``: the run's settings, and checksums of the files that it left."""

    model_config = _WRITTEN

    test_accuracy: Share | None = None
    test_unique_accuracy: Share | None = None
    test_samples: int
    test_confusion: Confusion | None = None
    rates: dict[str, float] = {}
    optimizer: str
    parameters: int
    settings: dict[str, Any]
    files: dict[str, str]

    @model_validator(mode="after")
    def _has_measure(self) -> Self:
        _check_measure(self, "test_")
        return self


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
        """Claim the folder for this process, and sweep away what a killed process left half-written.

        Raises:
            ValueError: another process works in it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        new, lock = not self.lock.exists(), FileLock(self.lock, timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise ValueError(
                f"{self.path} is in use by another process: wait for it, or name another folder with --out"
            ) from error
        try:
            sweep(self.path)
            yield
        finally:
            lock.release()
            others = any(path != self.lock for path in self.path.iterdir())
            if not others or (new and not (self.settings.is_file() and is_untouched(self.settings))):
                self.lock.unlink(missing_ok=True)  # nothing was begun here, so nothing is left
            if not others:
                self.path.rmdir()

    def own_files(self) -> set[Path]:
        """The files that must not be written over by anything but the run."""
        return {value.resolve() for name, value in vars(self).items() if isinstance(value, Path) and name != "path"}

    @property
    def begun(self) -> bool:
        """True if a run has left something here that is more than its settings."""
        left = (self.metrics, self.checkpoint, self.weights, self.best, self.result, self.recording)
        return any(path.exists() for path in left)

    @property
    def holds_settings_alone(self) -> bool:
        """True if a run was killed here before its first checkpoint."""
        return self.settings.is_file() and is_untouched(self.settings) and not self.begun

    def check_free(self) -> None:
        """Raise ValueError where a run would mix with another, or with files that no run has written.

        Settings alone, as a run left them that ended before its first batch, are in nobody's way.
        """
        there = {path.name for path in self.path.iterdir()} if self.path.is_dir() else set()
        if self.settings.is_file() and self.begun:
            raise ValueError(
                f"{self.path} already holds a run: go on with it (--resume {self.path}), or name another folder with "
                "--out"
            )
        others = {name for name in there - {self.lock.name, self.settings.name} if not name.startswith(".")}
        if self.settings.is_file() and not is_untouched(self.settings):
            others.add(self.settings.name)
        if others:
            raise ValueError(
                f"{self.path} holds something else ({min(others)}), which a run would write over or lie beside: name "
                "another folder with --out"
            )

    @property
    def ended(self) -> bool:
        """True if the run has left everything that a finished run leaves."""
        return all(path.is_file() for path in (self.weights, self.result, self.recording))

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """Add one line, and have it on disk before returning."""
        self.path.mkdir(parents=True, exist_ok=True)
        append(self.metrics, (json_text(row) + "\n").encode())

    def read_metrics(self) -> list[dict[str, Any]]:
        """All whole lines; a last line cut short by a crash is left out.

        Raises:
            ValueError: a whole line that is not the metrics of an epoch.
        """
        rows: list[dict[str, Any]] = []
        lines = self._lines()
        for number, line in enumerate(lines, 1):
            try:
                row = object_from(line)
                modelled(Metrics, row)
                if rows and row["rates"].keys() != rows[0]["rates"].keys():
                    raise ValueError("rates are of other blocks than before")
            except ValueError as error:
                if number == len(lines) and not line.endswith(b"\n"):
                    break
                raise ValueError(
                    f"{self.metrics} is damaged at line {number} ({error}): restore or delete the line"
                ) from error
            rows.append(row)
        return rows

    def metrics_digest(self, epochs: int) -> str:
        """A checksum of the lines of the first ``epochs`` epochs."""
        return hashlib.sha256(b"".join(self._lines()[:epochs])).hexdigest()

    def has_metrics_of(self, epochs: int, digest: str) -> bool:
        """Tell whether each of the first ``epochs`` epochs has its line, in order and as it was written."""
        recorded = [row["epoch"] for row in self.read_metrics()][:epochs]
        in_order = recorded == list(range(1, len(recorded) + 1)) and len(recorded) == epochs
        return in_order and self.metrics_digest(epochs) == digest

    def keep_metrics_before(self, epoch: int, digest: str) -> None:
        """Drop the lines of epochs that a resumed run will run again.

        Raises:
            ValueError: a damaged line, or no line for an epoch that has ended.
        """
        if not self.has_metrics_of(epoch, digest):
            raise ValueError(
                f"{self.metrics} lacks epochs of the {epoch} that have ended, or was changed: restore it, or train anew"
            )
        if self.metrics.is_file():
            write_atomically(self.metrics, b"".join(self._lines()[:epoch]))

    def _lines(self) -> list[bytes]:
        return self.metrics.read_bytes().splitlines(keepends=True) if self.metrics.is_file() else []

    def write_result(self, result: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Write the result of a run that had ``settings``, with the checksums of all that it left."""
        files = {path.name: digest_of(path) for path in (self.metrics, self.weights, self.recording)}
        write_json(self.result, sealed({**result, "settings": settings, "files": files}))

    def read_result(self) -> dict[str, Any] | None:
        """The result, or None where the run has not ended.

        Raises:
            ValueError: the file is damaged.
        """
        if not self.result.is_file():
            return None
        result = read_sealed(self.result, "delete it, and resume the run to write it again")
        try:
            modelled(Result, result)
        except ValueError as error:
            raise ValueError(
                f"{self.result} is damaged: {error}: delete it, and resume the run to write it again"
            ) from error
        return result

    def check_unchanged(self, path: Path) -> None:
        """Raise ValueError where one of the files is not as the run that has ended left it."""
        result = self.read_result()
        if result is not None and path.is_file() and digest_of(path) != result["files"].get(path.name):
            raise ValueError(
                f"{path} is damaged or another run's (its checksum is not that in {self.result.name}): restore it, or "
                "train anew in another folder"
            )

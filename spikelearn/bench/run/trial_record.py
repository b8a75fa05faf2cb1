"""The record of a finished trial, as it is read."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from spikelearn.tasks import ACCURACY, Measure, measure_in

#: What must be of its kind where it is there; any other part of another kind counts as not measured.
FIXED = (
    "arm", "rule", "data", "net", "seed", "files", "measure", "score", "settings", "tuning", "reasons", "machine",
    "versions", "differs", "bounds",
)  # fmt: skip


class Part(BaseModel):
    """A part of a record; what was not measured of it is None."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


class Activity(Part):
    """Of one block: mean spikes per step and neuron, and the shares of silent and of saturated neurons."""

    rate: float | None = None
    silent: float | None = None
    saturated: float | None = None


class Epoch(Part):
    """One entry of the learning curve; entry 0 is before training.

    Args:
        seconds, samples: of this epoch alone.
        train_score, validation_score, test_score: the task's measure.
        rates, activity, alignment: {block: what was measured in it}; alignment is None for a rule without a gradient.
    """

    epoch: int
    seconds: float | None = None
    samples: float | None = None
    loss: float | None = None
    train_score: float | None = None
    validation_score: float | None = None
    test_score: float | None = None
    lr: float | None = None
    rates: dict[str, float | None] = {}
    activity: dict[str, Activity] | None = None
    alignment: dict[str, float | None] | None = None


class Tested(Part):
    """A test after something was done to the trained network; without a score where it could not be done."""

    score: float | None = None
    unique_accuracy: float | None = None
    seconds: float | None = None


class Operations(Part):
    """Of one sample."""

    accumulates: float | None = None
    multiply_accumulates: float | None = None
    dense: float | None = None


class Energy(Part):
    """Of one sample, pJ: of arithmetic alone, and with the reading of weights."""

    forward_pj: float | None = None
    learning_pj: float | None = None
    forward_with_memory_pj: float | None = None
    learning_with_memory_pj: float | None = None


class InMemory(Part):
    """Of one sample, on a chip that computes in its memory: seconds of the phases on the longest way, joules of all."""

    forward_seconds: float | None = None
    backward_seconds: float | None = None
    error_seconds: float | None = None
    weight_gradient_seconds: float | None = None
    update_seconds: float | None = None
    joules: float | None = None


class Writes(Part):
    """Weight writes: the share of weights that a step changes, and how many that makes."""

    share: float | None = None
    per_epoch: float | None = None
    total: float | None = None


class Seconds(Part):
    """Where the time of a trial went."""

    training: float | None = None
    run: float | None = None
    looks: float | None = None
    after: float | None = None
    total: float | None = None


class Payload(Part):
    """Bytes of tensors that one step of learning keeps at once: autograd's, and all that are alive."""

    saved: float | None = None
    live: float | None = None


class Fingerprints(Part):
    """Hashes of the initial weights, and of the order in which samples are shown."""

    weights: str | None = None
    order: str | None = None


def _in_order(curve: list[Epoch]) -> list[Epoch]:
    return sorted(curve, key=lambda entry: entry.epoch)


def _square(counts: list[list[int]]) -> list[list[int]]:
    if not counts or any(len(row) != len(counts) for row in counts):
        raise ValueError("expected as many rows as columns")
    return counts


class TrialRecord(BaseModel):
    """What ``trial.json`` holds.

    What tells which trial it is must be there, of its kind; any other part may be missing, and was not measured then.
    A file calls a measure by its name, such as ``accuracy`` or ``test_mse``; here it is the score.

    Args:
        measure: of the task.
        score, validation_score: the measure on test and on validation samples.
        curve: entries in the order of epochs, that before the first included.
        after: {what was done to the trained network: its test}.
        reasons: {what was not measured: why}.
        files: {file: its sha256}, of those that a finished trial keeps.
    """

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    arm: str
    rule: str
    data: str
    net: str
    seed: int
    files: dict[str, str | None]
    measure: Measure
    score: float
    settings: dict[str, Any] = {}
    tuning: dict[str, Any] = {}
    reasons: dict[str, Any] = {}
    machine: dict[str, Any] = {}
    versions: dict[str, Any] = {}
    differs: list[str] = []
    bounds: list[Any] | None = None
    validation_score: float | None = None
    unique_accuracy: float | None = None
    task: Any = None
    clip_norm: Any = None
    supervised: Any = None
    optimizer: str | None = None
    schedule: str | None = None
    parameters: int | float | None = None
    train_samples: float | None = None
    test_samples: float | None = None
    confusion: Annotated[list[list[Annotated[int, Field(ge=0)]]], AfterValidator(_square)] | None = None
    curve: Annotated[list[Epoch], AfterValidator(_in_order)] = []
    after: dict[str, Tested] = {}
    activity: dict[str, Activity] = {}
    forward: Operations = Operations()
    learning: Operations = Operations()
    energy: Energy = Energy()
    in_memory: InMemory = InMemory()
    writes: Writes = Writes()
    seconds: Seconds = Seconds()
    payload_bytes: Payload = Payload()
    peak_bytes: float | None = None
    rise_bytes: float | None = None
    fingerprints: Fingerprints = Fingerprints()
    resumed: bool | int = False
    ended: str | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Parts of another kind are left out."""
        scored = _scored(values) if isinstance(values, dict) else values
        try:
            return handler(scored)
        except ValidationError as error:
            wrong = {one["loc"][0] for one in error.errors() if one["loc"]}
            if not wrong or not wrong.isdisjoint(FIXED):
                raise
            return handler({name: value for name, value in scored.items() if name not in wrong})

    @property
    def epochs(self) -> list[Epoch]:
        """The entries of the curve that belong to an epoch of training."""
        return [entry for entry in self.curve if entry.epoch > 0]

    def learning_curve(self) -> tuple[str | None, list[float]]:
        """Of which samples the measure was taken after every epoch, test before validation, and its values."""
        for kind in ("test", "validation"):
            values = [getattr(entry, f"{kind}_score") for entry in self.epochs]
            if values and None not in values:
                return kind, values
        return None, []


def _scored(values: dict[str, Any]) -> dict[str, Any]:
    """What is there of a record, its scores under that name.

    Raises:
        ValueError: the measure of its task is missing, or no number that it can be.
    """
    try:
        measure = measure_in(values)
    except ValueError:
        measure = ACCURACY
    here = {measure.name: "score", f"validation_{measure.name}": "validation_score"}
    renamed = _renamed({name: value for name, value in values.items() if value is not None}, here)
    if "score" not in renamed:
        raise ValueError(f"{measure.name} is missing")
    score, curve, after = renamed["score"], renamed.get("curve"), renamed.get("after")
    if not isinstance(score, int | float) or isinstance(score, bool) or not math.isfinite(score):
        raise ValueError(f"{measure.name}: input should be a valid number")
    if measure.share and not 0 <= score <= 1:
        raise ValueError(f"{measure.name}: input should be from 0 to 1")
    if isinstance(curve, list):
        of_epoch = {f"{kind}_{measure.name}": f"{kind}_score" for kind in ("train", "validation", "test")}
        renamed["curve"] = [_renamed(entry, of_epoch) for entry in curve]
    if isinstance(after, dict):
        renamed["after"] = {condition: _renamed(test, {measure.name: "score"}) for condition, test in after.items()}
    return {**renamed, "measure": measure}


def _renamed(values: Any, names: Mapping[str, str]) -> Any:
    """The values of a trial, an epoch or a test, some of them under another name."""
    return {names.get(key, key): value for key, value in values.items()} if isinstance(values, dict) else values

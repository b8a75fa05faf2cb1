"""What a comparison found, read from its folder: trials, curves and blocks as long tables."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from spikelearn.bench.analyse.columns import (
    AFTER,
    BLOCK,
    CURVE,
    MEASURES,
    Cells,
    block_rows,
    curve_rows,
    measures_of,
    number,
    value_text,
)
from spikelearn.bench.run.index import Index, Place, read_index
from spikelearn.bench.run.ordinary import OrdinaryRecord, read_ordinary
from spikelearn.bench.run.trial_folder import TrialFolder, read_object
from spikelearn.bench.run.trial_record import TrialRecord
from spikelearn.component_text import parted
from spikelearn.documents import is_untouched, read_toml
from spikelearn.extras import from_extra
from spikelearn.tasks import ACCURACY, Measure

#: Columns that say where a row belongs; ``number`` is the value of the axis where that is one number.
PLACE = ("arm", "rule", "data", "net", "axis", "value", "number", "when", "condition", "seed", "trial")


@dataclass(frozen=True)
class Missing:
    """A trial of the plan that has no results.

    Args:
        state: "failed", "unfinished" or "damaged".
        places: in words, the places of the plan that want it.
    """

    trial: str
    arm: str
    data: str
    seed: int
    state: str
    reason: str
    places: tuple[str, ...]


class Lack(NamedTuple):
    """Why a trial has no record that can be used."""

    state: str
    reason: str


@dataclass(frozen=True)
class Results:
    """Everything that was found in a comparison's folder.

    Args:
        folder: where it was read.
        index: what index.json holds.
        records: {trial: its record}.
        missing: trials without results.
        notes: what else could not be read, in sentences.
        places: the rows of ``points`` without what was measured.
        ordinary: records of the ordinary networks beside the arms.
    """

    folder: Path
    index: Index
    records: Mapping[str, TrialRecord]
    missing: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = ()
    places: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    ordinary: tuple[OrdinaryRecord, ...] = field(default=(), repr=False)

    @property
    def reference(self) -> str:
        """The arm that others are compared with."""
        return self.index.reference

    @cached_property
    def measure(self) -> Measure:
        """By what the arms are compared: the measure of the task that all trials share."""
        return next((record.measure for record in self.records.values()), ACCURACY)

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, in the order of the plan."""
        return tuple(dict.fromkeys(place["arm"] for place in self.places))

    @cached_property
    def points(self) -> Any:
        """A pandas DataFrame with one row per place, condition and seed: PLACE, and every column of MEASURES.

        Scores are the ``measure`` of the task.

        ``when`` is "during" for what was trained there, and "after" for base points whose trained network was changed
        before the test: such rows have a score, and no other measure. ``net`` is the network that the arms share at
        the base point, ``network`` the one that was trained.
        """
        pd = from_extra("pandas", "the table of results")

        measured = {trial: measures_of(record) for trial, record in self.records.items()}
        rows = [{**place, **measured[place["trial"]]} for place in self.places if place["trial"] in measured]
        rows += [row for place in self.places if place["axis"] is None for row in self._after(place)]
        return pd.DataFrame(rows, columns=[*PLACE, *MEASURES])

    @cached_property
    def curves(self) -> Any:
        """A pandas DataFrame with one row per place, seed and epoch; seconds and samples are summed up to its end."""
        return self._long(CURVE, curve_rows)

    @cached_property
    def blocks(self) -> Any:
        """A pandas DataFrame with one row per place, seed, epoch and block: rate, silent, saturated, alignment."""
        return self._long(BLOCK, block_rows)

    def _long(self, names: Sequence[str], rows_of: Callable[[TrialRecord], Cells]) -> Any:
        pd = from_extra("pandas", "the table of results")

        place_names = [name for name in PLACE if name not in ("when", "condition")]
        rows: Cells = []
        made = {trial: rows_of(record) for trial, record in self.records.items()}
        for place in self.places:
            head = tuple(place[name] for name in place_names)
            rows += [head + row for row in made.get(place["trial"], ())]
        return pd.DataFrame(rows, columns=[*place_names, *names])

    def _after(self, place: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows of a trained network that was changed before the test."""
        record = self.records.get(place["trial"])
        rows = []
        for axis, conditions in self.index.after.items() if record is not None else ():
            for condition in conditions:
                tested = record.after.get(condition) if record is not None else None
                if tested is not None and tested.score is not None:
                    where = {"axis": axis, "value": condition, "number": _option(condition), "condition": condition}
                    measured = {name: number(take(tested)) for name, take in AFTER.items()}
                    rows.append({**place, **where, "when": "after", **measured})
        return rows


def read_results(folder: str | Path) -> Results:
    """Read everything of the comparison in ``folder``; what is damaged or unfinished is left out, with the reason.

    Raises:
        ValueError: the folder holds no comparison.
    """
    folder = Path(folder)
    index = read_index(folder)
    failures = read_object(folder / "failures.json")
    records: dict[str, TrialRecord] = {}
    missing = []
    wanted: dict[str, list[Place]] = {}
    for place in index.points:
        wanted.setdefault(place.trial, []).append(place)
    for trial, places in wanted.items():
        first = places[0]
        record_or_lack = _read_trial(TrialFolder(folder / "trials" / trial), first, failures)
        if isinstance(record_or_lack, Lack):
            where = tuple(dict.fromkeys(_where(place) for place in places))
            missing.append(Missing(trial, first.arm, first.data, first.seed, *record_or_lack, where))
        else:
            records[trial] = record_or_lack
    ordinary, lost = read_ordinary(folder, index.ordinary)
    notes = (*_notes_on_plan(folder / "plan.toml"), *lost)
    return Results(folder, index, records, tuple(missing), notes, tuple(_placed(index)), tuple(ordinary))


def _notes_on_plan(path: Path) -> list[str]:
    """What is wrong with the plan that the comparison left."""
    try:
        read_toml(path)
        return [] if is_untouched(path) else ["plan.toml was changed after the comparison"]
    except (OSError, ValueError) as error:
        return [f"plan.toml cannot be read: {error}"]


def _placed(index: Index) -> list[dict[str, Any]]:
    """The places as columns; a deepened network is put beside the one that it was made from."""
    return [
        {
            "arm": place.arm,
            "rule": index.rule_of(place.arm),
            "data": place.data,
            "net": place.base,
            "axis": place.axis,
            "value": None if place.axis is None else value_text(place.value),
            "number": _number(place.value),
            "when": "during",
            "condition": None,
            "seed": place.seed,
            "trial": place.trial,
        }
        for place in index.points
    ]


def _read_trial(kept: TrialFolder, place: Place, failures: Mapping[str, Any]) -> TrialRecord | Lack:
    """The record of a trial, or why there is none."""
    try:
        record = kept.checked()
        for key in ("arm", "data", "seed"):
            if record is not None and getattr(record, key) != getattr(place, key):
                value, expected = getattr(record, key), getattr(place, key)
                raise ValueError(f"trial.json is that of {key} {value!r}, expected {expected!r}")
    except (ValueError, OSError) as error:
        return Lack("damaged", str(error))
    if record is not None:
        return record
    failure = failures.get(kept.path.name) or kept.read_failure()
    if isinstance(failure, dict):
        return Lack("failed", str(failure.get("reason") or "no reason was written down"))
    return Lack("unfinished", "it has not ended" if kept.path.is_dir() else "it has not begun")


def _where(place: Place) -> str:
    at = "common settings" if place.axis is None else f"{place.axis} = {value_text(place.value)}"
    return f"{place.data}, {place.net}, {at}"


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _option(condition: str) -> float:
    """The number in a condition such as gaussian:sd=0.1; NaN where there is none, or more than one."""
    numbers = []
    for option in parted(condition)[1].split(","):
        try:
            numbers.append(float(option.partition("=")[2]))
        except ValueError:
            continue
    return numbers[0] if len(numbers) == 1 else math.nan

"""What a comparison found, read from its folder: trials, curves and blocks as long tables."""

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from spikelearn.compare.measured import AFTER, MEASURES, number_in, shown
from spikelearn.compare.nets import deepened
from spikelearn.compare.tables import block_rows, curve_rows
from spikelearn.compare.trial import FORMAT, TrialFolder
from spikelearn.files import replacing

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


@dataclass(frozen=True)
class Results:
    """Everything that was found in a comparison's folder.

    Args:
        folder: where it was read.
        index, plan: what index.json and plan.toml hold; the plan is empty where it cannot be read.
        records: {trial: its record}.
        missing: trials without results.
        notes: what else could not be read, in sentences.
    """

    folder: Path
    index: Mapping[str, Any]
    plan: Mapping[str, Any]
    records: Mapping[str, Mapping[str, Any]]
    missing: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = ()
    places: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def reference(self) -> str:
        """The arm that others are compared with."""
        return str(self.index["reference"])

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, in the order of the plan."""
        return tuple(dict.fromkeys(place["arm"] for place in self.places))

    @cached_property
    def points(self) -> Any:
        """A pandas DataFrame with one row per place, condition and seed: PLACE, and every column of MEASURES.

        ``when`` is "during" for what was trained there, and "after" for base points whose trained network was changed
        before the test: such rows have an accuracy, and no other measure. ``net`` is the network that the arms share at
        the base point, ``network`` the one that was trained.
        """
        import pandas as pd

        measured = {
            trial: {name: take(record) for name, take in MEASURES.items()} for trial, record in self.records.items()
        }
        rows = [{**place, **measured[place["trial"]]} for place in self.places if place["trial"] in measured]
        rows += [row for place in self.places if place["axis"] is None for row in self._after(place)]
        return pd.DataFrame(rows, columns=[*PLACE, *MEASURES])

    @cached_property
    def curves(self) -> Any:
        """A pandas DataFrame with one row per place, seed and epoch; seconds and samples are summed up to its end."""
        return self._long(curve_rows)

    @cached_property
    def blocks(self) -> Any:
        """A pandas DataFrame with one row per place, seed, epoch and block: rate, silent, saturated, alignment."""
        return self._long(block_rows)

    def _long(self, rows_of: Callable[[Mapping[str, Any]], tuple[tuple[str, ...], list[tuple[Any, ...]]]]) -> Any:
        import pandas as pd

        place_names = [name for name in PLACE if name not in ("when", "condition")]
        rows, names = [], rows_of({})[0]
        made = {trial: rows_of(record)[1] for trial, record in self.records.items()}
        for place in self.places:
            head = tuple(place[name] for name in place_names)
            rows += [head + row for row in made.get(place["trial"], ())]
        return pd.DataFrame(rows, columns=[*place_names, *names])

    def _after(self, place: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows of a trained network that was changed before the test."""
        found = self.records.get(place["trial"], {}).get("after")
        rows = []
        for axis, conditions in self.index["after"].items():
            for condition in conditions:
                tested = found.get(condition) if isinstance(found, dict) else None
                if isinstance(tested, dict) and math.isfinite(number_in(tested, "accuracy")):
                    where = {"axis": axis, "value": condition, "number": _option(condition), "condition": condition}
                    rows.append({**place, **where, "when": "after"} | {name: AFTER[name](tested) for name in AFTER})
        return rows


def read_results(folder: str | Path) -> Results:
    """Read everything of the comparison in ``folder``; what is damaged or unfinished is left out, with the reason.

    Raises:
        ValueError: the folder holds no comparison.
    """
    folder = Path(folder)
    index, notes = _read_index(folder / "index.json")
    plan, more = _read_plan(folder / "plan.toml")
    points = index.pop("points")
    failures = _json(folder / "failures.json")
    records: dict[str, Mapping[str, Any]] = {}
    missing = []
    wanted: dict[str, list[dict[str, Any]]] = {}
    for point in points:
        wanted.setdefault(point["trial"], []).append(point)
    for trial, places in wanted.items():
        kept = TrialFolder(folder / "trials" / trial)
        record = kept.read()
        wrong = None if record is None else _wrong(record, places[0])
        if record is not None and wrong is None:
            records[trial] = record
        else:
            state, reason = ("damaged", wrong) if wrong else _why(kept, failures)
            where = tuple(dict.fromkeys(_where(place) for place in places))
            first = places[0]
            missing.append(Missing(trial, first["arm"], first["data"], first["seed"], state, reason, where))
    return Results(folder, index, plan, records, tuple(missing), (*notes, *more), tuple(_placed(points, index["arms"])))


def write_csv(results: Results, path: Path) -> None:
    """Write ``results.points`` to ``path``, one line a row, whole or not at all."""
    with replacing(path) as temporary:
        results.points.to_csv(temporary, index=False)


def write_parquet(results: Results, path: Path) -> None:
    """Write ``results.points`` to ``path``, whole or not at all."""
    with replacing(path) as temporary:
        results.points.to_parquet(temporary, index=False)


def _read_index(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The index with every key in it, and what of it is left out."""
    found = _json(path)
    if not isinstance(found.get("points"), list):
        state = "is damaged" if path.is_file() else "does not exist"
        raise ValueError(f"{path} {state}, expected the index of a comparison: name the folder given to --out")
    if found.get("format") != FORMAT:
        raise ValueError(f"{path} has format {found.get('format')!r}, expected {FORMAT}: run the comparison anew")
    points = [point for point in found["points"] if _is_point(point)]
    lost = len(found["points"]) - len(points)
    after = found.get("after")
    arms = found.get("arms")
    index = {
        "title": "Comparison",
        "question": "",
        "command": "",
        "started": None,
        **found,
        "reference": found.get("reference") or (points[0]["arm"] if points else ""),
        "points": points,
        "after": {k: v for k, v in after.items() if isinstance(v, list)} if isinstance(after, dict) else {},
        "arms": {k: v for k, v in arms.items() if isinstance(v, dict)} if isinstance(arms, dict) else {},
        "left_out": [item for item in found.get("left_out") or () if isinstance(item, dict)],
    }
    return index, [f"{lost} places in index.json cannot be read and are left out"] if lost else []


def _read_plan(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig")), []
    except (OSError, ValueError) as error:
        return {}, [f"plan.toml cannot be read: {error}"]


def _is_point(point: Any) -> bool:
    if not isinstance(point, dict) or not all(
        isinstance(point.get(key), str) for key in ("arm", "data", "net", "trial")
    ):
        return False
    inside = "/" not in point["trial"] and "\\" not in point["trial"] and point["trial"] not in ("", ".", "..")
    return inside and isinstance(point.get("seed"), int) and isinstance(point.get("axis"), str | None)


def _placed(points: list[dict[str, Any]], arms: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The places as columns; a deepened network is put beside the one that it was made from."""
    base = list(dict.fromkeys(point["net"] for point in points if point["axis"] is None))
    return [
        {
            "arm": point["arm"],
            "rule": str(arms.get(point["arm"], {}).get("rule", point["arm"])),
            "data": point["data"],
            "net": _undeepened(point, base),
            "axis": point["axis"],
            "value": None if point["axis"] is None else shown(point.get("value")),
            "number": _number(point.get("value")),
            "when": "during",
            "condition": None,
            "seed": point["seed"],
            "trial": point["trial"],
        }
        for point in points
    ]


def _undeepened(point: Mapping[str, Any], base: list[str]) -> str:
    value = point.get("value")
    depth = value.get("depth") if isinstance(value, dict) else value if point["axis"] == "depth" else None
    if depth is None:
        return str(point["net"])
    for net in base:
        try:
            if deepened(net, depth) == point["net"]:
                return net
        except ValueError:
            continue
    return str(point["net"])


def _wrong(record: Mapping[str, Any], point: Mapping[str, Any]) -> str | None:
    """Why a record cannot be used; None where it can."""
    accuracy = number_in(record, "accuracy")
    if not 0 <= accuracy <= 1:
        return f"trial.json has the accuracy {record.get('accuracy')!r}, expected a number from 0 to 1"
    for key in ("settings", "tuning", "reasons", "machine"):
        if not isinstance(record.get(key), dict | None):
            return f"trial.json has {key} that are no JSON object"
    if not isinstance(record.get("differs"), list | None):
        return "trial.json has differs that are no list"
    for key in ("arm", "data", "seed"):
        if record.get(key) != point[key]:
            return f"trial.json is that of {key} {record.get(key)!r}, expected {point[key]!r}"
    return None


def _why(kept: TrialFolder, failures: Mapping[str, Any]) -> tuple[str, str]:
    """State and reason of a trial without a record that can be used."""
    if kept.record.is_file():
        found = _json(kept.record)
        if not found:
            return "damaged", "trial.json is no JSON object"
        if found.get("format") != FORMAT:
            return "damaged", f"trial.json has format {found.get('format')!r}, expected {FORMAT}"
        if found.get("trial") != kept.path.name:
            return "damaged", f"trial.json is that of {found.get('trial')!r}"
        return "damaged", "files of the trial are missing or not as long as when it ended"
    failure = failures.get(kept.path.name) or kept.read_failure()
    if isinstance(failure, dict):
        return "failed", str(failure.get("reason") or "no reason was written down")
    return "unfinished", "it has not ended" if kept.path.is_dir() else "it has not begun"


def _where(point: Mapping[str, Any]) -> str:
    place = "base point" if point["axis"] is None else f"{point['axis']} = {shown(point.get('value'))}"
    return f"{point['data']}, {point['net']}, {place}"


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _option(condition: str) -> float:
    """The number in a condition such as gaussian:sd=0.1; NaN where there is none, or more than one."""
    numbers = []
    for option in condition.partition(":")[2].split(","):
        try:
            numbers.append(float(option.partition("=")[2]))
        except ValueError:
            continue
    return numbers[0] if len(numbers) == 1 else math.nan


def _json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one where there is none."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

"""Made-up comparison folders: all files that a comparison leaves, with numbers that are invented."""

import base64
import gzip
import itertools
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spikelearn.bench.run.trial_folder import FORMAT, KEPT, TrialFolder
from spikelearn.documents import sealed, write_json, write_toml
from spikelearn.runs import Settings
from tests.unit.bench.made_record import digest, made_record

#: Mean accuracy on an easy data set, by arm; other arms get 0.9.
LEVELS = {"bptt": 0.970, "dfa": 0.945, "readout-only": 0.880, "stdp": 0.820, "tssl-bp": 0.969}

#: What a data set takes away from it.
HARDER = {"digits": 0.0, "mnist": 0.01, "fashion-mnist": 0.1, "nmnist": 0.03}

Accuracy = Callable[[str, str, str, str | None, Any, int], float]


def write_comparison(
    folder: Path,
    arms: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("bptt", "dfa", "readout-only"),
    data: Sequence[str] = ("digits",),
    seeds: Iterable[int] = range(5),
    *,
    nets: Sequence[str] = ("64-100-10",),
    axes: Mapping[str, Sequence[Any]] | None = None,
    factorial: bool = False,
    after: Mapping[str, Sequence[str]] | None = None,
    epochs: int = 20,
    reference: str = "bptt",
    accuracy: Accuracy | None = None,
    failed: Mapping[tuple[str, int], str] | None = None,
    unfinished: Collection[tuple[str, int]] = (),
    missing: Mapping[str, Collection[str]] | None = None,
    left_out: Sequence[Mapping[str, str]] = (),
    change: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """Write a comparison into ``folder``, which is returned.

    Args:
        arms: names, or {name: {"rule": ..., settings that are its own}}.
        axes: {setting: values}; a value that the base point has anyway shares the base point's trial.
        factorial: all combinations of two axes or more.
        after: {axis: conditions}, for example {"noise": ["gaussian:sd=0.1", "gaussian:sd=0.3"]}.
        accuracy: (arm, data, net, axis, value, seed) -> the final test accuracy; default: invented from LEVELS.
        failed: {(arm, seed): reason}: those base trials failed, on every data set.
        unfinished: (arm, seed) of base trials that have a folder but no record.
        missing: {arm: parts of the record that are None, with a reason}, for example {"stdp": ["learning"]}.
        left_out: what index.json says about arms that were left out: [{"arm": ..., "reason": ...}].
        change: is given every record before it is written, and may change it.
    """
    own = {name: dict(arms[name]) if isinstance(arms, Mapping) else {} for name in arms}
    rules = {name: values.pop("rule", name) for name, values in own.items()}
    seeds, nets, after = list(seeds), list(nets), {axis: list(found) for axis, found in (after or {}).items()}
    base = {"epochs": epochs, "data_fraction": 1.0}
    points, failures = [], {}
    for name, net, (axis, value), arm, seed in itertools.product(
        data, nets, _places(axes or {}, factorial), own, seeds
    ):
        placed = {} if axis is None else value if isinstance(value, dict) else {axis: value}
        place = None if all(base.get(key, "") == item for key, item in placed.items()) else placed
        trial = f"{name}-{arm}-{seed}-{digest([name, net, arm, seed, place])}"
        points.append(
            {"arm": arm, "data": name, "net": net, "axis": axis, "value": value, "seed": seed, "trial": trial}
        )
        kept = TrialFolder(folder / "trials" / trial)
        if kept.path.exists():
            continue
        if place is None and (arm, seed) in (failed or {}):
            failures[trial] = {"reason": failed[arm, seed], "kind": "failed"}
            kept.write_failure(**failures[trial])
            continue
        kept.path.mkdir(parents=True)
        if place is None and (arm, seed) in unfinished:
            continue
        settings = Settings().model_dump(mode="json") | base | own[arm] | (place or {})
        settings |= {"rule": rules[arm], "data": name, "net": own[arm].get("net", net), "seed": seed}
        made_axis, made_value = (axis, value) if place else (None, None)
        if accuracy is None:
            final = _accuracy(arm, name, made_axis, made_value, seed)
        else:
            final = accuracy(arm, name, net, made_axis, made_value, seed)
        conditions = [condition for found in after.values() for condition in found]
        record = made_record(trial, arm, settings, final, list(own[arm]), conditions)
        for part in (missing or {}).get(arm, ()):
            record[part] = None
            record["reasons"][part] = f"{part} is not measured for {arm}"
        if change is not None:
            change(record)
        for file in KEPT:
            (kept.path / file).write_text(f"{file} of {trial}\n")
        kept.write(record)
    _write_head(folder, own, rules, data, nets, seeds, axes, factorial, after, reference, points, failures, left_out)
    return folder


#: Of five seeds, added to every arm alike.
BY_SEED = (0.001, -0.002, 0.0, 0.002, -0.001)


def accuracy_of(
    levels: Mapping[str, float], slopes: Mapping[str, float] | None = None, spread: float = 0.0005
) -> Accuracy:
    """Levels by arm, less slopes by arm along an axis of numbers; the arm's own noise is small and fixed."""

    def accuracy(arm: str, data: str, net: str, axis: str | None, value: Any, seed: int) -> float:
        noise = spread * np.sin(7.0 * seed + 3.0 * len(arm))
        lost = (slopes or {}).get(arm, 0.0) * float(value) if axis else 0.0
        return float(levels[arm] + BY_SEED[seed % 5] + noise - lost)

    return accuracy


def _accuracy(arm: str, data: str, axis: str | None, value: Any, seed: int) -> float:
    """The level of the arm, less what the data and the place take, with noise that the seed and the arm give."""
    by_seed = np.random.default_rng(seed).normal(0, 0.002)
    by_arm = np.random.default_rng(int(digest([arm, data, axis, value, seed]), 16)).normal(0, 0.001)
    taken = 0.0
    if axis is not None and (numbers := _numbers(value)):
        small = sum(0.05 / (1 + 10 * number) for number in numbers)
        taken = small * (0.5 if arm == "stdp" else 1.0)
    return float(LEVELS.get(arm, 0.9) - HARDER.get(data, 0.0) - taken + by_seed + by_arm)


def _numbers(value: Any) -> list[float]:
    values = value.values() if isinstance(value, dict) else [value]
    return [float(item) for item in values if isinstance(item, int | float)]


def _places(axes: Mapping[str, Sequence[Any]], factorial: bool) -> list[tuple[str | None, Any]]:
    if factorial and len(axes) > 1:
        joined = " x ".join(axes)
        found = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        return [(None, None), *((joined, value) for value in found)]
    return [(None, None), *((axis, value) for axis, values in axes.items() for value in values)]


def _write_head(
    folder: Path,
    own: Mapping[str, Mapping[str, Any]],
    rules: Mapping[str, str],
    data: Sequence[str],
    nets: Sequence[str],
    seeds: Sequence[int],
    axes: Mapping[str, Sequence[Any]] | None,
    factorial: bool,
    after: Mapping[str, Sequence[str]],
    reference: str,
    points: Sequence[Mapping[str, Any]],
    failures: Mapping[str, Any],
    left_out: Sequence[Mapping[str, str]],
) -> None:
    plan = {
        "title": "A made-up comparison",
        "question": "Which rule learns best?",
        "rules": list(own),
        "data": list(data),
        "nets": list(nets),
        "seeds": list(seeds),
        "arms": {arm: {"rule": rules[arm], **values} for arm, values in own.items() if values or rules[arm] != arm},
        "axes": {axis: list(values) for axis, values in (axes or {}).items()},
        "after": dict(after),
        "factorial": factorial,
        "reference": reference,
    }
    index = {
        "format": FORMAT,
        "title": plan["title"],
        "question": plan["question"],
        "reference": reference,
        "command": "spikelearn compare --plan plan.toml --out OUT",
        "points": list(points),
        "after": dict(after),
        "left_out": list(left_out),
        "started": "2026-01-05T10:00:00+00:00",
        "arms": {arm: {"rule": rules[arm], "settings_given": dict(values)} for arm, values in own.items()},
    }
    write_toml(folder / "plan.toml", plan)
    write_json(folder / "index.json", sealed(index))
    write_json(folder / "failures.json", failures)


def facts_of(page: str) -> dict[str, Any]:
    """What the script of a page reads: arms, data sets and charts."""
    packed = re.search(r'id="facts">(.*?)</script>', page, re.DOTALL)
    assert packed
    facts: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    return facts

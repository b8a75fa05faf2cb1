"""Made-up comparison folders: all files that a comparison leaves, with numbers that are invented."""

import hashlib
import itertools
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from spikelearn.compare.trial import KEPT, TrialFolder
from spikelearn.training import Settings

#: Mean accuracy on an easy data set, by arm; other arms get 0.9.
LEVELS = {"bptt": 0.970, "dfa": 0.945, "readout-only": 0.880, "stdp": 0.820, "tssl-bp": 0.969}

#: What a data set takes away from it.
HARDER = {"digits": 0.0, "mnist": 0.01, "fashion-mnist": 0.1, "nmnist": 0.03}

SIZES = {"digits": (1258, 539), "mnist": (54000, 10000), "fashion-mnist": (54000, 10000), "nmnist": (54000, 10000)}

#: Epoch after which an arm has learned nearly all (time constant of its curve).
SLOWNESS = {"bptt": 1.2, "dfa": 2.2, "readout-only": 0.8, "stdp": 0.6}

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
        trial = f"{name}-{arm}-{seed}-{_hash([name, net, arm, seed, place])}"
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
        settings |= {"rule": rules[arm], "data": name, "net": net, "seed": seed}
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


def made_record(
    trial: str, arm: str, settings: Mapping[str, Any], final: float, differs: Sequence[str], after: Iterable[str]
) -> dict[str, Any]:
    """The record of one trial that ends with the test accuracy ``final``."""
    seed, generator = settings["seed"], np.random.default_rng(int(_hash(["record", trial]), 16))
    train, test = SIZES.get(settings["data"], (1000, 500))
    presented = int(train * settings.get("data_fraction", 1.0))
    gradient, pace = arm not in ("stdp",), 0.9 + 0.3 * len(arm)
    epochs = range(1, settings["epochs"] + 1)
    curve = [{"epoch": 0, "alignment": _alignment(arm, 0), "activity": _activity(arm, 0)}]
    curve += [_epoch(arm, epoch, settings["epochs"], final, presented, pace, generator) for epoch in epochs]
    return {
        "arm": arm,
        "rule": settings["rule"],
        "data": settings["data"],
        "net": settings["net"],
        "seed": seed,
        "settings": dict(settings),
        "differs": list(differs),
        "tuning": {"trials": 20, "parameters": ["lr"], "validation": 0.1} if arm in ("bptt", "dfa") else None,
        "accuracy": final,
        "unique_accuracy": final - 0.001,
        "validation_accuracy": final + 0.002,
        "test_samples": test,
        "train_samples": train,
        "supervised": gradient,
        "optimizer": "adam, lr=0.001" if gradient else "sgd, lr=0.01",
        "schedule": "constant",
        "clip_norm": None,
        "bounds": None if gradient else [0.0, 1.0],
        "parameters": 7510,
        "curve": curve,
        "after": {
            name: {
                "accuracy": max(0.1, final - 0.02 * (1 + at) / pace),
                "unique_accuracy": max(0.1, final - 0.021),
                "seconds": 0.4,
            }
            for at, name in enumerate(after)
        },
        "forward": {"accumulates": 61000.0 + seed, "multiply_accumulates": 160000.0, "dense": 185000.0},
        "learning": {"accumulates": 20000.0, "multiply_accumulates": 90000.0 * pace, "dense": 300000.0},
        "energy": {
            "forward_pj": 0.9 * 61000 + 4.6 * 160000,
            "learning_pj": 0.9 * 20000 + 4.6 * 90000 * pace,
            "forward_with_memory_pj": 5.9 * 61000 + 9.6 * 160000,
            "learning_with_memory_pj": 5.9 * 20000 + 9.6 * 90000 * pace,
        },
        "activity": _activity(arm, settings["epochs"]),
        "writes": {"share": 0.8, "per_epoch": 20 * 6000.0, "total": settings["epochs"] * 20 * 6000.0},
        "peak_bytes": int(300e6 + 40e6 * pace),
        "rise_bytes": int(40e6 * pace),
        "payload_bytes": {"weights": 30040, "records": 1_200_000},
        "seconds": {
            "training": sum(entry["seconds"] for entry in curve[1:]),
            "run": 1.1 * pace * settings["epochs"],
            "looks": 0.8,
            "after": 0.4 * len(list(after)),
            "total": 1.2 * pace * settings["epochs"],
        },
        "fingerprints": {
            "weights": _hash(["weights", settings["net"], seed]),
            "order": _hash(["order", seed, presented]),
        },
        "resumed": 0,
        "reasons": {} if _alignment(arm, 0) else {"alignment": f"{arm} has no gradient"},
        "versions": {"spikelearn": "0.1.0", "torch": "2.11.0", "numpy": "2.3.0", "python": "3.11.9"},
        "machine": {"processor": "a processor", "cores": 2, "threads": 1, "device": "cpu", "platform": "Linux"},
        "command": f"spikelearn train --config trials/{trial}/settings.toml",
        "ended": "2026-01-05T12:00:00+00:00",
    }


def _epoch(
    arm: str, epoch: int, last: int, final: float, presented: int, pace: float, generator: np.random.Generator
) -> dict[str, Any]:
    """One entry of the curve: an exponential approach to ``final``, which the last epoch has."""
    missing = (final - 0.1) * np.exp(-epoch / SLOWNESS.get(arm, 1.5))
    test = final if epoch == last else min(1.0, final - missing + generator.normal(0, 0.0005))
    return {
        "epoch": epoch,
        "seconds": pace,
        "samples": presented,
        "loss": float(0.1 + 2 * missing) if arm != "stdp" else None,
        "train_accuracy": min(1.0, float(test) + 0.01),
        "validation_accuracy": min(1.0, float(test) + 0.002),
        "test_accuracy": float(test),
        "lr": 0.001,
        "rates": {block: found["rate"] for block, found in _activity(arm, epoch).items()},
        "metrics": {},
        "alignment": _alignment(arm, epoch),
        "activity": _activity(arm, epoch),
    }


def _alignment(arm: str, epoch: int) -> dict[str, float | None] | None:
    """The reference agrees with the true gradient, feedback alignment comes to agree, others have no gradient."""
    if arm == "stdp":
        return None
    if arm == "readout-only":
        return {"fc1": None, "out": 1.0}
    return {"fc1": 1.0 if arm == "bptt" else float(0.6 * (1 - np.exp(-epoch / 3))), "out": 1.0}


def _activity(arm: str, epoch: int) -> dict[str, dict[str, float]]:
    return {
        "fc1": {"rate": 0.08 + 0.001 * epoch, "silent": 0.05, "saturated": 0.0},
        "out": {"rate": 0.1, "silent": 0.0, "saturated": 0.01},
    }


def _accuracy(arm: str, data: str, axis: str | None, value: Any, seed: int) -> float:
    """The level of the arm, less what the data and the place take, with noise that the seed and the arm give."""
    by_seed = np.random.default_rng(seed).normal(0, 0.002)
    by_arm = np.random.default_rng(int(_hash([arm, data, axis, value, seed]), 16)).normal(0, 0.001)
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
        "format": 1,
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
    (folder / "plan.toml").write_text(tomli_w.dumps(plan))
    (folder / "index.json").write_text(json.dumps(index, indent=1))
    (folder / "failures.json").write_text(json.dumps(failures))


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]

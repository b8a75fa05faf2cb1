"""The record of a made-up trial, with numbers that are invented."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SIZES = {"digits": (1258, 539), "mnist": (54000, 10000), "fashion-mnist": (54000, 10000), "nmnist": (54000, 10000)}

#: Epoch after which an arm has learned nearly all (time constant of its curve).
SLOWNESS = {"bptt": 1.2, "dfa": 2.2, "readout-only": 0.8, "stdp": 0.6}


def made_record(
    trial: str, arm: str, settings: Mapping[str, Any], final: float, differs: Sequence[str], after: Sequence[str]
) -> dict[str, Any]:
    """The record of one trial that ends with the test accuracy ``final``."""
    generator = np.random.default_rng(int(digest(["record", trial]), 16))
    train, test = SIZES.get(settings["data"], (1000, 500))
    presented, pace = int(train * settings.get("data_fraction", 1.0)), 0.9 + 0.3 * len(arm)
    epochs = range(1, settings["epochs"] + 1)
    curve = [{"epoch": 0, "alignment": _alignment(arm, 0), "activity": _activity(arm, 0)}]
    curve += [_epoch(arm, epoch, settings["epochs"], final, presented, pace, generator) for epoch in epochs]
    return {
        **_what(arm, settings, differs),
        "accuracy": final,
        "unique_accuracy": final - 0.001,
        "validation_accuracy": final + 0.002,
        "test_samples": test,
        "confusion": _confusion(final, test),
        "train_samples": train,
        "parameters": 7510,
        "curve": curve,
        "after": _after(after, final, pace),
        **_cost(settings["seed"], settings["epochs"], pace, curve, len(after)),
        "activity": _activity(arm, settings["epochs"]),
        "fingerprints": {
            "weights": digest(["weights", settings["net"], settings["seed"]]),
            "order": digest(["order", settings["seed"], presented]),
        },
        "resumed": 0,
        "reasons": {} if _alignment(arm, 0) else {"alignment": f"{arm} has no gradient"},
        "versions": {"spikelearn": "0.1.0", "torch": "2.11.0", "numpy": "2.3.0", "python": "3.11.9"},
        "machine": {"processor": "a processor", "cores": 2, "threads": 1, "device": "cpu", "platform": "Linux"},
        "command": f"spikelearn train --config trials/{trial}/settings.toml",
        "ended": "2026-01-05T12:00:00+00:00",
    }


def _what(arm: str, settings: Mapping[str, Any], differs: Sequence[str]) -> dict[str, Any]:
    """What was trained, and how: stdp alone descends no gradient."""
    gradient = arm not in ("stdp",)
    return {
        "arm": arm,
        **{name: settings[name] for name in ("rule", "data", "net", "seed")},
        "settings": dict(settings),
        "differs": list(differs),
        "tuning": {"trials": 20, "parameters": ["lr"], "validation": 0.1} if arm in ("bptt", "dfa") else None,
        "supervised": gradient,
        "optimizer": "adam, lr=0.001" if gradient else "sgd, lr=0.01",
        "schedule": "constant",
        "clip_norm": None,
        "bounds": None if gradient else [0.0, 1.0],
    }


def _after(conditions: Sequence[str], final: float, pace: float) -> dict[str, Any]:
    """What is left of ``final`` under each condition, the less the later it is named."""
    return {
        name: {
            "accuracy": max(0.1, final - 0.02 * (1 + at) / pace),
            "unique_accuracy": max(0.1, final - 0.021),
            "seconds": 0.4,
        }
        for at, name in enumerate(conditions)
    }


def _cost(seed: int, epochs: int, pace: float, curve: Sequence[Mapping[str, Any]], conditions: int) -> dict[str, Any]:
    """Operations, energy, writes, bytes and seconds: those of learning by the arm's ``pace``."""
    return {
        "forward": {"accumulates": 61000.0 + seed, "multiply_accumulates": 160000.0, "dense": 185000.0},
        "learning": {"accumulates": 20000.0, "multiply_accumulates": 90000.0 * pace, "dense": 300000.0},
        "energy": {
            "forward_pj": 0.9 * 61000 + 4.6 * 160000,
            "learning_pj": 0.9 * 20000 + 4.6 * 90000 * pace,
            "forward_with_memory_pj": 5.9 * 61000 + 9.6 * 160000,
            "learning_with_memory_pj": 5.9 * 20000 + 9.6 * 90000 * pace,
        },
        "in_memory": {"forward_seconds": 1e-6, "backward_seconds": 2e-5 * pace, "joules": 1e-6 * pace},
        "writes": {"share": 0.8, "per_epoch": 20 * 6000.0, "total": epochs * 20 * 6000.0},
        "peak_bytes": int(300e6 + 40e6 * pace),
        "rise_bytes": int(40e6 * pace),
        "payload_bytes": {"weights": 30040, "records": 1_200_000},
        "seconds": {
            "training": sum(entry["seconds"] for entry in curve[1:]),
            "run": 1.1 * pace * epochs,
            "looks": 0.8,
            "after": 0.4 * conditions,
            "total": 1.2 * pace * epochs,
        },
    }


def _confusion(final: float, test: int) -> list[list[int]]:
    """Ten classes that are equally frequent, but for a rest; errors take the next class, 9 is weakest."""
    sizes = [test // 10 + (c < test % 10) for c in range(10)]
    wrong = [round((1 - final) * size * (2 if c == 9 else 8 / 9)) for c, size in enumerate(sizes)]
    return [
        [sizes[c] - wrong[c] if k == c else wrong[c] if k == (c + 1) % 10 else 0 for k in range(10)] for c in range(10)
    ]


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


def digest(value: Any) -> str:
    """Ten letters that tell ``value`` from others."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]

"""Parts of a trial's record that are computed from what was measured."""

from collections.abc import Mapping, Sequence
from typing import Any


def curve_of(
    rows: Sequence[Mapping[str, Any]], looks: Mapping[int, Mapping[str, Any]], samples: int
) -> list[dict[str, Any]]:
    """The learning curve, one place an epoch: what training wrote, what was looked at, and the samples presented.

    Args:
        rows: lines of ``metrics.jsonl``.
        looks: {epoch: look}; epoch 0 is before training.
        samples: training samples an epoch.
    """
    curve: list[dict[str, Any]] = []
    if 0 in looks:
        curve.append({"epoch": 0, **_looked(looks[0])})
    for row in rows:
        curve.append(
            {
                "epoch": row["epoch"],
                "seconds": row.get("seconds", 0.0),
                "samples": samples,
                "loss": row["loss"],
                "train_accuracy": row["accuracy"],
                "validation_accuracy": row["validation_accuracy"],
                "test_accuracy": row.get("test_accuracy"),
                "lr": row.get("lr"),
                "rates": row["rates"],
                "metrics": row.get("metrics", {}),
                **_looked(looks.get(row["epoch"], {})),
            }
        )
    return curve


def _looked(look: Mapping[str, Any]) -> dict[str, Any]:
    return {name: look.get(name) for name in ("alignment", "activity")}


def energy_of(look: Mapping[str, Any]) -> dict[str, float | None]:
    """Energy of a sample, pJ: forward and learning, of arithmetic alone and with the reading of weights."""
    found: dict[str, float | None] = {}
    for phase in ("forward", "learning"):
        spent = look.get(f"energy_{phase}") or {}
        found[f"{phase}_pj"] = spent.get("arithmetic")
        found[f"{phase}_with_memory_pj"] = spent.get("with_memory")
    return found


def writes_of(look: Mapping[str, Any], batches: int, epochs: int) -> dict[str, float] | None:
    """Weight writes: the share of weights that a step changes, and what that makes in an epoch and in all.

    Args:
        look: what was looked at last; its share stands for all steps.
        batches: steps an epoch.
        epochs: epochs.
    """
    seen = look.get("writes")
    if seen is None:
        return None
    per_epoch = seen["changed"] * batches
    return {"share": seen["share"], "per_epoch": per_epoch, "total": per_epoch * epochs}

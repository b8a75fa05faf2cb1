"""The position of a run between two batches."""

from dataclasses import asdict, dataclass, field
from typing import Any

from spikelearn.training.state_checks import check_keys, check_like, check_number


@dataclass
class Position:
    """A position in a run: the next batch, the sums of the epoch so far, and the best epoch yet.

    Args:
        hits, error: sum of the task's measure, ``hits`` of one that counts right answers and ``error`` of any other.
        counted: what that sum is a mean over, samples or steps.
        best_accuracy: the best validation measure yet, where ``best_epoch`` is not 0.
    """

    epoch: int = 0
    batch: int = 0
    seen: int = 0
    hits: int = 0
    error: float = 0.0
    counted: int = 0
    loss: float = 0.0
    has_loss: bool = False
    rates: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    best_accuracy: float = -1.0
    best_epoch: int = 0
    stopped: bool = False

    @classmethod
    def of(cls, given: Any) -> "Position":
        """The position that a checkpoint holds.

        Raises:
            ValueError: a part is missing, of another kind, or a number that no position has.
        """
        own = asdict(cls())
        if isinstance(given, dict):  # earlier versions knew of right answers alone
            given = {"error": 0.0, "counted": given.get("seen"), **given}
        check_keys("position", given, list(own))
        for name, value in own.items():
            if isinstance(value, dict):
                check_keys(f"position.{name}", given[name], list(given[name]) if isinstance(given[name], dict) else [])
                for key, number in given[name].items():
                    check_number(f"position.{name}.{key}", number, whole=False)
            else:
                check_like(f"position.{name}", given[name], value)
        for name in ("epoch", "batch", "seen", "hits", "counted", "error", "seconds", "best_epoch"):
            check_number(f"position.{name}", given[name], whole=name not in ("seconds", "error"), least=0)
        return cls(**given)

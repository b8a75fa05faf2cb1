"""Weight writes of learning, and their energy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from spikelearn.checks import check_count, check_positive, check_shape


@dataclass(frozen=True)
class Writes:
    """Weights that were written, as ``dataclasses.asdict`` hands to JSON.

    Args:
        changed: how many entries one update changed.
        share: that, of all entries that were compared, in 0..1.
        parameters: {parameter: its own share}.
        updates: how many updates there were.
        total: ``updates`` times ``changed``: exact where this update was like the others.
        energy: of all of them, pJ; None without an energy per write.
        reason: why there is no energy; empty where there is one.
    """

    changed: int
    share: float
    parameters: dict[str, float] = field(default_factory=dict)
    updates: int = 1
    total: int = 0
    energy: float | None = None
    reason: str = ""


def writes(
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    *,
    updates: int = 1,
    energy_per_write: float | None = None,
) -> Writes:
    r"""Weight writes of one update, from the parameters before and after it; an entry counts where its value differs.

    It is what optimizer, bounds and rounding left of the rule's wish: Adam moves nearly every entry that ever had a
    gradient, integer weights few.

    Args:
        before, after: {parameter: value}; copies of both (``{name: p.detach().clone() for ...}``), for those of the
            network are written in place.
        updates: how often weights are written, for example in an epoch; for the total alone.
        energy_per_write: of one entry, pJ: a constant of the memory that is meant, for which there is no default.

    Shapes: each pair alike.

    Raises:
        ValueError: other names or shapes after than before, nothing to compare, a number out of range.

    Source: the count is a definition; weight updates as a cost of their own as in DNN+NeuroSim V2, Peng et al., IEEE
    TCAD 40, 2021.
    """
    check_count("updates", updates, least=0)
    if set(before) != set(after) or not before:
        raise ValueError(
            f"before has {sorted(before)} and after {sorted(after)}, expected the same parameters, at least one: take "
            "both from dict(network.named_parameters())"
        )
    changed: dict[str, int] = {}
    for name, value in before.items():
        check_shape(f"after {name!r}", after[name], value.shape, "that of before")
        changed[name] = int((value.detach() != after[name].detach()).sum())
    entries = sum(value.numel() for value in before.values())
    count = sum(changed.values())
    total = count * updates
    shares = {name: changed[name] / max(1, value.numel()) for name, value in before.items()}
    if energy_per_write is None:
        return Writes(count, count / entries, shares, updates, total, reason="no energy per write was given")
    check_positive("energy_per_write", energy_per_write, "pJ")
    return Writes(count, count / entries, shares, updates, total, total * energy_per_write)

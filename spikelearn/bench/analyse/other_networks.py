"""Arms that run on another network than the reference, and the arm that would tell rule and network apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

import tomli_w

from spikelearn.bench.analyse.summary_tables import ArmRow, BaseTable
from spikelearn.network import READOUTS, FittedReadout
from spikelearn.plasticity import RULES
from spikelearn.runs import Settings
from spikelearn.runs.groups import Group, about

#: Settings that make the network, what it is shown, and what is read from it.
NETWORK = tuple(
    name for name, field in Settings.model_fields.items() if about(field).group is Group.NETWORK or name == "freeze"
)

#: {readout: loss} of the readouts that do not predict from rates: only a loss on the scores that they make fits them.
LOSSES = {"linear": "cross-entropy", "membrane": "cross-entropy-membrane"}

#: Readouts that are fitted to records.
FITTED = tuple(name for name in READOUTS if issubclass(READOUTS.get(name), FittedReadout))


@dataclass(frozen=True)
class OtherNetwork:
    """An arm on another network than the reference.

    Args:
        own: {setting of the network that differs: the arm's value}; None: not set.
        reference: {the same settings: the reference's values}.
        companion: an arm that trains the same network by the reference's rule; None: there is none.
        rule: the reference's.
    """

    arm: str
    own: Mapping[str, Any]
    reference: Mapping[str, Any]
    companion: str | None
    rule: str

    @property
    def lines(self) -> str | None:
        """What a plan needs for such a companion, as TOML; None where there is none.

        A value may only be left out, not written; and no loss is descended of what a fitted readout predicts.
        """
        if self.companion is not None or any(value is None for value in self.own.values()):
            return None
        takes_loss = self.rule in RULES and "loss" in signature(RULES.get(self.rule)).parameters
        if takes_loss and self.own.get("readout") in FITTED:
            return None
        loss = LOSSES.get(str(self.own.get("readout"))) if takes_loss else None
        option = {"rule_option": {"loss": loss}} if loss else {}
        return tomli_w.dumps({"arms": {self.name: {"rule": self.rule, **self.own, **option}}})

    @property
    def name(self) -> str:
        """Of the companion that the lines make."""
        return f"{self.rule}-on-{self.arm}"


def other_networks(table: BaseTable, reference: str) -> tuple[OtherNetwork, ...]:
    """The arms of a table that run on another network than the reference; none where that has no results."""
    base = table.row(reference)
    if base is None:
        return ()
    made = {row.arm: _network(row) for row in table.rows}
    theirs, others = made[reference], []
    for row in table.rows:
        own = made[row.arm]
        names = [name for name in NETWORK if own[name] != theirs[name]]
        if names and row.rule != base.rule:
            same = (one.arm for one in table.rows if one.rule == base.rule and made[one.arm] == own)
            mine, other = ({name: of[name] for name in names} for of in (own, theirs))
            others.append(OtherNetwork(row.arm, mine, other, next(same, None), base.rule))
    return tuple(others)


def _network(row: ArmRow) -> dict[str, Any]:
    """What makes the arm's network; options that are none are left out, as where nothing is set."""
    settings = {name: row.settings.get(name) for name in NETWORK}
    return {name: None if value == {} or value == [] else value for name, value in settings.items()}

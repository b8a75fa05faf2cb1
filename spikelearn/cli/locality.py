"""spikelearn locality"""

from dataclasses import asdict
from typing import Annotated, Any

import torch
import typer
from rich.table import Table

from spikelearn.cli.common import AsJson, Imports, output, print_json, progress
from spikelearn.measure import Locality, Operations, learning_operations, locality, reference_for
from spikelearn.network import Network
from spikelearn.plasticity import RULES, Batch, Rule
from spikelearn.plasticity.factors import FACTORS
from spikelearn.runs import network_for

#: Small enough for a second a rule, large enough that a synapse is one of many.
NET, INPUTS, STEPS, SAMPLES = "24-32-10", 24, 80, 8


def locality_command(
    rules: Annotated[list[str] | None, typer.Argument(help="Names of rules; all, where none is given.")] = None,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Show what a synapse must know to learn by each rule, found by running it on a small network.

    One signal after another is perturbed, with all others held. yes: the change of a synapse into the hidden block is
    another one then. Operations are those of learning, beside bptt's on the same network; kept is the most that is
    alive while an update of 80 steps is formed, beside that of 20 steps.

    \b
    Examples:
      spikelearn locality
      spikelearn locality bptt dfa stdp
    """
    for name in rules or ():
        RULES.get(name)
    rows: dict[str, dict[str, Any]] = {}
    for name in rules or list(RULES):
        with progress.status(name):
            rows[name] = _row(name)
    if as_json:
        print_json(rows)
        return
    table = Table("rule", *(factor for factor in FACTORS if factor != "record"), "operations", "kept, 80 steps / 20")
    for name, row in rows.items():
        words = [_word(row["depends"].get(factor)) for factor in FACTORS if factor != "record"]
        table.add_row(name, *words, _ratio(row["operations"]), _kept(row))
    output.print(table)
    for name, row in rows.items():
        if row["reason"]:
            output.print(f"{name}: {row['reason']}")


def _row(name: str) -> dict[str, Any]:
    """The card of a rule; without numbers, and with the reason, where it cannot be run on the small network."""
    batch = _batch()
    try:
        rule, network = _made(name)
        memory = rule.init(network, torch.Generator().manual_seed(0))
        measured: Locality = locality(network, rule, batch, memory, torch.Generator().manual_seed(0))
        own = learning_operations(network, rule, batch, memory, torch.Generator().manual_seed(0))
        whole = learning_operations(network, reference_for(network, rule), batch, {}, torch.Generator().manual_seed(0))
    except ValueError as error:
        return {"depends": {}, "operations": None, "reason": str(error)}
    return {**asdict(measured), "operations": _share(own, whole), "reason": own.reason}


def _made(name: str) -> tuple[Rule, Network]:
    rule = RULES.build(name, dict(RULES.get(name).default_settings.get("rule_option", {})))
    return rule, network_for(rule, NET, (INPUTS,)).double()


def _batch() -> Batch:
    """Random spikes, of a rate at which a small network fires; two samples of each class, for rules of pairs."""
    drawn = torch.rand(STEPS, SAMPLES, INPUTS, generator=torch.Generator().manual_seed(0))
    return Batch((drawn < 0.5).double(), torch.arange(SAMPLES) % (SAMPLES // 2))


def _share(own: Operations, whole: Operations) -> float | None:
    if own.total is None or whole.total is None:
        return None
    return (own.total.acs + own.total.macs) / (whole.total.acs + whole.total.macs)


def _word(depends: bool | None) -> str:
    return "-" if depends is None else "yes" if depends else "no"


def _ratio(share: float | None) -> str:
    return "-" if share is None else f"{share:.2f} x bptt"


def _kept(row: dict[str, Any]) -> str:
    if not row["depends"]:
        return "-"
    whole, some = row["live_bytes"], row["live_bytes_quarter"]
    return f"{whole / 1024:.0f} / {some / 1024:.0f} KiB" + ("" if row["depends"]["record"] else ", flat")

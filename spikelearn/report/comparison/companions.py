"""Arms on another network than the reference, and the lines of a plan that tell rule and network apart."""

import shlex
from collections.abc import Sequence
from typing import Any

from spikelearn.bench.analyse.other_networks import OtherNetwork, other_networks
from spikelearn.bench.analyse.results import Results
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.section import Command, Commands
from spikelearn.report.comparison.values import plain


def companions(material: Material) -> Commands | None:
    """What every arm's network differs in from the reference's, with the lines; None: all run on the same network."""
    summary, layout = material.summary, material.layout
    commands: dict[str, Command] = {}
    for table in summary.tables:
        for one in other_networks(table, summary.reference):
            where = f" on {table.where}" if len(summary.tables) > 1 else ""
            name = f"{one.arm}{where}: {_difference(one, summary.reference)}"
            lines = (one.lines or "").strip()
            commands.setdefault(name, Command(name, lines, layout.arms_of(one.arm), layout.data_of(table.data)))
    if not commands:
        return None
    items = list(commands.values())
    return Commands(items, _about(material.results, items), "The rule, or the network?", in_text=True)


def _difference(one: OtherNetwork, reference: str) -> str:
    told = "; ".join(
        f"{name.replace('_', ' ')} {_set(own)} ({reference}: {_set(one.reference[name])})"
        for name, own in one.own.items()
    )
    if one.companion is not None:
        return f"{told}. {one.companion} trains this network by {one.rule}."
    if one.lines is None:
        return (
            f"{told}. No lines of a plan can say this for {one.rule}: a setting of {reference} would have to be unset."
        )
    return f"{told}. No arm trains this network by {one.rule}; add {one.name} to the rules of the plan, and:"


def _set(value: Any) -> str:
    return "not set" if value is None else plain(value)


def _about(results: Results, items: Sequence[Command]) -> str:
    """What it means, and how to use the lines where there are some."""
    about = "These arms run on another network than the reference, so a difference may be one of the network."
    if not any(one.text for one in items):
        return about
    plan = shlex.quote(str(results.folder / "plan.toml"))
    again = shlex.join(["spikelearn", "compare", "more.toml", "--out", str(results.folder)])
    return (
        f"{about} An arm that trains the same network by the reference's rule tells the two apart: copy {plan} to a "
        f"plan of your own, say more.toml, put the arm's name into its rules, and its lines at the end; {again} then "
        "trains that arm alone, for all others have ended."
    )

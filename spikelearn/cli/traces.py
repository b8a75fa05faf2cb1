"""spikelearn traces"""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from spikelearn.cli.common import AsJson, Imports, output, print_json
from spikelearn.cli.flags import takes_settings
from spikelearn.plasticity import PAIRS, RULES, WeightTrace, traces_of
from spikelearn.runs import network_for


@takes_settings
def traces_command(
    context: typer.Context,
    given: dict[str, Any],
    pairs: Annotated[
        bool, typer.Option("--pairs", help="List the signals and traces that make no sense together, and why.")
    ] = False,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Show which trace each weight gets from a rule, and what it keeps for each sample, or why there is none.

    For example: spikelearn traces --rule e-prop --net 784-200(F200)-10 --neuron adaptive-lif.

    \b
    Examples:
      spikelearn traces --rule e-prop --net "64-100(F100x)-10"
      spikelearn traces --pairs
    """
    del context, imports
    if pairs:
        _print_pairs(as_json)
        return
    name = given.pop("rule", "three-factor")
    options = {**RULES.get(name).default_settings.get("rule_option", {}), **given.pop("rule_option", {})}
    rule = RULES.build(name, options)
    traces = traces_of(rule, network_for(rule, given.pop("net", "64-100-10"), **given))
    if as_json:
        print_json({parameter: asdict(trace) for parameter, trace in traces.items()})
        return
    for parameter, trace in traces.items():
        output.print(parameter, style="bold")
        output.print(f"  {_told(trace)}")


def _told(trace: WeightTrace) -> str:
    if not trace.trace:
        return f"no trace: {trace.words}"
    kept = "the record of every step" if trace.kept is None else f"{trace.kept:,} numbers"
    return f"{trace.trace}: {trace.words}; it keeps {kept} for each sample"


def _print_pairs(as_json: bool) -> None:
    rows = {str(pair.number): {"parts": pair.parts, "reason": pair.reason, "cure": pair.cure} for pair in PAIRS}
    if as_json:
        print_json(rows)
        return
    for number, row in rows.items():
        output.print(f"{number}. {row['parts']}", style="bold")
        output.print(f"   {row['reason']}; {row['cure']}")

"""spikelearn rules, neurons, impairments: what there is

Lists are read from the text of the package's files, so that they take no second; all about one component, and JSON, are
asked of the classes themselves.
"""

from itertools import groupby
from typing import Annotated

import typer
from typer import Option

from spikelearn.cli.common import AsJson, Imports, output
from spikelearn.declared import Declared, declared, literal_in

Name = Annotated[str | None, typer.Argument(help="Show all about one of them.", show_default=False)]
Needs = Annotated[bool, Option("--needs", help="With what each needs, its options and its optimizer.")]


def rules_command(name: Name = None, needs: Needs = False, imports: Imports = None, as_json: AsJson = False) -> None:
    """List the learning rules, or show one: equations, options, source.

    \b
    Examples:
      spikelearn rules
      spikelearn rules --needs
      spikelearn rules e-prop
    """
    if name or needs or imports or as_json:
        from spikelearn.cli.components import show_rules

        show_rules(name, as_json)
        return
    families = literal_in("spikelearn.plasticity.families", "FAMILIES")
    order = [*families, ""]
    rules = sorted(declared("plasticity", "RULES"), key=lambda rule: (order.index(rule.folder), rule.name))
    for folder, members in groupby(rules, key=lambda rule: rule.folder):
        output.print(f"-- {families.get(folder, literal_in('spikelearn.plasticity.families', 'OTHER'))}")
        print_summaries(list(members))


def neurons_command(name: Name = None, imports: Imports = None, as_json: AsJson = False) -> None:
    """List the neuron models, or show one: equations, options, source.

    \b
    Examples:
      spikelearn neurons
      spikelearn neurons lif
    """
    if name or imports or as_json:
        from spikelearn.cli.components import show_neurons

        show_neurons(name, as_json)
        return
    print_summaries(sorted(declared("neurons", "NEURONS"), key=lambda neuron: neuron.name))


def impairments_command(name: Name = None, imports: Imports = None, as_json: AsJson = False) -> None:
    """List what can be done to inputs, to weights while they learn, and to trained networks, or show one.

    \b
    Examples:
      spikelearn impairments
      spikelearn impairments gaussian
    """
    from spikelearn.cli.components import show_impairments

    show_impairments(name, as_json)


def print_summaries(components: list[Declared]) -> None:
    """Name and first sentence of each."""
    for component in components:
        output.print(component.name, style="bold")
        output.print(f"  {component.summary}")

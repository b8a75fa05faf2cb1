"""spikelearn continual"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer import Option

from spikelearn.cli.common import AsJson, Imports, output, print_json, progress, result_file
from spikelearn.cli.flags import takes_settings
from spikelearn.cli.suited import suited
from spikelearn.documents import write_json
from spikelearn.runs import Settings, merged
from spikelearn.runs.continual import Continual, Phase, Reconstruction, reconstruct_continually, train_continually
from spikelearn.runs.settings import recorded
from spikelearn.threads import no_more_than_cores

#: {scenario as results call it: as it is shown}.
SCENARIOS = {"class_incremental": "class-incremental", "task_incremental": "task-incremental"}


@takes_settings
def continual_command(
    context: typer.Context,
    given: dict[str, Any],
    rules: Annotated[list[str] | None, Option(help="Names of the rules.")] = None,
    splits: Annotated[int, Option(help="Parts of the classes, learned one after the other.")] = 5,
    imports: Imports = None,
    out: Annotated[str | None, Option(help="File of the results (JSON).", callback=result_file)] = None,
    as_json: AsJson = False,
) -> None:
    """Learn the classes of a data set in parts, one after the other, and measure what is forgotten.

    After every part the accuracy on each: among all classes (class-incremental) and among those of a sample's own part
    (task-incremental); at the end their mean, forgetting and backward transfer. With --task autoencode samples are to
    be given back, and the measure is the error on each part.

    \b
    Examples:
      spikelearn continual --data digits --splits 5 --rules bptt pc-prospective --epochs 5
    """
    del context
    if not rules or "rule" in given:
        raise ValueError("name the rules with --rules, for example --rules bptt pc; continual takes no --rule")
    no_more_than_cores()
    common = merged({}, {**given, **({"import": imports} if imports else {})})
    made = {}
    for rule in dict.fromkeys(rules):
        made[rule], filled_in = suited({}, {**common, "rule": rule})
        if filled_in:
            progress.print(filled_in, style="yellow")
    found = {rule: _trained(rule, settings, splits) for rule, settings in made.items()}
    results = {rule: {"settings": recorded(made[rule]), **result.record()} for rule, result in found.items()}
    if out is not None:
        write_json(Path(out), results)
    if as_json:
        print_json(results)
        return
    classified = {rule: result for rule, result in found.items() if isinstance(result, Continual)}
    given_back = {rule: result for rule, result in found.items() if isinstance(result, Reconstruction)}
    for rule, result in classified.items():
        _print(rule, result)
    if classified:
        _print_measures(classified)
    if given_back:
        _print_errors(given_back)


def _trained(rule: str, settings: Settings, splits: int) -> Continual | Reconstruction:
    """What a rule came to, told part by part."""
    if settings.make_task().of_input:

        def tell_errors(number: int, errors: list[float]) -> None:
            told = " ".join(f"{value:.4g}" for value in errors)
            progress.print(f"{rule}, part {number + 1}/{splits}: error on every part {told}")

        return reconstruct_continually(settings, splits, tell_errors)

    def tell(number: int, phase: Phase) -> None:
        accuracies = " ".join(f"{100 * value:.1f}" for value in phase.class_incremental)
        progress.print(f"{rule}, part {number + 1}/{splits}: accuracy on every part {accuracies} %")

    return train_continually(settings, splits, tell)


def _print_errors(found: dict[str, Reconstruction]) -> None:
    """The errors of every rule, a row a phase, and their measures."""
    measures = Table("rule", "mean squared error at the end", "right after each part", "forgetting")
    for rule, result in found.items():
        names = ["+".join(map(str, classes)) for classes in result.splits]
        table = Table(f"{rule}, mean squared error", *names)
        for name, errors in zip(names, result.errors, strict=True):
            table.add_row(f"after {name}", *(f"{value:.4g}" for value in errors))
        output.print(table)
        measures.add_row(rule, *(f"{value:.4g}" for value in result.forgotten))
    output.print(measures)


def _print(rule: str, result: Continual) -> None:
    """The accuracies of a rule, a row a phase."""
    names = ["+".join(map(str, classes)) for classes in result.splits]
    for scenario, words in SCENARIOS.items():
        table = Table(f"{rule}, {words}", *names)
        for name, phase in zip(names, result.phases, strict=True):
            table.add_row(f"after {name}", *(f"{100 * value:.2f}" for value in getattr(phase, scenario)))
        output.print(table)


def _print_measures(found: dict[str, Continual]) -> None:
    table = Table("rule", "scenario", "average accuracy %", "forgetting %", "backward transfer %")
    for rule, result in found.items():
        for scenario, words in SCENARIOS.items():
            table.add_row(rule, words, *(f"{100 * value:.2f}" for value in getattr(result, scenario)))
    output.print(table)

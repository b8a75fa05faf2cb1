"""spikelearn phenotype"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from spikelearn.cli.common import AsJson, Imports, output, print_json, progress, result_file
from spikelearn.cli.flags import takes_settings
from spikelearn.cli.suited import suited
from spikelearn.neurons.parts.phenotype import PHENOTYPES
from spikelearn.runs import Settings, merged, settings_from
from spikelearn.runs.phenotype import (
    OF_DATA,
    SINES,
    WITHOUT_MEANING,
    LearnedPhenotype,
    PhenotypeSettings,
    about_phenotype,
    learn_phenotype,
)
from spikelearn.threads import no_more_than_cores

#: Lines of progress that a loop prints.
LINES = 20


@takes_settings
def phenotype_command(
    context: typer.Context,
    given: dict[str, Any],
    imports: Imports = None,
    sines: Annotated[bool, Option("--sines", help="Tasks are slices of mixtures of sines, not classes.")] = False,
    episodes: Annotated[int, Option(help="Episodes of the outer loop.", min=1)] = 100,
    population: Annotated[int, Option(help="Networks that share the phenotype.", min=1)] = 3,
    classes: Annotated[int | None, Option(help="Classes of an episode; default: all.")] = None,
    samples: Annotated[int, Option(help="Steps on each task.")] = 10,
    seen: Annotated[int, Option(help="Samples of such a step.")] = 5,
    asked: Annotated[int, Option(help="Samples of a step of the outer loop, of all tasks.")] = 20,
    hyper_steps: Annotated[int, Option(help="Steps of the outer loop behind each.")] = 5,
    outer_lr: Annotated[float, Option(help="Learning rate of the phenotype (Adam).")] = 0.003,
    tested: Annotated[int, Option(help="Fresh streams to compare first and learned phenotype on.", min=1)] = 5,
    out: Annotated[str, Option(help="File of the phenotype.", callback=result_file)] = "phenotype.json",
    as_json: AsJson = False,
) -> None:
    """Learn the phenotype of dan by the loss on all tasks while networks learn one task after the other.

    The file is for every later training: spikelearn train --rule dan --neuron-option phenotype=FILE.

    \b
    Examples:
      spikelearn phenotype --sines --population 8 --episodes 20 --out found.json
    """
    del context
    said = {*given, *(["classes"] if classes is not None else [])}
    of_data = {*OF_DATA, "classes"} if sines else set[str]()
    if alone := sorted(said & {*WITHOUT_MEANING, *of_data}):
        flags = ", ".join("--" + name.replace("_", "-") for name in alone)
        why = "tasks are no data" if of_data.intersection(alone) else "an episode begins anew and takes a few steps"
        raise ValueError(f"{why}: drop {flags}")
    outer = PhenotypeSettings(
        sines=sines, episodes=episodes, population=population, classes=classes, samples=samples, seen=seen,
        asked=asked, hyper_steps=hyper_steps, lr=outer_lr, tested=tested,
    )  # fmt: skip
    no_more_than_cores()
    settings = _settings({"rule": "dan", **given, **({"import": imports} if imports else {})}, sines=sines)

    def tell(number: int, loss: float) -> None:
        if (number + 1) % max(1, episodes // LINES) == 0:
            progress.print(f"episode {number + 1}/{episodes}  loss on all tasks {loss:.4f}")

    learned = learn_phenotype(settings, outer, tell)
    about = about_phenotype(settings, outer, learned)
    PHENOTYPES.write(out, learned.tensors, about)
    if as_json:
        print_json({"file": str(Path(out)), **about["fresh_streams"], "losses": learned.losses})
    else:
        _report(learned, outer, Path(out))


def _settings(given: dict[str, Any], *, sines: bool) -> Settings:
    """The settings of the loop's networks."""
    if sines:
        return settings_from(merged({"neuron": "dan", "steps": 1, **SINES}, given))
    settings, filled_in = suited({}, given)
    if filled_in:
        progress.print(filled_in, style="yellow")
    return settings


def _report(learned: LearnedPhenotype, outer: PhenotypeSettings, path: Path) -> None:
    for name, found in (("first", learned.first), ("learned", learned.last)):
        output.print(
            f"{name} phenotype on {outer.tested} fresh streams of tasks: loss {found.average_error:.4f} at the end, "
            f"{found.right_after:.4f} right after each task, forgetting {found.forgetting:.4f}"
        )
    output.print(f"file {path}")

"""spikelearn meta"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from spikelearn.cli.common import AsJson, Imports, output, print_json, progress, result_file
from spikelearn.cli.flags import takes_settings
from spikelearn.cli.suited import suited
from spikelearn.plasticity.meta.coefficients import TERMS, write_coefficients
from spikelearn.runs.outer import WITHOUT_MEANING, Learned, OuterSettings, about_coefficients, learn_coefficients
from spikelearn.threads import no_more_than_cores
from spikelearn.training.outer import EpisodeResult

#: Lines of progress that a loop prints.
LINES = 20


@takes_settings
def meta_command(
    context: typer.Context,
    given: dict[str, Any],
    imports: Imports = None,
    episodes: Annotated[int, Option(help="Episodes of the outer loop.", min=1)] = 100,
    classes: Annotated[int, Option(help="Classes of an episode.")] = 5,
    shots: Annotated[int, Option(help="Training samples of each class.")] = 10,
    queries: Annotated[int, Option(help="Samples of each class that are asked behind them.")] = 10,
    terms: Annotated[
        list[str] | None, Option("--term", help=f"Term that learns, of {', '.join(TERMS)}; repeat for more.")
    ] = None,
    outer_lr: Annotated[float, Option(help="Learning rate of the coefficients (Adam).")] = 1e-3,
    penalty: Annotated[float, Option(help="Loss per unit of absolute coefficient.")] = 0.0,
    derivative: Annotated[str, Option(help="exact, or evolution, which takes neurons that fire.")] = "exact",
    pairs: Annotated[int, Option(help="Pairs of trainings an episode, for evolution.")] = 4,
    spread: Annotated[float, Option(help="Standard deviation of the coefficients in these.")] = 1e-3,
    tested: Annotated[int, Option(help="Fresh episodes to compare first and learned coefficients on.", min=1)] = 10,
    out: Annotated[str, Option(help="File of the coefficients.", callback=result_file)] = "coefficients.json",
    as_json: AsJson = False,
) -> None:
    """Learn the coefficients of meta-plasticity by the loss behind many short trainings.

    The file is for every later training: spikelearn train --rule meta-plasticity --rule-option coefficients=FILE.

    \b
    Examples:
      spikelearn meta --data digits --episodes 300 --out found.json
    """
    del context
    if alone := sorted(set(given) & set(WITHOUT_MEANING)):
        flags = ", ".join("--" + name.replace("_", "-") for name in alone)
        raise ValueError(f"an episode begins anew and takes plain steps of the coefficients' size: drop {flags}")
    outer = OuterSettings(
        episodes=episodes, classes=classes, shots=shots, queries=queries, terms=tuple(terms or TERMS), lr=outer_lr,
        penalty=penalty, derivative=derivative, pairs=pairs, spread=spread, tested=tested,  # type: ignore[arg-type]
    )  # fmt: skip
    no_more_than_cores()
    given = {"rule": "meta-plasticity", **given, **({"import": imports} if imports else {})}
    settings, filled_in = suited({}, given)
    if filled_in:
        progress.print(filled_in, style="yellow")

    def tell(number: int, result: EpisodeResult) -> None:
        if (number + 1) % max(1, episodes // LINES) == 0:
            progress.print(f"episode {number + 1}/{episodes}  loss {result.loss:.4f}  {_written(result.coefficients)}")

    learned = learn_coefficients(settings, outer, tell)
    write_coefficients(out, learned.coefficients, about_coefficients(settings, outer, learned))
    _report(learned, outer, Path(out), as_json)


def _report(learned: Learned, outer: OuterSettings, path: Path, as_json: bool) -> None:
    if as_json:
        print_json({"file": str(path), **asdict(learned)})
        return
    output.print(f"coefficients {_written(learned.coefficients)}")
    for name, seen in (("first", learned.first), ("learned", learned.last)):
        output.print(
            f"{name} coefficients on {outer.tested} fresh episodes: loss {seen.loss:.4f}, accuracy "
            f"{100 * seen.accuracy:.2f} %"
        )
    output.print(f"file {path}")


def _written(coefficients: dict[str, float]) -> str:
    return "  ".join(f"{term} {value:.5g}" for term, value in coefficients.items())

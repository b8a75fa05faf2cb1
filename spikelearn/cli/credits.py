"""spikelearn credits"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from spikelearn.cli.common import AsJson, Imports, output, print_json, progress, result_file
from spikelearn.cli.flags import takes_settings
from spikelearn.cli.suited import suited
from spikelearn.plasticity.meta.credits import CREDIT_NETWORKS
from spikelearn.runs.credits import WITHOUT_MEANING, CreditSettings, LearnedCredits, about_credits, learn_credits
from spikelearn.threads import no_more_than_cores

#: Lines of progress that a loop prints.
LINES = 20


@takes_settings
def credits_command(
    context: typer.Context,
    given: dict[str, Any],
    imports: Imports = None,
    episodes: Annotated[int, Option(help="Episodes of the outer loop.", min=1)] = 100,
    classes: Annotated[int | None, Option(help="Classes of an episode; default: all.")] = None,
    shots: Annotated[int, Option(help="Training samples of each class.")] = 32,
    queries: Annotated[int, Option(help="Samples of each class that are asked behind them.")] = 32,
    outer_lr: Annotated[float, Option(help="Learning rate of the credit network (Adam).")] = 0.01,
    pairs: Annotated[int, Option(help="Pairs of trainings an episode.")] = 4,
    spread: Annotated[float, Option(help="Standard deviation of the credit network's numbers in these.")] = 0.05,
    tested: Annotated[int, Option(help="Fresh episodes to compare credits and gradients on.", min=1)] = 10,
    out: Annotated[str, Option(help="File of the credit network.", callback=result_file)] = "credits.json",
    as_json: AsJson = False,
) -> None:
    """Learn the credit network of tdca by the loss behind many short trainings.

    The file is for every later training: spikelearn train --rule tdca --rule-option network=FILE.

    \b
    Examples:
      spikelearn credits --data digits --episodes 120 --spread 0.02 --out found.json
    """
    del context
    if alone := sorted(set(given) & set(WITHOUT_MEANING)):
        flags = ", ".join("--" + name.replace("_", "-") for name in alone)
        raise ValueError(f"an episode begins anew and takes a few steps of one size: drop {flags}")
    outer = CreditSettings(
        episodes=episodes, classes=classes, shots=shots, queries=queries, lr=outer_lr, pairs=pairs, spread=spread,
        tested=tested,
    )  # fmt: skip
    no_more_than_cores()
    given = {"rule": "tdca", **given, **({"import": imports} if imports else {})}
    settings, filled_in = suited({}, given)
    if filled_in:
        progress.print(filled_in, style="yellow")

    def tell(number: int, loss: float) -> None:
        if (number + 1) % max(1, episodes // LINES) == 0:
            progress.print(f"episode {number + 1}/{episodes}  loss {loss:.4f}")

    learned = learn_credits(settings, outer, tell)
    about = about_credits(settings, outer, learned)
    CREDIT_NETWORKS.write(out, learned.tensors, about)
    if as_json:
        print_json(
            {"file": str(Path(out)), "steps": learned.steps, **about["fresh_episodes"], "losses": learned.losses}
        )
    else:
        _report(learned, outer, Path(out))


def _report(learned: LearnedCredits, outer: CreditSettings, path: Path) -> None:
    for name, seen in (
        ("first credits", learned.first),
        ("learned credits", learned.last),
        ("bptt", learned.gradients),
    ):
        output.print(
            f"{name} on {outer.tested} fresh episodes of {learned.steps} steps: loss {seen.loss:.4f}, accuracy "
            f"{100 * seen.accuracy:.2f} %"
        )
    output.print(f"file {path}")

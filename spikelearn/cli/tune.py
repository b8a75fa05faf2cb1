"""spikelearn tune"""

from pathlib import Path
from typing import Annotated, Any, Self

import typer
from rich.console import Console
from rich.status import Status
from typer import Option

from spikelearn.bench.tune.spaces import read_space
from spikelearn.bench.tune.tuning import SearchResult, tune
from spikelearn.cli.common import INTERRUPTED, AsJson, Imports, Shared, output, print_json, progress, read_shared
from spikelearn.runs import merged, read_settings
from spikelearn.tasks import measure_in
from spikelearn.threads import no_more_than_cores
from spikelearn.training import Interrupted

Text = str | None
Texts = list[str] | None


def tune_command(
    rules: Annotated[
        Texts, Option("--rules", "--rule", metavar="RULE...", help="Rules, each with that budget.")
    ] = None,
    data: Annotated[Text, Option(help="Data set; its test samples are never looked at.")] = None,
    net: Annotated[Text, Option(help="Network that all rules share.")] = None,
    trials: Annotated[int, Option(help="Trials of every rule.")] = 15,
    epochs: Annotated[int | None, Option(help="Epochs of every trial.")] = None,
    minutes: Annotated[float | None, Option(help="Time after which a rule begins no further trial.")] = None,
    config: Annotated[Text, Option(help="TOML file of the settings that all rules share; flags win.")] = None,
    set_: Shared = None,
    space: Annotated[Text, Option(help="TOML file whose table [space] is searched, not the rule's own.")] = None,
    storage: Annotated[
        Text, Option(metavar="URL", help="Optuna storage, shared by many machines; default: tune.db in the folder.")
    ] = None,
    seed: Annotated[int, Option(help="Seed of the sampler.")] = 0,
    prune: Annotated[bool, Option("--prune/--no-prune", help="Stop trials below the median of others.")] = False,
    out: Annotated[str, Option(help="Folder of what is found; a plan names it with tuned = FOLDER.")] = "tuned",
    device: Annotated[Text, Option(help="cpu, cuda or cuda:N.")] = None,
    threads: Annotated[int | None, Option(help="Threads; default: OMP_NUM_THREADS, else one for every core.")] = None,
    data_root: Annotated[Text, Option(help="Folder of the data sets.")] = None,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Search the settings of rules with an equal budget, by samples held out of the training data.

    What has ended is never run again: after Ctrl-C or a crash the same command goes on.

    \b
    Examples:
      spikelearn tune --rules bptt dfa --data digits --trials 15
    """
    if not rules:
        raise ValueError("nothing to tune: name rules (--rules bptt dfa); see: spikelearn rules")
    flags = {
        "data": data,
        "net": net,
        "epochs": epochs,
        "device": device,
        "threads": threads,
        "data_root": data_root,
        "import": imports or None,
    }
    common = merged(read_settings(Path(config)) if config else {}, read_shared(set_))
    common = merged(common, {name: value for name, value in flags.items() if value is not None})
    results: dict[str, SearchResult] = {}
    spaces = {rule: read_space(rule, space) for rule in rules}
    no_more_than_cores()
    try:
        for rule, searched in spaces.items():
            with _Line(progress) as line:
                results[rule] = tune(
                    rule, common, out, trials=trials, minutes=minutes, storage=storage, seed=seed, space=searched,
                    prune=prune, teller=line,
                )  # fmt: skip
            if not as_json:
                output.print(_summary(rule, results[rule]))
    except Interrupted as stopped:
        progress.print(f"{stopped}; the same command goes on")
        raise typer.Exit(INTERRUPTED) from stopped
    if len({one.search["trials"] for one in results.values()} | {trials}) > 1:
        progress.print("the budgets are not equal yet: the same command, with more minutes, goes on")
    if as_json:
        print_json({rule: {**one._asdict(), "path": str(one.path)} for rule, one in results.items()})


def _summary(rule: str, result: SearchResult) -> str:
    search = result.search
    measure = measure_in(search)
    default = search.get(f"validation_{measure.name}_of_defaults")
    before = "" if default is None else f", with the defaults {measure.shown(default)}"
    best = f"validation {measure.words} {measure.shown(search[f'validation_{measure.name}'])}{before}"
    return f"{rule}: {best}; {search['trials']} trials of {search['epochs']} epochs; {result.path}"


class _Line:
    """One live line on a terminal; elsewhere only what stays."""

    def __init__(self, console: Console) -> None:
        self._console, self._status = console, Status("", console=console)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._status.stop()

    def status(self, words: str) -> None:
        self._status.update(words)

    def message(self, words: str) -> None:
        self._console.print(words)

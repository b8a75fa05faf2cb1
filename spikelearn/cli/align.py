"""spikelearn align"""

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer import Option

from spikelearn.bench.run.aligned import AlignedBlock, align
from spikelearn.cli.common import AsJson, Imports, output, print_json, progress
from spikelearn.cli.flags import takes_settings
from spikelearn.cli.suited import suited
from spikelearn.files import replacing
from spikelearn.runs import Settings, merged, open_run, read_settings
from spikelearn.runs.groups import Group, in_groups
from spikelearn.threads import no_more_than_cores
from spikelearn.training import ConsoleDisplay, RunFolder

#: Settings of a run or a file that do not belong to its rule.
COMMON = in_groups(Settings.model_fields, Group.NETWORK, Group.DATA, Group.PROTOCOL, Group.PLACE)


@takes_settings
def align_command(
    context: typer.Context,
    given: dict[str, Any],
    source: Annotated[
        str | None, typer.Argument(help="A run's folder or a TOML file, whose network and data are used.")
    ] = None,
    rules: Annotated[list[str] | None, Option(help="Names of the rules.")] = None,
    imports: Imports = None,
    out: Annotated[str, Option(help="Folder for the runs, the table and the picture.")] = "aligned",
    as_json: AsJson = False,
) -> None:
    """Train with each rule, and follow how well its changes agree with backpropagation through time.

    For each block: the cosine between the rule's change and bptt's gradient, and the ratio of their norms, at the start
    and after every epoch of the rule's own training, on test samples. The reference has the rule's loss and surrogate;
    the reset is not differentiated.

    \b
    Examples:
      spikelearn align --rules fa dfa ottt --epochs 5
    """
    if not rules or "rule" in given:
        raise ValueError("name the rules with --rules, for example --rules fa dfa drtp; align takes no --rule")
    folder = Path(out)
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{out} holds something already: name another folder with --out")
    no_more_than_cores()
    common = merged(_common(source), {**given, **({"import": imports} if imports else {})})
    settings = {}
    for rule in dict.fromkeys(rules):
        settings[rule], told = suited({}, {**common, "rule": rule})
        if told:
            progress.print(told, style="yellow")
    rows, results = align(settings, folder, ConsoleDisplay(progress))
    _write(folder / "alignment.csv", rows)
    drawn = _draw(folder / "alignment.png", rows)
    if as_json:
        print_json({"out": out, "rows": [row._asdict() for row in rows], "results": results})
        return
    _print(rows)
    output.print(f"table {folder / 'alignment.csv'}" + (f", picture {folder / 'alignment.png'}" if drawn else ""))


def _common(source: str | None) -> dict[str, Any]:
    """Settings of the network and the data that a run or a file names, without defaults that every run has."""
    if source is None:
        return {}
    path = Path(source)
    values = open_run(RunFolder(source)).model_dump(exclude_defaults=True) if path.is_dir() else read_settings(path)
    return {name: value for name, value in values.items() if name in COMMON}


def _write(path: Path, rows: Iterable[AlignedBlock]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(AlignedBlock._fields)
        writer.writerows(rows)


def _draw(path: Path, rows: Iterable[AlignedBlock]) -> bool:
    """Tell whether there was a cosine to draw."""
    cosines: Any = defaultdict(lambda: defaultdict(dict))
    ratios: Any = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        if row.cosine is not None:
            cosines[row.block][row.rule][row.epoch] = row.cosine
            ratios[row.block][row.rule][row.epoch] = row.ratio
    if cosines:
        from spikelearn.draw import aligned, save  # they load matplotlib, which no other command waits for

        save(aligned(cosines, ratios), path)
    return bool(cosines)


def _print(rows: list[AlignedBlock]) -> None:
    """The first and the last epoch of every rule and block."""
    table = Table("rule", "block", "cosine at the start", "at the end", "norm ratio at the start", "at the end")
    places: dict[tuple[str, str], list[AlignedBlock]] = {}
    for row in rows:
        places.setdefault((row.rule, row.block), []).append(row)
    for (rule, block), epochs in places.items():
        first, last = epochs[0], epochs[-1]
        cells = (_number(value) for value in (first.cosine, last.cosine, first.ratio, last.ratio))
        table.add_row(rule, block or "-", *cells)
    output.print(table)
    reasons = {(row.rule, row.block): row.reason for row in rows if row.reason}
    for (rule, block), reason in reasons.items():
        output.print(f"{rule}{f', {block}' if block else ''}: {reason}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

"""spikelearn doctor"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from spikelearn.cli.common import AsJson, DataRoot, Imports, output, picture_file, print_json, progress
from spikelearn.cli.suited import settings_at
from spikelearn.doctor import BATCHES, Evidence, diagnose, examine_settings
from spikelearn.threads import threads


def doctor_command(
    source: Annotated[
        str, typer.Argument(metavar="RUN|CONFIG|PRESET", help="A run's folder, a TOML file, or the name of a preset.")
    ],
    picture: Annotated[str | None, Option(help="Draw what the findings are based on, as PNG.")] = None,
    data_root: DataRoot = None,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a training, with the likely cause and the cure.

    A run is looked at where it stands, settings before their first batch: a few batches are learned, and nothing is
    written. The most fundamental finding comes first: it may be the cause of those behind it.

    Exit code: 0 nothing found, 1 something, 2 a mistake in the command.

    \b
    Examples:
      spikelearn doctor runs/mlp
      spikelearn doctor runs/mlp --picture seen.png
    """
    picture = None if picture is None else picture_file(picture)
    settings, folder = settings_at(source)
    if data_root is not None:
        settings = settings.model_copy(update={"data_root": data_root})
    with threads(settings.threads), progress.status(f"looking at {BATCHES} batches"):
        evidence = examine_settings(settings, folder)
    findings = diagnose(evidence)
    if picture is not None:
        _draw(evidence, Path(picture))
    if as_json:
        print_json({"source": source, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings, evidence, picture)
    if findings:
        raise typer.Exit(1)


def _draw(evidence: Evidence, path: Path) -> None:
    from spikelearn.draw import examined, save  # they load matplotlib, which no other command waits for

    activity = {name: seen.over_time.tolist() for name, seen in (evidence.after or evidence.before).items()}
    changes, errors = ([getattr(seen, what) for seen in evidence.learning] for what in ("changes", "errors"))
    save(examined(activity, changes, errors, [seen.loss for seen in evidence.learning]), path)


def _print(findings: list[Any], evidence: Evidence, picture: str | None) -> None:
    if not findings:
        output.print(
            f"nothing found: {len(evidence.learning)} batches learned, {len(evidence.before)} blocks that fire"
        )
    for number, finding in enumerate(findings, 1):
        output.print(f"{number}. {finding.illness}", style="bold")
        output.print(f"   seen: {finding.seen}")
        output.print(f"   likely cause: {finding.cause}")
        output.print(f"   cure: {finding.cure}")
    for name, seen in (evidence.after or evidence.before).items():
        output.print(f"   {name}: {seen.rate:.3g} spikes per step and neuron, {100 * seen.silent:.0f} % never fired")
    if picture:
        output.print(f"picture {picture}")

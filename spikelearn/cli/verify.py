"""spikelearn verify"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from spikelearn.cli.common import AsJson, output, print_json
from spikelearn.export import FileVerdict, verify_file


def verify_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A NIR file, of any program.", show_default=False)],
    against: Annotated[
        list[str] | None, Option(help="Readers, e.g. snntorch norse; default: all that are installed.")
    ] = None,
    python: Annotated[
        list[str] | None, Option(metavar="READER=PYTHON", help="The Python in which a reader is installed; repeat.")
    ] = None,
    steps: Annotated[int, Option(help="Steps of random spikes, where none are recorded in the file.", min=1)] = 50,
    samples: Annotated[int, Option(help="Samples of them.", min=1)] = 16,
    share: Annotated[float, Option(help="How likely a spike is.", min=0.0, max=1.0)] = 0.3,
    seed: Annotated[int, Option(help="Seed of them.")] = 0,
    dt: Annotated[float | None, Option(help="Time step of the file, seconds; default: its own.")] = None,
    mend: Annotated[list[str] | None, Option(help="What its program means otherwise, e.g. norse-time; repeat.")] = None,
    record: Annotated[bool, Option("--record", help="Write the spikes into the file, as a proof.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run every reader of a NIR file on the same spikes; exit code 0 only if none that reads it fires others.

    The spikes are those recorded in the file, which this program must fire as well, or random ones. A reader that is
    named and does not read the file counts as one that fires others; of the others the reason is said.

    \b
    Examples:
      spikelearn verify network.nir
      spikelearn verify network.nir --against snntorch norse --record
    """
    found = verify_file(
        Path(file),
        against=against,
        pythons=dict(_pair(text) for text in python or ()),
        steps=steps,
        samples=samples,
        share=share,
        seed=seed,
        dt=dt,
        mend=mend or (),
        record=record,
    )
    if as_json:
        print_json({"file": file, **_plain(found)})
    else:
        _print(found, record)
    named = {"spikelearn", *(against or ())}
    if any(not v.agrees and (name in named or v.differing) for name, v in found.readers.items()):
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, python = text.partition("=")
    if not equals or not python:
        raise ValueError(f"--python is {text!r}, expected READER=PYTHON, for example jaxpike=venv/bin/python")
    return name, python


def _plain(found: FileVerdict) -> dict[str, Any]:
    return {**found._asdict(), "readers": {name: verdict._asdict() for name, verdict in found.readers.items()}}


def _print(found: FileVerdict, record: bool) -> None:
    origin = "recorded in the file" if found.recorded else "of this program on random spikes"
    output.print(
        f"{found.spikes} output spikes {origin}; no potential came closer to its threshold than {found.margin:.1e}"
    )
    for note in found.notes:
        output.print(f"  note: {note}")
    for name, verdict in found.readers.items():
        output.print(f"  {name}: {verdict.words}")
    if record:
        output.print("the file has its spikes already" if found.recorded else "the spikes are recorded in the file")

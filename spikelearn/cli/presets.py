"""spikelearn presets"""

from typing import Annotated

import typer

from spikelearn.catalogue import PRESETS
from spikelearn.cli.common import AsJson, output, print_json
from spikelearn.runs import read_preset

Name = Annotated[str | None, typer.Argument(help="Show the settings of one of them.", show_default=False)]


def presets_command(name: Name = None, as_json: AsJson = False) -> None:
    """List the published recipes that train takes with --preset, or show the settings of one.

    \b
    Examples:
      spikelearn presets
      spikelearn presets ide/fashion-mnist
    """
    presets = {known: read_preset(known) for known in ([name] if name else PRESETS.names())}
    if as_json:
        print_json({known: preset._asdict() for known, preset in presets.items()})
        return
    for known, preset in presets.items():
        output.print(known, style="bold")
        output.print(f"  {preset.title}")
        output.print(f"  published: {preset.published}")
        if name:
            output.print(f"  {preset.source}")
            for key, value in preset.values.items():
                options = value if isinstance(value, dict) else {}
                words = ", ".join(f"{k}={v}" for k, v in options.items()) if options else value
                output.print(f"  {key}: {words}")

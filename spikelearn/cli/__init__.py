"""The command ``spikelearn``."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    try:
        # Imported here, so that Ctrl-C during the seconds of importing ends in a word and not in a traceback.
        from spikelearn.cli.app import is_light, run

        given = sys.argv[1:] if arguments is None else arguments
        if not is_light(given):
            import torch

            # A silent membrane never decays to 0, but to denormal numbers, which some processors calculate with slowly.
            # Set before there are other threads: they take it over when they are made, not later.
            torch.set_flush_denormal(True)
        code = run(given)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)

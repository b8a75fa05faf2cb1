"""The command ``spikelearn``."""

from spikelearn.cli.app import main

__all__ = ["main"]

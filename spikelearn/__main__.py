"""``python -m spikelearn`` is the command ``spikelearn``."""

from spikelearn.cli import main

main()

"""Trials of a plan: how they are run, measured and kept."""

"""Runs: settings, presets and what rules need of them, and trainings that leave a folder."""

from spikelearn.runs.device import usable_device
from spikelearn.runs.longer import train_longer
from spikelearn.runs.needs import (
    adapted,
    dense_sizes,
    filled_in,
    for_neurons,
    needed,
    needs_of,
    network_for,
    settings_for,
)
from spikelearn.runs.nir_networks import OF_A_STRING, is_nir
from spikelearn.runs.presets import Preset, merged, read_preset
from spikelearn.runs.reading import open_run, trained_predictor
from spikelearn.runs.run import train
from spikelearn.runs.settings import Settings
from spikelearn.runs.settings_files import read_settings, settings_from, write_settings
from spikelearn.runs.start import make_loaders, prepare, test_loader
from spikelearn.runs.streams import pieces_of
from spikelearn.runs.weights import about_weights, trained_network

__all__ = [
    "OF_A_STRING",
    "Preset",
    "Settings",
    "about_weights",
    "adapted",
    "dense_sizes",
    "filled_in",
    "is_nir",
    "make_loaders",
    "merged",
    "needed",
    "for_neurons",
    "needs_of",
    "network_for",
    "open_run",
    "pieces_of",
    "prepare",
    "read_preset",
    "read_settings",
    "settings_for",
    "settings_from",
    "test_loader",
    "train",
    "train_longer",
    "trained_network",
    "trained_predictor",
    "usable_device",
    "write_settings",
]

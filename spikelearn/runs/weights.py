"""Weights of runs: what is written beside them, and networks that are given them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from spikelearn.export import load_weights
from spikelearn.network import INITIALISERS, Network
from spikelearn.runs.reading import open_run
from spikelearn.runs.settings import MEANING, Settings, recorded
from spikelearn.runs.settings_files import check_recorded
from spikelearn.training.folder import RunFolder
from spikelearn.training.state import check_same_network


def about_weights(settings: Settings) -> dict[str, Any]:
    """A description of weights for their file: rule, data, and the settings without which they mean nothing."""
    about = {"net": settings.net, "rule": settings.rule, "data": settings.data}
    return {**about, "settings": recorded(settings, MEANING)}


def begin_with(network: Network, path: Path, settings: Settings) -> None:
    """Give ``network`` the weights of another run's folder or of a safetensors file, to go on from.

    Raises:
        ValueError: none there, damaged ones, those of another network or of other neurons.
    """
    if not path.exists():
        raise ValueError(f"{path} does not exist: name a run's folder, or a safetensors file of its weights")
    if path.is_dir():
        folder = RunFolder(path)
        open_run(folder)
        folder.check_unchanged(folder.weights)
        path = folder.weights
    weights, about = load_weights(path)
    theirs = about.get("settings")
    if isinstance(theirs, dict):  # a file that was written in Python may name none
        # Data and encoder may be others, to which the weights are fitted. Thresholds come with some initialisers.
        names = ["neuron", "neuron_option", "output", "output_option", "delay"]
        inits = [INITIALISERS.get(str(init)) for init in (theirs.get("init"), settings.init) if init in INITIALISERS]
        if any(init.sets_thresholds for init in inits):
            names += ["init", "init_option"]
        check_recorded(
            settings, theirs, f"the weights in {path} would mean something else: they were trained with", names,
            "set it as there",
        )  # fmt: skip
    _give(network, weights, path)


def trained_network(folder: RunFolder, settings: Settings) -> Network:
    """The network of a run with its final weights, in evaluation mode.

    Raises:
        ValueError: no weights yet, damaged ones, those of another network, or settings under which they mean something
            else than what they were trained for.
    """
    network = settings.make_network()
    folder.check_unchanged(folder.weights)
    weights, about = load_weights(folder.weights)
    theirs = about.get("settings")
    if not isinstance(theirs, dict):
        raise ValueError(f"{folder.weights} is not the run's (it names no settings): restore it, or train anew")
    check_recorded(settings, theirs, f"{folder.weights} was trained with", MEANING)
    _give(network, weights, folder.weights)
    return network.eval()


def _give(network: Network, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    try:
        check_same_network(network, weights)
        for name, value in network.state_dict().items():
            if weights[name].dtype != value.dtype:
                raise ValueError(f"{name} has type {weights[name].dtype}, expected {value.dtype}: convert it")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    network.load_state_dict(weights)

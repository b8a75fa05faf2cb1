"""Simulations of runs, presets, files and strings, made of plain values, so that one can be made again."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spikelearn.catalogue import PRESETS
from spikelearn.checks import check_count
from spikelearn.network import Network
from spikelearn.plasticity import RULES, Rule
from spikelearn.runs.nir_networks import WORD, is_nir, read_net
from spikelearn.runs.presets import read_preset
from spikelearn.runs.reading import open_run
from spikelearn.runs.settings import Settings
from spikelearn.runs.settings_files import read_settings, settings_from
from spikelearn.runs.start import make_loaders
from spikelearn.runs.weights import trained_network
from spikelearn.simulation import SOURCES, Presented, Simulation, Source
from spikelearn.training.checkpoint import load_checkpoint
from spikelearn.training.folder import RunFolder

#: The input that stands for the samples of the settings' data set.
DATA = "data"

#: Whose rule is meant where none is named.
OWN = "own"

_SIZE = re.compile(r"\d+(?=[-(=])", re.ASCII)


def source_of(name: str) -> tuple[dict[str, Any], RunFolder | None]:
    """Plain values of a network: of a run, which comes with them, a TOML file, a preset, a NIR file, or a string.

    Raises:
        ValueError: nothing of that name.
    """
    path = Path(name)
    if path.is_dir():
        folder = RunFolder(path)
        return {"settings": _plain(open_run(folder)), "kind": "run"}, folder
    if is_nir(name) or path.suffix == ".nir":
        net = name if is_nir(name) else f"{WORD}{path}"
        if not path.exists() and not is_nir(name):
            raise ValueError(f"{name} does not exist: name a NIR file that is there")
        return {"settings": None, "kind": "nir", "net": net}, None
    if path.is_file():
        values = read_settings(path)
    elif name in PRESETS.names() or not _SIZE.match(name):
        values = read_preset(name).values  # which says what there is
    else:
        values = {"net": name}
    values.pop("out", None)
    return {"settings": _plain(settings_from(values)), "kind": "settings"}, None


def simulation_of(about: dict[str, Any], folder: RunFolder | None = None) -> Simulation:
    """The simulation of plain values, at its beginning.

    Args:
        about: ``settings`` and ``kind`` as of ``source_of``, and ``input``, ``rule``, ``freeze``, ``samples``,
            ``seed``, ``rest``.
        folder: of a run whose weights it begins with; None: those of its settings.

    Raises:
        ValueError: values that do not go together.
    """
    settings = None if about["settings"] is None else settings_from(about["settings"])
    on_data = about["input"] == DATA
    if settings is None:
        if on_data:
            raise ValueError("a NIR file says no data: name a generated --input, for example poisson:rate=20")
        read = read_net(about["net"])
        shape: Sequence[int] | None = tuple(read.input_shape)
        network = read.network
    else:
        network, shape = _network(settings, about["kind"], on_data, folder)
    _freeze(network, about["freeze"])
    rule = _rule(about["rule"], settings)
    source = _source(about["input"], settings, about["rest"])
    options = {"samples": about["samples"], "seed": about["seed"], "input_shape": shape}
    return Simulation(network, source, rule, **options)


def _network(
    settings: Settings, kind: str, on_data: bool, folder: RunFolder | None
) -> tuple[Network, Sequence[int] | None]:
    """The network, and the shape of its inputs; None: it says it itself."""
    if folder is not None and folder.weights.is_file():
        return trained_network(folder, settings), settings.sample_shape()
    shape: Sequence[int] | None = settings.sample_shape()
    size = _SIZE.match(settings.net)
    if not on_data and kind != "run" and size is not None and int(size[0]) != math.prod(settings.sample_shape()):
        shape = None  # a network of its own size, whose data are not asked for
    network = settings.network_of(shape)
    if folder is not None and folder.checkpoint.is_file():
        network.load_state_dict(load_checkpoint(folder.checkpoint)["training"]["network"])
    return network, shape


def _rule(rule: str | None, settings: Settings | None) -> Rule | None:
    if rule is None:
        return None
    if rule != OWN:
        return RULES.make(rule)
    if settings is None:
        raise ValueError("a NIR file names no rule: name one, for example --rule stdp-online")
    return settings.make_rule()


def _source(text: str, settings: Settings | None, rest: int) -> Source:
    check_count("rest", rest, least=0)
    if text != DATA:
        return SOURCES.make(text)
    assert settings is not None
    return Presented(make_loaders(settings)["train"], rest=rest)


def _freeze(network: Network, names: Sequence[str]) -> None:
    places = network.places
    for name in names:
        if name not in places:
            raise ValueError(f"freeze names {name!r}, expected one of {', '.join(places)}")
        places[name].requires_grad_(False)


def _plain(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude_none=True)

"""Settings found by tuning: files that come with the package, or in a folder of one's own, which a comparison reads."""

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

from spikelearn.datasets import DATASETS
from spikelearn.training import merged


class Tuned(NamedTuple):
    """What a rule is set to on a data set, and the search that found it.

    Args:
        name: the file, as ``rule/data``, or ``rule/any`` where none was made for the data set.
        values: settings.
        search: what was searched and how long, as ``spikelearn tune`` wrote it; None: nothing was searched, the values
            are what the rule needs to run on a common network at all.
    """

    name: str
    values: dict[str, Any]
    search: dict[str, Any] | None


def read_tuned(rule: str, data: str, folder: str | Path | None = None) -> Tuned | None:
    """The settings of ``rule`` on ``data``, else those for any data; None where there are none.

    Args:
        rule, data: their names.
        folder: where ``spikelearn tune`` wrote files, ``<rule>/<data>.toml``, which go before those of the package.

    Raises:
        ValueError: the folder does not exist; a file that holds no settings.
    """
    if folder is not None and not Path(folder).is_dir():
        raise ValueError(f"{folder}, named for tuned settings, is no folder: name the one that spikelearn tune wrote")
    for name in (data, "any"):
        for place in _places(folder):
            file = place.joinpath(rule, f"{name}.toml")
            if file.is_file():
                return _read(file, f"{rule}/{name}", data)
    return None


def needs_of(rule: str, data: str, folder: str | Path | None = None) -> dict[str, Any]:
    """What ``rule`` needs to run at all on ``data`` and a common network: the settings that tuning begins with."""
    for place in _places(folder):
        file = place.joinpath(rule, "any.toml")
        if file.is_file():
            return _read(file, f"{rule}/any", data).values
    return {}


def _places(folder: str | Path | None) -> list[Traversable]:
    own: list[Traversable] = [] if folder is None else [Path(folder)]
    return [*own, files("spikelearn").joinpath("tuned")]


def _read(file: Traversable, name: str, data: str) -> Tuned:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no TOML file: {error}") from error
    values, still = found.get("settings", {}), found.get("still_images", {})
    if (
        set(found) - {"settings", "still_images", "search"}
        or not isinstance(values, dict)
        or not isinstance(still, dict)
    ):
        raise ValueError(f"{file} holds no tuned settings, expected the tables [settings], [still_images] and [search]")
    # Recordings of events are spikes already, and take no encoder.
    here = {} if data in DATASETS and DATASETS.get(data).events else still
    return Tuned(name, merged(values, here), found.get("search"))

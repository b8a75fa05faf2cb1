"""Settings found by tuning: files that come with the package, or in a folder of one's own, which a comparison reads."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from spikelearn.datasets import short_name
from spikelearn.documents import json_text, modelled, object_from, read_toml


class Search(BaseModel):
    """What may stand in the table [search], and more beside it, none of it a number that is not finite."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    trials: Annotated[int, Field(ge=1)] | None = None
    epochs: Annotated[int, Field(ge=1)] | None = None
    samples: Annotated[float, Field(ge=0)] | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None
    validation_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    validation_accuracy_of_defaults: Annotated[float, Field(ge=0, le=1)] | None = None


class Tuned(NamedTuple):
    """What a rule is set to on a data set, and the search that found it.

    Args:
        name: the file, as ``rule/data``.
        values: settings.
        search: what was searched and how long, as ``spikelearn tune`` wrote it; None: nothing was searched.
        file: where they stand.
    """

    name: str
    values: dict[str, Any]
    search: dict[str, Any] | None
    file: str

    @property
    def found(self) -> dict[str, Any] | None:
        """The search, with its file and the data set it was made on; None: nothing was searched."""
        return None if self.search is None else {"file": self.file, "data": self.name.rpartition("/")[2], **self.search}


def read_tuned(rule: str, data: str, folder: str | Path | None = None) -> Tuned | None:
    """The settings of ``rule`` on ``data``; None where there are none.

    Args:
        rule, data: their names.
        folder: where ``spikelearn tune`` wrote files, ``<rule>/<data>.toml``, which go before those of the package.

    Raises:
        ValueError: the folder does not exist; a file that holds no settings.
    """
    if folder is not None and not Path(folder).is_dir():
        raise ValueError(f"{folder}, named for tuned settings, is no folder: name the one that spikelearn tune wrote")
    for place in _places(folder):
        file = place.joinpath(rule, f"{short_name(data)}.toml")
        if file.is_file():
            return _read(file, f"{rule}/{short_name(data)}")
    return None


def _places(folder: str | Path | None) -> list[Traversable]:
    own: list[Traversable] = [] if folder is None else [Path(folder)]
    return [*own, files("spikelearn").joinpath("tuned")]


def _read(file: Traversable, name: str) -> Tuned:
    found = read_toml(file)
    values = found.get("settings", {})
    if set(found) - {"settings", "search"} or not isinstance(values, dict):
        raise ValueError(f"{file} holds no tuned settings, expected the tables [settings] and [search]")
    search = found.get("search")
    try:
        if search is not None:
            search = object_from(json_text(search).encode())
            modelled(Search, search)
    except ValueError as error:
        raise ValueError(f"{file}: [search]: {error}: restore it, or drop the table") from error
    packaged = files("spikelearn").joinpath("tuned", f"{name}.toml")
    place = f"spikelearn/tuned/{name}.toml" if file == packaged else str(file)
    return Tuned(name, values, search, place)

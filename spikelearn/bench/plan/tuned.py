"""Tuned settings and search spaces of rules: one file a rule, of the package or in a folder of one's own.

A file ``<rule>.toml`` holds the table [space], what is searched, and a table [on.<data>] for every data set, with what
the search found, [on.<data>.settings], and how, [on.<data>.search].
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from spikelearn.catalogue import TUNED
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
        data: the data set's name, as files have it.
        values: settings.
        search: what was searched and how long, as ``spikelearn tune`` wrote it; None: nothing was searched.
        file: where they stand.
    """

    data: str
    values: dict[str, Any]
    search: dict[str, Any] | None
    file: str

    @property
    def found(self) -> dict[str, Any] | None:
        """The search, with its file and the data set it was made on; None: nothing was searched."""
        return None if self.search is None else {"file": self.file, "data": self.data, **self.search}


def tuned_file(rule: str, folder: str | Path) -> Path:
    """The file of ``rule`` in a folder of tuned settings."""
    return Path(folder) / f"{rule}.toml"


def read_tuned(rule: str, data: str, folder: str | Path | None = None) -> Tuned | None:
    """The settings of ``rule`` on ``data``; None where there are none.

    Args:
        rule, data: their names.
        folder: where ``spikelearn tune`` wrote files, which go before those of the package.

    Raises:
        ValueError: the folder does not exist; a file that holds no settings.
    """
    if folder is not None and not Path(folder).is_dir():
        raise ValueError(f"{folder}, named for tuned settings, is no folder: name the one that spikelearn tune wrote")
    for place, tables in _files(rule, folder):
        if short_name(data) in tables["on"]:
            return _tuned(place, short_name(data), tables["on"][short_name(data)])
    return None


def tuned_tables(values: Mapping[str, Any], file: str) -> dict[str, dict[str, Any]]:
    """The tables "space" and "on" of what ``file`` holds, empty where it lacks them.

    Raises:
        ValueError: something else is there.
    """
    for name, table in values.items():
        if name not in ("space", "on") or not isinstance(table, dict):
            raise ValueError(
                f"{file} has {name!r}, expected the tables [space], [on.DATA.settings] and [on.DATA.search]"
            )
    return {"space": values.get("space", {}), "on": values.get("on", {})}


def _files(rule: str, folder: str | Path | None) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """The tables of the files that a rule has, one's own first."""
    if folder is not None and (own := tuned_file(rule, folder)).is_file():
        yield str(own), tuned_tables(read_toml(own), str(own))
    if TUNED.has(rule):
        yield TUNED.path(rule), tuned_tables(TUNED.read(rule), TUNED.path(rule))


def _tuned(file: str, data: str, tables: Any) -> Tuned:
    values = tables.get("settings", {}) if isinstance(tables, dict) else None
    if not isinstance(values, dict) or set(tables) - {"settings", "search"}:
        raise ValueError(
            f"{file} holds no tuned settings on {data}, expected the tables [on.{data}.settings] and [on.{data}.search]"
        )
    search = tables.get("search")
    try:
        if search is not None:
            search = object_from(json_text(search).encode())
            modelled(Search, search)
    except ValueError as error:
        raise ValueError(f"{file}: [on.{data}.search]: {error}: restore it, or drop the table") from error
    return Tuned(data, values, search, file)

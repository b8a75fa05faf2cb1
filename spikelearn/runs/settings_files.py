"""Checked settings from plain values and from TOML files, and the files that runs leave of theirs."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from spikelearn.checks import one_of
from spikelearn.documents import are_same, read_toml, write_toml
from spikelearn.imports import ComponentsMissing, import_components
from spikelearn.runs.settings import Settings, recorded

#: Words of a user for those of the checks.
WORDS = {"tuple": "list", "dictionary": "table", "string": "text in quotes", "boolean": "true or false"}


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Checked settings; what they name under ``import`` is imported first.

    Raises:
        ValueError: an unknown key or a wrong value, in one sentence.
    """
    values = with_imports(values)
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        if isinstance(cause := first.get("ctx", {}).get("error"), ValueError):
            raise cause from error
        name = ".".join(map(str, first["loc"][:2])) or first["type"]
        if first["type"] == "extra_forbidden":
            known = list(Settings.model_fields)
            raise ValueError(f"unknown setting {name!r}, expected {one_of(name, known)}") from error
        given = values.get(name) if first["loc"] == () else first["input"]
        raise ValueError(f"{name} is {given!r}: {expected_by(first)}") from error


def with_imports(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with the files that they name under ``import`` imported, and under ``imports`` as they are recorded.

    Raises:
        ValueError: one that cannot be imported.
    """
    rest = dict(values)
    named = [item for key in ("import", "imports") for item in import_components(rest.pop(key, None) or ())]
    return {**rest, "imports": tuple(dict.fromkeys(named))} if named else rest


def expected_by(error: ErrorDetails) -> str:
    """Describe what a check expected, in words of the files that users write."""
    if error["type"] == "too_short":
        return "at least one is needed"
    words = error["msg"]
    for theirs, ours in WORDS.items():
        words = words.replace(f"a valid {theirs}", ours if theirs == "boolean" else f"a {ours}")
    return words[:1].lower() + words[1:]


def read_settings(path: Path) -> dict[str, Any]:
    """The values of a TOML file, hyphens in keys read as underscores.

    Raises:
        ValueError: no such file, no TOML.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist: name a settings file in TOML")
    return imports_beside(path, {key.replace("-", "_"): value for key, value in read_toml(path).items()})


def imports_beside(path: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values read from ``path``, with the files that they name under ``import`` looked for beside it first."""
    result, named = dict(values), values.get("import")
    if isinstance(named, list):
        beside = [path.parent / item if isinstance(item, str) else item for item in named]
        result["import"] = [
            str(file) if isinstance(file, Path) and file.is_file() else item
            for file, item in zip(beside, named, strict=True)
        ]
    return result


def write_settings(path: Path, settings: Settings) -> None:
    """Write all values, defaults included, as TOML."""
    values = settings.model_dump(exclude_none=True, exclude={"imports"})
    write_toml(path, {"import": list(settings.imports), **values} if settings.imports else values)


def read_whole_settings(path: Path) -> Settings:
    """The settings that ``write_settings`` wrote.

    Raises:
        ValueError: no TOML, wrong values, or lines that are missing, in a sentence that begins with the file's name.
    """
    values = read_settings(path)
    fields = Settings.model_fields.items()
    named = {*values, "imports"}
    lacking = [name for name, field in fields if name not in named and field.get_default() is not None]
    if lacking:
        raise ValueError(
            f"{path} lacks {', '.join(lacking)}, but a run's file names every setting: restore it, or train anew"
        )
    try:
        return settings_from(values)
    except ComponentsMissing:  # nothing is wrong with this file
        raise
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def check_recorded(
    settings: Settings,
    theirs: Mapping[str, Any],
    what: str,
    names: Collection[str],
    cure: str = "set it back, or train anew in another folder",
) -> None:
    """Raise ValueError, in words that begin with ``what``, where one of the settings ``names`` is not as recorded."""
    values = recorded(settings, names)
    if "task" in names and theirs.get("task") is not None:
        values.setdefault("task", None)
    for name, value in values.items():
        if name not in theirs or not are_same(theirs[name], value):
            raise ValueError(f"{what} {name} = {theirs.get(name)!r}, now it is {value!r}: {cure}")

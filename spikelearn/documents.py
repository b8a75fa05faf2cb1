"""JSON and TOML files: one reader and one writer of each, and the checksums by which changes are found."""

import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from spikelearn.files import write_atomically

#: Key of a sealed object's checksum.
SEAL = "sha256"

Model = TypeVar("Model", bound=BaseModel)

#: Without one of these no number is too large for a float.
_LARGE = re.compile(rb"[eE]\+?\d{3}|\d{300}")

_STAMP = re.compile(rb"# Written by spikelearn; sha256 of all that follows: ([0-9a-f]{64})\n")


def json_text(value: Any, indent: int | None = None) -> str:
    """``value`` as JSON that any reader takes: infinity and NaN, of which JSON has none, become text."""
    return json.dumps(_plain(value), indent=indent)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON, whole or not at all."""
    write_atomically(path, (json_text(value, indent=1) + "\n").encode())


def value_from(content: bytes) -> Any:
    """Parse ``content`` as JSON.

    Raises:
        ValueError: what is wrong: no JSON, a number that is not finite.
    """
    try:
        parsed = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        words = str(error).replace("unexpected", "wrong")  # nothing is unexpected of a file
        raise ValueError(f"no JSON ({words})") from error
    if _LARGE.search(content):
        for key, value in _leaves(parsed, ""):
            if isinstance(value, int | float) and not abs(value) <= sys.float_info.max:
                raise ValueError(f"{key} is a number that is too large")
    return parsed


def object_from(content: bytes) -> dict[str, Any]:
    """The JSON object that ``content`` is; ValueError as ``value_from``, and where it is no object."""
    value = value_from(content)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def read_json(path: Path, cure: str = "restore it") -> dict[str, Any]:
    """The JSON object in a file.

    Args:
        path: the file.
        cure: what is to be done where it is damaged.

    Raises:
        ValueError: the file is missing or damaged.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist")
    try:
        return object_from(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}: {cure}") from error


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """``value`` with a checksum of its content."""
    rest = {key: item for key, item in value.items() if key != SEAL}
    return {**rest, SEAL: _digest(rest)}


def check_seal(value: Mapping[str, Any]) -> None:
    """Raise ValueError where ``value`` is not as ``sealed`` left it."""
    if SEAL not in value:
        raise ValueError("it has no checksum, as an earlier version wrote it")
    if value[SEAL] != _digest({key: item for key, item in value.items() if key != SEAL}):
        raise ValueError("its checksum does not match")


def read_sealed(path: Path, cure: str = "restore it") -> dict[str, Any]:
    """The sealed JSON object in a file; ValueError as ``read_json``, and where it was changed."""
    value = read_json(path, cure)
    try:
        check_seal(value)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}: {cure}") from error
    return value


def are_same(one: Any, other: Any) -> bool:
    """Tell whether both are the same in a file, whatever the order of keys; 1, 1.0 and true are three values."""
    return _digest(one) == _digest(other)


def modelled(model: type[Model], values: Mapping[str, Any]) -> Model:
    """``values`` as ``model``, checked; ValueError that names the first key that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"] and first["type"] == "value_error":  # a sentence of the model's own
            raise ValueError(str(first["ctx"]["error"])) from error
        key = ".".join(map(str, first["loc"])) or "it"
        lacking = first["type"] == "missing"
        raise ValueError(f"{key} is missing" if lacking else f"{key}: {first['msg'].lower()}") from error


def read_toml(path: Path | Traversable) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        ValueError: no TOML, in a sentence that begins with the file's name.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no TOML file: {error}") from error


def write_toml(path: Path, values: Mapping[str, Any]) -> None:
    """Write tables as TOML, with a first line by which ``is_untouched`` knows the file."""
    text = tomli_w.dumps(values).encode()
    head = f"# Written by spikelearn; sha256 of all that follows: {hashlib.sha256(text).hexdigest()}\n"
    write_atomically(path, head.encode() + text)


def is_untouched(path: Path) -> bool:
    """Tell whether a file is as ``write_toml`` left it: nobody's work is in it."""
    content = path.read_bytes()
    head = _STAMP.match(content)
    return head is not None and hashlib.sha256(content[head.end() :]).hexdigest().encode() == head[1]


def _plain(value: Any) -> Any:
    """``value`` as JSON holds it."""
    return from_json(to_json(value, inf_nan_mode="strings"))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True).encode()).hexdigest()


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, f"{place}.{key}" if place else str(key))
    else:
        yield place, value

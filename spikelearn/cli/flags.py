"""Flags made from the settings of a run."""

import functools
import inspect
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from typer import Option

from spikelearn.cli.common import read_options
from spikelearn.runs import Settings
from spikelearn.runs.groups import about, described

#: Settings with a flag of another name.
NAMED_ELSEWHERE = ("imports",)


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with a flag for each setting; it gets those that were given as its argument ``given``."""
    fields = {name: field for name, field in Settings.model_fields.items() if name not in NAMED_ELSEWHERE}
    context, given, *own = inspect.signature(command).parameters.values()

    @functools.wraps(command)
    def called(**values: Any) -> None:
        settings = {name: _read(name, field, values.pop(name)) for name, field in fields.items()}
        command(**values, given={name: value for name, value in settings.items() if value is not None})

    flags = [_flag(name, field, given) for name, field in fields.items()]
    called.__signature__ = inspect.Signature([context, *flags, *own])  # type: ignore[attr-defined]
    return called


def _flag(name: str, field: FieldInfo, like: inspect.Parameter) -> inspect.Parameter:
    """The parameter by which typer makes the flag of a setting; None: it was not given."""
    kind, metavar = _plain(field.annotation), about(field).metavar
    if get_origin(kind) is dict:
        kind, metavar = list[str], "KEY=VALUE"
    elif get_args(kind)[1:] == (...,):
        kind = list[str]
    flag = f"--{name.replace('_', '-')}"
    spelled = f"{flag}/--no-{flag[2:]}" if kind is bool else flag
    option = Option(spelled, metavar=metavar, help=described(field), show_default=False)
    return like.replace(name=name, default=None, annotation=Annotated[kind | None, option])


def _read(name: str, field: FieldInfo, value: Any) -> Any:
    """The setting that a flag gives; None where it was not given."""
    if get_origin(_plain(field.annotation)) is dict:
        return read_options(f"--{name.replace('_', '-')}", value)
    return value or None if isinstance(value, list) else value


def _plain(annotation: Any) -> Any:
    """A setting's type without None and without what is checked of it."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _plain(next(kind for kind in get_args(annotation) if kind is not NoneType))
    return annotation

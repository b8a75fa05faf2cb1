"""Tables from a registered name to a component."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from spikelearn.checks import one_of

T = TypeVar("T", bound=type)


class Registry(Generic[T]):
    """Name -> class table of one kind of component; names are kebab-case.

    Args:
        kind: what the table holds, as messages call it ("neuron", "rule").

    Raises:
        ValueError: an unknown name (the nearest known one is named), a name used twice.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._components: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that enters a class under ``name``."""

        def enter(component: T) -> T:
            if name in self._components:
                raise ValueError(f"{self.kind} {name!r} is registered already, as {self._components[name].__name__}")
            self._components[name] = component
            return component

        return enter

    def get(self, name: str) -> T:
        """The class registered as ``name``."""
        if name not in self._components:
            raise ValueError(f"unknown {self.kind} {name!r}, expected {one_of(name, list(self))}")
        return self._components[name]

    def name_of(self, component: type) -> str:
        """The name under which a class is registered; its class name where it is not."""
        return next((name for name, known in self._components.items() if known is component), component.__name__)

    def build(self, name: str, options: Mapping[str, Any], make: Callable[..., Any] | None = None) -> Any:
        """An instance of ``name`` (or what ``make`` returns) with checked keyword ``options``."""
        maker = make or self.get(name)
        known = [p.name for p in inspect.signature(maker).parameters.values() if p.kind is not p.VAR_KEYWORD]
        for option in options:
            if option not in known:
                raise ValueError(f"{self.kind} {name!r} has no option {option!r}, expected {one_of(option, known)}")
        missing = [p.name for p in inspect.signature(maker).parameters.values() if _needed(p) and p.name not in options]
        if missing:
            example = ",".join(f"{option}=..." for option in missing)
            raise ValueError(f"{self.kind} {name!r} needs {' and '.join(missing)}: write {name}:{example}")
        try:
            return maker(**options)
        except TypeError as error:
            raise ValueError(f"{self.kind} {name!r} cannot be made from {dict(options)}: {error}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._components))

    def __contains__(self, name: object) -> bool:
        return name in self._components

    def __len__(self) -> int:
        return len(self._components)


def _needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind in (
        parameter.POSITIONAL_OR_KEYWORD,
        parameter.KEYWORD_ONLY,
    )


def parse_component(text: str) -> tuple[str, dict[str, Any]]:
    """Split ``name:key=value,key=value`` as written on a command line into name and options."""
    name, _, rest = text.partition(":")
    options: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise ValueError(f"cannot read {item!r} in {text!r}, expected name:key=value,key=value")
        options[key.strip().replace("-", "_")] = parse_value(value)
    return name.strip(), options


def parse_value(text: str) -> Any:
    """A whole number, a number, true or false where the text is one; else the text itself."""
    lowered = text.strip().lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    for convert in (int, float):
        try:
            return convert(lowered)
        except ValueError:
            continue
    return text.strip()

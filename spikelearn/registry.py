"""Tables from a registered name to a component, and components from text."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from spikelearn.checks import one_of
from spikelearn.component_text import name_in, options_in, parse_value, several

T = TypeVar("T")
Kind = TypeVar("Kind", bound=type)

#: {base class: its registry}; by it an option's type says which components the option takes.
_REGISTRIES: dict[type, "Registry[Any]"] = {}

#: Types that a number fits.
_NUMBERS = (int, float, bool, Any, object, inspect.Parameter.empty)
_PLAIN = (int, float, str, bool, NoneType, Any, object, inspect.Parameter.empty)


class Registry(Generic[T]):
    """Name -> class table of one kind of component; names are kebab-case.

    ``make`` turns text into a component: ``mse-count``, ``mse-count:correct_rate=0.9,incorrect_rate=0.1``, or the same
    in parentheses, ``mse-count(correct_rate=0.9,incorrect_rate=0.1)``. An option whose type is the base class of a
    registry, or a union with it, takes a component of that registry, written in the same way. Behind the colon of such
    an option all text is the inner component's, up to the parenthesis in which it stands; parentheses end it earlier:
    in ``dfa:scale=2,loss=mse-count:correct_rate=0.9`` and ``dfa:loss=mse-count(correct_rate=0.9),scale=2`` the loss has
    one option and the rule two.

    Args:
        kind: what the table holds, as messages call it ("neuron", "rule").
        base: the class that all components are subclasses of; None: any class, and no option takes one by name.

    Raises:
        ValueError: an unknown name (the nearest known one is named), a name that another class has already; a base
            class that another registry has.
    """

    def __init__(self, kind: str, base: type[T] | None = None) -> None:
        self.kind, self.base = kind, base
        self._components: dict[str, type[T]] = {}
        self._accepted: list[tuple[Registry[Any], Callable[..., T]]] = []
        if base is not None:
            if base in _REGISTRIES:
                raise ValueError(
                    f"{base.__name__} is the base class of the registry {_REGISTRIES[base].kind!r} already"
                )
            _REGISTRIES[base] = self

    def register(self, name: str) -> Callable[[Kind], Kind]:
        """Decorator that enters a class under ``name``, which the class then has as its attribute ``name``.

        The same class defined again, as by a notebook cell that is run twice, takes the place of the earlier one.
        """

        def enter(component: Kind) -> Kind:
            known = self._components.get(name)
            if known is not None and not _is_same(known, component):
                raise ValueError(
                    f"{self.kind} {name!r} is registered already, as {known.__name__} of {known.__module__}, expected "
                    f"a name of its own for {component.__name__}: choose another"
                )
            if self.base is not None and not issubclass(component, self.base):
                raise ValueError(
                    f"{self.kind} {name!r} is the class {component.__name__}, expected a subclass of "
                    f"{self.base.__name__}: inherit from it"
                )
            self._components[name] = component
            component.name = name  # type: ignore[attr-defined]
            return component

        return enter

    def accept(self, other: "Registry[Any]") -> Callable[[Callable[..., T]], Callable[..., T]]:
        """Decorator of a function by which ``make`` takes the names of ``other`` as well.

        The function is called with the component of ``other``; its further parameters become options.
        """

        def enter(convert: Callable[..., T]) -> Callable[..., T]:
            self._accepted.append((other, convert))
            return convert

        return enter

    def get(self, name: str) -> type[T]:
        """The class registered as ``name``."""
        if name not in self._components:
            raise ValueError(f"unknown {self.kind} {name!r}, expected {self.expected(name)}")
        return self._components[name]

    def expected(self, name: str) -> str:
        """The words behind "expected" where ``name`` is unknown: what there is, and how one's own is brought in."""
        return f"{one_of(name, self.names)}; one of your own is brought in with --import FILE"

    @property
    def names(self) -> list[str]:
        """All that ``make`` takes: names of components that text can describe, and those of accepted registries."""
        own = [name for name in self if _is_writable(self._components[name])]
        return sorted({*own, *(name for other, _ in self._accepted for name in other.names)})

    def name_of(self, component: type) -> str:
        """The name under which a class is registered; its class name where it is not."""
        return next((name for name, known in self._components.items() if known is component), component.__name__)

    def holds(self, component: type) -> bool:
        """Tell whether a class is registered here."""
        return any(known is component for known in self._components.values())

    def make(self, text: str, options: Mapping[str, Any] | None = None) -> T:
        """The component that ``text`` describes, with the further ``options``; the class says how text is written.

        Args:
            text: ``name``, ``name:key=value,...`` or ``name(key=value,...)``.
            options: {option: plain value, component, or text that describes one}.

        Raises:
            ValueError: an unknown name or option, one that is missing or given twice, a value of another kind or out of
                range.
        """
        if not isinstance(text, str):
            raise ValueError(f"a {self.kind} is named {text!r}, expected text such as {next(iter(self), 'name')!r}")
        name = name_in(text)
        if not self._takes(name):
            raise ValueError(f"unknown {self.kind} {name!r}, expected {self.expected(name)}")
        known = {option: value for maker in self._makers(name) for option, value in _options(maker).items()}
        written = options_in(text, lambda option: option in known and bool(known[option].registries))
        given: dict[str, Any] = {
            key: known[key].read(value) if key in known else value for key, value in written.items()
        }
        for option in options or {}:
            if option in given:
                raise ValueError(f"{self.kind} {text!r} has the option {option} already, expected it once: drop one")
        return self.build(name, {**given, **(options or {})})

    def make_several(self, text: str) -> list[T]:
        """The components that ``text`` describes, joined by ``+``: ``bits:bits=5+adc:bits=6``; raises as ``make``."""
        return [self.make(part) for part in several(text)]

    def build(self, name: str, options: Mapping[str, Any], make: Callable[..., Any] | None = None) -> T:
        """As ``make``, with the bare name of a component; ``make`` is called in place of its class."""
        accepted = () if make or name in self else self._accepted
        for other, convert in accepted:
            if name in other:
                further = list(_options(convert))[1:]
                inner = other.build(name, {key: value for key, value in options.items() if key not in further})
                outer = {key: options[key] for key in further if key in options}
                return convert(inner, **self._made(convert, outer))
        maker = make or self.get(name)
        self._check(name, options, _options(maker), takes_any=_takes_any(maker))
        made = self._made(maker, options)
        try:
            return maker(**made)
        except TypeError as error:
            raise ValueError(f"{self.kind} {name!r} cannot be made from {dict(options)}: {error}") from error

    def _takes(self, name: str) -> bool:
        """Tell whether ``name`` is one of ``names``."""
        own = name in self and _is_writable(self._components[name])
        return own or any(other._takes(name) for other, _ in self._accepted)

    def _makers(self, name: str) -> list[Callable[..., Any]]:
        """The callables whose parameters are the options of ``name``."""
        if name in self._components:
            return [self._components[name]]
        return [
            maker for other, convert in self._accepted if name in other for maker in (convert, *other._makers(name))
        ]

    def _check(self, name: str, options: Mapping[str, Any], known: Mapping[str, "_Option"], *, takes_any: bool) -> None:
        for option in options:
            if option not in known and not takes_any:
                raise ValueError(
                    f"{self.kind} {name!r} has no option {option!r}, expected {one_of(option, list(known))}"
                )
        missing = [option for option, about in known.items() if about.needed and option not in options]
        if missing:
            example = ",".join(f"{option}=..." for option in missing)
            raise ValueError(f"{self.kind} {name!r} needs {' and '.join(missing)}: write {name}:{example}")
        for option, value in options.items():
            if option in known and known[option].only_words and isinstance(value, bool | int | float):
                raise ValueError(
                    f"{self.kind} {name!r} takes words for {option}, but it is {value!r}: name what it takes (a file "
                    f"whose name is a number with its folder, ./{value})"
                )

    def _made(self, maker: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
        known = _options(maker)
        return {name: known[name].made(name, value) if name in known else value for name, value in options.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._components))

    def __contains__(self, name: object) -> bool:
        return name in self._components

    def __len__(self) -> int:
        return len(self._components)


def registries() -> list[Registry[Any]]:
    """All registries that have a base class."""
    return list(_REGISTRIES.values())


def registry_of(kind: type) -> Registry[Any] | None:
    """The registry whose base class ``kind`` is, or is derived from; None where there is none."""
    return next((_REGISTRIES[base] for base in kind.__mro__ if base in _REGISTRIES), None)


def names_taken(component: type) -> dict[str, list[str]]:
    """{option: the names that it takes} of the options of ``component`` that are components themselves."""
    taken = {name: option.registries for name, option in _options(component).items()}
    return {
        name: [known for of in registries for known in of.names] for name, registries in taken.items() if registries
    }


@dataclass(frozen=True)
class _Option:
    """An option of a component: whether it must be given, and its type."""

    needed: bool
    hint: Any

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types of a union, or the one type."""
        return get_args(self.hint) if get_origin(self.hint) in (Union, UnionType) else (self.hint,)

    @property
    def registries(self) -> list[Registry[Any]]:
        """The registries whose components the option takes."""
        found = (registry_of(kind) for kind in self.kinds if isinstance(kind, type))
        return [registry for registry in found if registry is not None]

    @property
    def writable(self) -> bool:
        """True if text can say a value."""
        return bool(self.registries) or all(kind in _PLAIN or get_origin(kind) is Literal for kind in self.kinds)

    @property
    def only_words(self) -> bool:
        """True if text fits, but no number."""
        numbers = any(kind in _NUMBERS or get_origin(kind) is Literal for kind in self.kinds)
        return str in self.kinds and not numbers

    def read(self, text: str) -> Any:
        """The plain value that ``text`` says; text where the option takes nothing else, or a component."""
        only_text = all(kind in (str, NoneType) for kind in self.kinds)
        return text if only_text or self.registries else parse_value(text)

    def made(self, name: str, value: Any) -> Any:
        """The value that a constructor gets: a component in place of the text that describes it.

        Raises:
            ValueError: a number where a component is named; a component of another class than the option takes; a type
                that cannot be read.
        """
        if isinstance(self.hint, str) and isinstance(value, str):
            raise ValueError(
                f"{name} has the type {self.hint!r}, which cannot be found when the program runs: import it, and not "
                "under TYPE_CHECKING alone"
            )
        registries = self.registries
        if not registries or not isinstance(value, bool | int | float | str):
            return value
        kinds = " or ".join(registry.kind for registry in registries)
        if not isinstance(value, str):
            names = sorted(known for registry in registries for known in registry.names)
            raise ValueError(f"{name} is {value!r}, expected a name, {one_of(str(value), names)}")
        chosen = next((registry for registry in registries if registry._takes(name_in(value))), registries[0])
        made = chosen.make(value)
        taken = tuple(kind for kind in self.kinds if isinstance(kind, type))
        if not isinstance(made, taken):
            expected = " or ".join(kind.__name__ for kind in taken)
            raise ValueError(
                f"{name} is {value!r}, of the class {type(made).__name__}, expected {expected}: name another {kinds}"
            )
        return made


def _options(maker: Callable[..., Any]) -> dict[str, _Option]:
    """The options of what makes a component, from its signature and type hints."""
    parameters, hints = inspect.signature(maker).parameters.values(), _hints(maker)
    variadic = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {
        parameter.name: _Option(parameter.default is parameter.empty, hints.get(parameter.name, parameter.annotation))
        for parameter in parameters
        if parameter.kind not in variadic
    }


def _takes_any(maker: Callable[..., Any]) -> bool:
    """Tell whether what makes a component takes ``**options`` of any name, and checks them itself."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(maker).parameters.values())


def _hints(maker: Callable[..., Any]) -> dict[str, Any]:
    """The types of parameters; those that are imported for type checkers alone are left out."""
    function: Any = maker.__init__ if isinstance(maker, type) else maker  # type: ignore[misc]
    try:
        return get_type_hints(function)
    except NameError:
        hints: dict[str, Any] = {}
        for name, annotation in function.__annotations__.items():
            with suppress(NameError):
                one = SimpleNamespace(__annotations__={name: annotation})
                hints |= get_type_hints(one, globalns=function.__globals__)
        return hints


def _is_writable(maker: Callable[..., Any]) -> bool:
    """Tell whether text can describe a component: it can say all that must be given."""
    return all(option.writable for option in _options(maker).values() if option.needed)


def _is_same(known: type, component: type) -> bool:
    """Tell whether two classes are one definition: the same name in the same module, or in the same file."""
    if known.__qualname__ != component.__qualname__:
        return False
    files = {getattr(sys.modules.get(kind.__module__), "__file__", None) for kind in (known, component)}
    return known.__module__ == component.__module__ or (len(files) == 1 and None not in files)

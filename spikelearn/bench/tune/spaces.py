"""What is searched when a rule is tuned: ranges and choices of settings, one declared space a rule."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikelearn.bench.plan.tuned import tuned_tables
from spikelearn.catalogue import TUNED
from spikelearn.checks import one_of
from spikelearn.documents import read_toml
from spikelearn.plasticity import RULES
from spikelearn.runs import Settings
from spikelearn.runs.groups import about

#: Settings that a search may change: the others are shared by all rules, or say what is tuned.
SEARCHED = tuple(name for name, field in Settings.model_fields.items() if about(field).is_searched)

#: Decades of learning rates below and above a rule's default, where it declares no space.
DECADES = 1.5


@dataclass(frozen=True)
class Dimension:
    """One setting that is searched.

    Args:
        setting: its name, or that of an option with a dot: "lr", "rule_option.epsilon".
        default: what it is where nothing is searched; the search begins there.
        low, high: the range, both included; values keep three digits.
        log: whether the range is searched on a logarithmic scale.
        choices: the values instead of a range.

    Raises:
        ValueError: a setting that cannot be searched; a range or choices without the default, or none.
    """

    setting: str
    default: Any
    low: float | None = None
    high: float | None = None
    log: bool = True
    choices: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        name, _, option = self.setting.partition(".")
        if name not in SEARCHED or bool(option) != name.endswith("_option"):
            raise ValueError(
                f"{self.setting!r} in a search space cannot be searched, expected {one_of(name, SEARCHED)}"
            )
        if bool(self.choices) == (self.low is not None or self.high is not None):
            raise ValueError(f"{self.setting} in a search space: expected either choices, or low and high")
        if not self.choices and not self._is_range():
            raise ValueError(
                f"{self.setting} in a search space goes from {self.low!r} to {self.high!r}, expected two finite "
                f"numbers, low below high{', low above 0 (or log = false)' if self.log else ''}"
            )
        self.check(self.default, "its default")

    def _is_range(self) -> bool:
        if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in (self.low, self.high)):
            return False
        low, high = float(self.low or 0.0), float(self.high or 0.0)
        return math.isfinite(low) and math.isfinite(high) and low < high and (low > 0 or not self.log)

    def check(self, value: Any, what: str) -> None:
        """Raise ValueError where ``value`` lies outside."""
        inside = value in self.choices if self.choices else _within(value, self.low, self.high)
        if not inside:
            raise ValueError(f"{self.setting}: {what} {value!r} lies outside of its search space, {self.words}")

    @property
    def words(self) -> str:
        """The range or choices in words."""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        return f"{self.low:g} to {self.high:g}, {'log-' if self.log else ''}uniform"

    def draw(self, trial: Any) -> Any:
        """The value that an Optuna ``trial`` gets, as it is stored there."""
        if self.choices:
            return trial.suggest_categorical(self.setting, self.choices)
        return trial.suggest_float(self.setting, self.low, self.high, log=self.log)

    def written(self, value: Any) -> Any:
        """The value that is trained with: of a range, three digits of it, so that files can be read."""
        return value if self.choices else float(f"{value:.3g}")


Space = tuple[Dimension, ...]


def space_from(values: Mapping[str, Any]) -> Space:
    """The space of nested tables, as the table [space] of a file holds them.

    Raises:
        ValueError: an empty space; a table that is no dimension.
    """
    space = tuple(_dimensions(values))
    if not space:
        raise ValueError("the search space is empty: name a setting, for example [space.lr] with low, high and default")
    return space


def read_space(rule: str, file: str | Path | None = None) -> Space:
    """The table [space] of ``file``, else the one declared for ``rule``, else its learning rate alone.

    Raises:
        ValueError: an unknown rule; a file that is not there or holds no space.
    """
    known = RULES.get(rule)
    if file is not None and not Path(file).is_file():
        raise ValueError(f"{file} does not exist: name a search space in TOML")
    if file is not None:
        source, values = str(file), read_toml(Path(file))
    else:
        source, values = TUNED.path(rule), TUNED.read(rule) if TUNED.has(rule) else {}
    space = tuned_tables(values, source)["space"]
    if file is None and not space:
        lr = known.default_optimizer.lr
        return (Dimension("lr", lr, lr * 10**-DECADES, lr * 10**DECADES),)
    try:
        return space_from(space)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


def settings_at(space: Space, point: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a point {"lr": .., "rule_option.epsilon": ..}, options as tables."""
    values: dict[str, Any] = {}
    for dimension in space:
        name, _, option = dimension.setting.partition(".")
        value = dimension.written(point[dimension.setting])
        if option:
            values.setdefault(name, {})[option] = value
        else:
            values[name] = value
    return values


def start_of(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    """The point at which a search begins: what ``values`` are set to, else the defaults.

    Raises:
        ValueError: settings that lie outside of the space.
    """
    point = {}
    for dimension in space:
        name, _, option = dimension.setting.partition(".")
        given = values.get(name, {}).get(option) if option else values.get(name)
        point[dimension.setting] = dimension.default if given is None else given
        dimension.check(point[dimension.setting], "the setting")
    return point


def _dimensions(values: Mapping[str, Any]) -> Iterator[Dimension]:
    for name, table in values.items():
        for setting, fields in _tables(name.replace("-", "_"), table):
            known = ("default", "low", "high", "log", "choices")
            for key in fields:
                if key not in known:
                    raise ValueError(f"{setting} in a search space has {key!r}, expected {one_of(str(key), known)}")
            if "default" not in fields:
                raise ValueError(f"{setting} in a search space has no default: say where the search begins")
            choices: Sequence[Any] = fields.get("choices", ())
            if not isinstance(choices, list | tuple) or not isinstance(fields.get("log", True), bool):
                raise ValueError(f"{setting} in a search space: expected choices as a list, log as true or false")
            yield Dimension(setting, **{**fields, "choices": tuple(choices)})


def _tables(name: str, table: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(table, Mapping):
        raise ValueError(
            f"{name} in a search space is {table!r}, expected a table with default and low, high or choices"
        )
    if not name.endswith("_option"):
        yield name, table
        return
    for option, fields in table.items():
        yield from _tables(f"{name}.{option.replace('-', '_')}", fields)


def _within(value: Any, low: Any, high: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

"""A comparison as plain values: which arms, on which data, along which axes, under which common conditions."""

import itertools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any, NamedTuple, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from spikelearn.checks import one_of
from spikelearn.compare.nets import deepened, filled_in
from spikelearn.compare.trial import Trial
from spikelearn.compare.tuned import Tuned, read_tuned
from spikelearn.datasets import DATASETS, NOISES, noise_from
from spikelearn.hardware import IMPAIRMENTS, impairments_from
from spikelearn.plasticity import RULES
from spikelearn.training import Settings, merged, settings_from
from spikelearn.training.settings import expected_by

#: What every arm shares; an arm that set one of these would learn from other or more samples than the rest.
SHARED = (
    "data", "data_option", "data_fraction", "seed", "epochs", "validation", "patience", "noise", "test_curve",
    "weights",
)  # fmt: skip

#: What the plan names elsewhere; in the conditions that are shared it would be passed over without a word.
NAMED_ELSEWHERE = {"rule": "under rules", "data": "under data", "seed": "under seeds"}

#: Longest name of an arm: folders are named after it.
LONGEST_ARM = 100

#: Axes that are not a setting of their own, but change one.
MADE_AXES = ("depth",)


class Point(NamedTuple):
    """One place of the plan: an arm, a data set, a network, at a value of an axis (None: the base point), a seed."""

    arm: str
    data: str
    net: str
    axis: str | None
    value: Any
    seed: int
    trial: Trial


class _Made(NamedTuple):
    """Settings of an arm at a place, those that all arms share there, and the search that found the arm's."""

    settings: Settings
    common: Settings
    tuning: dict[str, Any] | None


class Plan(BaseModel):
    """Arms x data x networks x axes x seeds, under common conditions.

    Settings are merged in the order: ``common``, those of the data set (``on``), the tuned file of the rule, the arm's
    own, the value of the axis; so a tuned learning rate yields to one that the arm names, and both yield to an axis.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field("Comparison", description="what stands above the report")
    question: str = Field("", description="what is asked, in a sentence or two")
    rules: tuple[str, ...] = Field(
        ("bptt", "readout-only"), description="arms: rules, or names under [arms]", min_length=1
    )
    data: tuple[str, ...] = Field(("digits",), description="data sets", min_length=1)
    nets: tuple[str, ...] = Field((), description="architecture strings; empty: the common one")
    seeds: tuple[Annotated[int, Field(strict=True, ge=0, lt=2**63)], ...] = Field(
        (0, 1, 2, 3, 4), description="seeds, or how many", min_length=1
    )
    common: dict[str, Any] = Field({}, description="settings that all arms share")
    on: dict[str, dict[str, Any]] = Field({}, description="{data set: settings shared on it}")
    arms: dict[str, dict[str, Any]] = Field({}, description="{arm: its rule and the settings that are its own}")
    axes: dict[str, tuple[Any, ...]] = Field({}, description="{setting, or depth: values}")
    after: dict[str, tuple[str, ...]] = Field(
        {}, description="{a name: what is done to the base point's trained networks before a test}"
    )
    factorial: bool = Field(False, strict=True, description="all combinations of the axes, instead of one at a time")
    tuned: Annotated[bool, Field(strict=True)] | Annotated[str, Field(min_length=1)] = Field(
        True, description="whether the settings found by tuning are read, or a folder of one's own, that goes first"
    )
    reference: str | None = Field(None, description="the arm that others are compared with; default: the first")
    measure: bool = Field(True, strict=True, description="whether alignment, operations and activity are measured")

    @field_validator("seeds", mode="before")
    @classmethod
    def _counted(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            if not 1 <= value <= 10_000:
                raise PydanticCustomError("seeds", "expected 1 to 10,000 seeds, or a list of them")
            return tuple(range(value))
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for what, names in (("rules", self.rules), ("data", self.data), ("seeds", self.seeds), ("nets", self.nets)):
            if len(set(names)) != len(names):
                raise PydanticCustomError(what, f"{what} names something twice: name each once")
        for name in self.data:
            if name not in DATASETS:
                expected = one_of(name, list(DATASETS))
                raise PydanticCustomError("data", f"unknown data set {name!r}, expected {expected}")
        for name in self.on:
            if name not in self.data:
                raise PydanticCustomError(
                    "on", f"[on.{name}] is no data set of the plan, expected {one_of(name, self.data)}"
                )
        for name in self.arms:
            if name not in self.rules:
                raise PydanticCustomError("arms", f"[arms.{name}] is not among the rules: add it there, or drop it")
        for where, shared in (("common", self.common), *((f"on.{name}", own) for name, own in self.on.items())):
            _check_shared(where, shared)
        for axis, values in self.axes.items():
            _check_axis(axis, values)
        for condition in self.conditions():
            _check_condition(condition)
        if self.reference is not None and self.reference not in self.rules:
            expected = one_of(self.reference, self.rules)
            raise PydanticCustomError("reference", f"{self.reference!r} is no arm, expected {expected}")
        for name in self.rules:
            _check_arm(name, self.arms.get(name, {}))
        return self

    @property
    def against(self) -> str:
        """The arm that others are compared with."""
        return self.reference or self.rules[0]

    def points(self, **everywhere: Any) -> list[Point]:
        """All places of the plan, the base point first; places with equal settings share a trial.

        Args:
            everywhere: settings over all others that change no result, such as ``device`` and ``data_root``.

        Raises:
            ValueError: settings that cannot be used, with the arm they belong to.
        """
        return [
            self._point(arm, data, net, axis, value, seed, everywhere)
            for data, net, (axis, value), arm, seed in itertools.product(
                self.data, self.nets or (None,), self._places(), self.rules, self.seeds
            )
        ]

    def conditions(self) -> tuple[str, ...]:
        """All that is done to trained networks, each once."""
        return tuple(dict.fromkeys(itertools.chain.from_iterable(self.after.values())))

    def _places(self) -> Iterator[tuple[str | None, Any]]:
        yield None, None
        if self.factorial and len(self.axes) > 1:
            for values in itertools.product(*self.axes.values()):
                yield " x ".join(self.axes), dict(zip(self.axes, values, strict=True))
            return
        for axis, values in self.axes.items():
            yield from ((axis, value) for value in values)

    def _point(
        self, arm: str, data: str, net: str | None, axis: str | None, value: Any, seed: int, everywhere: dict[str, Any]
    ) -> Point:
        placed = {} if axis is None else {axis: value} if axis in self.axes else dict(value)
        made = self._made(arm, data, net, placed, seed, everywhere)
        at_base = axis is None or made.settings == self._made(arm, data, net, {}, seed, everywhere).settings
        differs = (n for n in Settings.model_fields if getattr(made.settings, n) != getattr(made.common, n))
        trial = Trial(
            arm=arm,
            settings=made.settings,
            # What is tested after training is shown of the base point alone.
            after=self.conditions() if at_base else (),
            differs=tuple(n for n in differs if n not in {*everywhere, *placed, "rule"}),
            tuning=made.tuning,
            measure=self.measure,
        )
        return Point(arm, data, made.common.net, axis, value, seed, trial)

    def _made(
        self, arm: str, data: str, net: str | None, placed: Mapping[str, Any], seed: int, everywhere: dict[str, Any]
    ) -> _Made:
        """The settings of an arm at a place, and those that all share there."""
        shared = merged({**self.common, "data": data}, self.on.get(data, {}))
        shared = {"test_curve": True, **shared, **({"net": net} if net else {})}
        own = dict(self.arms.get(arm, {}))
        rule = own.pop("rule", arm)
        folder = self.tuned if isinstance(self.tuned, str) else None
        tuned = read_tuned(rule, data, folder) if self.tuned else None
        _check_tuned(tuned)
        base = shared["net"] = deepened(shared.get("net", Settings.model_fields["net"].default), placed.get("depth"))
        try:
            values = merged(shared, {"rule": rule})
            values = merged(values, tuned.values if tuned else {})
            values = merged(values, own)
            values = merged(values, {name: item for name, item in placed.items() if name not in MADE_AXES})
            values["net"] = filled_in(values["net"], base)
            settings = settings_from({**values, "seed": seed, **everywhere})
        except ValueError as error:
            raise ValueError(f"arm {arm!r} on {data!r}: {error}") from error
        common = settings_from({**shared, "rule": rule, "seed": seed})
        # What an arm sets itself was not found by the search.
        found = tuned.search if tuned and not set(own) & set(tuned.values) else None
        return _Made(settings, common, found)


def plan_from(values: Mapping[str, Any]) -> Plan:
    """A checked plan.

    Raises:
        ValueError: an unknown key or a wrong value, in one sentence.
    """
    try:
        return Plan(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or first["type"]
        if first["type"] == "extra_forbidden":
            known = list(Plan.model_fields)
            raise ValueError(f"unknown key {name!r} in the plan, expected {one_of(name, known)}") from error
        name = name.removesuffix(".bool")  # of a choice between types
        given = f" is {shorten(repr(first['input']), 80)}" if first["loc"] else ""
        raise ValueError(f"{name} in the plan{given}: {expected_by(first)}") from error


def read_plan(path: Path) -> Plan:
    """The plan in a TOML file, hyphens in the names of settings read as underscores.

    Raises:
        ValueError: no such file, no TOML, no plan.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist: name a plan in TOML, or a suite with --suite")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no TOML file: {error}") from error
    return plan_from(_underscored(values))


def _underscored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names of settings with underscores; names of arms, data sets and conditions as they are."""
    found = {key.replace("-", "_"): value for key, value in values.items()}
    for name in ("common", "axes"):
        if isinstance(found.get(name), dict):
            found[name] = _settings_underscored(found[name])
    for name in ("on", "arms"):
        if isinstance(found.get(name), dict):
            found[name] = {key: _settings_underscored(own) for key, own in found[name].items()}
    return found


def _settings_underscored(values: Any) -> Any:
    """Settings, the options in their tables, and tables among the values of an axis."""
    if isinstance(values, list):
        return [_settings_underscored(value) for value in values]
    if not isinstance(values, dict):
        return values
    return {key.replace("-", "_"): _settings_underscored(value) for key, value in values.items()}


def plan_text(plan: Plan) -> str:
    """The plan as TOML, defaults included."""
    return tomli_w.dumps(plan.model_dump(mode="json", exclude_none=True))


def _check_shared(where: str, shared: Mapping[str, Any]) -> None:
    """Raise where shared settings name what has a key of its own."""
    for name, place in NAMED_ELSEWHERE.items():
        if name in shared:
            raise PydanticCustomError("common", f"[{where}] sets {name}, which a plan names {place}: put it there")


def _check_axis(axis: str, values: Sequence[Any]) -> None:
    """Raise where ``axis`` is none, or has no values, or one twice."""
    known = [name for name in Settings.model_fields if name not in (*NAMED_ELSEWHERE, "device", "data_root")]
    if axis not in (*known, *MADE_AXES):
        raise PydanticCustomError("axes", f"unknown axis {axis!r}, expected {one_of(axis, [*known, *MADE_AXES])}")
    if not values:
        raise PydanticCustomError("axes", f"axis {axis!r} has no values: list some, or drop it")
    if any(value in values[:place] for place, value in enumerate(values)):
        raise PydanticCustomError("axes", f"axis {axis!r} names a value twice: name each once")


def _check_condition(condition: str) -> None:
    """Raise where ``condition`` is neither a noise nor an impairment, or has wrong options."""
    name = condition.partition(":")[0]
    try:
        if name in NOISES:
            noise_from(condition)
        elif name.partition("+")[0] in IMPAIRMENTS:
            impairments_from(condition)
        else:
            raise ValueError(f"unknown condition {name!r}, expected {one_of(name, [*NOISES, *IMPAIRMENTS])}")
    except ValueError as error:
        raise PydanticCustomError("after", "{reason}", {"reason": f"[after]: {error}"}) from error


def _check_tuned(tuned: Tuned | None) -> None:
    """Raise where a tuned file sets what all must share."""
    for name in SHARED:
        if tuned is not None and name in tuned.values:
            raise ValueError(f"the tuned file {tuned.name}.toml sets {name}, which all arms must share: drop it there")


def _check_arm(name: str, own: Mapping[str, Any]) -> None:
    """Raise where an arm has a name for no folder, names no rule, or sets what all must share."""
    if not name.isprintable() or set(name) & set("/\\") or len(name) > LONGEST_ARM or name != name.strip():
        shown = name if len(name) <= LONGEST_ARM else f"{name[:20]}..."
        message = f"{shown!r} cannot name an arm, expected at most {LONGEST_ARM} characters without slashes: rename it"
        raise PydanticCustomError("rules", "{reason}", {"reason": message})
    rule = own.get("rule", name)
    if not isinstance(rule, str) or rule not in RULES:
        what = "is no rule" if "rule" not in own else f"has the unknown rule {rule!r}"
        message = f"{name!r} {what}, expected {one_of(str(rule), list(RULES))}, or an [arms.{name}] with a rule"
        raise PydanticCustomError("rules", message)
    if name in RULES and rule != name:
        message = f"[arms.{name}] has the name of one rule and trains by another, {rule!r}: rename the arm"
        raise PydanticCustomError("arms", message)
    for shared in SHARED:
        if shared in own:
            raise PydanticCustomError(
                "arms", f"[arms.{name}] sets {shared}, which all arms must share: set it in [common] or as an axis"
            )

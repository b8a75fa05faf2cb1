"""A comparison as plain values: which arms, on which data, along which axes, under which common conditions."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from spikelearn.bench.plan.checks import MADE_AXES, SHARED, check_arm, check_axis, check_condition, check_shared
from spikelearn.bench.plan.nets import deepened
from spikelearn.bench.plan.trial import Trial
from spikelearn.bench.plan.tuned import Tuned, read_tuned
from spikelearn.checks import one_of
from spikelearn.datasets import full_name
from spikelearn.runs import Settings, filled_in, for_neurons, merged, needs_of, settings_from


class Point(NamedTuple):
    """One place of the plan: an arm, a data set, a network, at a value of an axis (None: the base point), a seed.

    Args:
        net: the network that the arms share there.
        base: the one that they share at the base point.
    """

    arm: str
    data: str
    net: str
    base: str
    axis: str | None
    value: Any
    seed: int
    trial: Trial


class _Made(NamedTuple):
    """Of an arm at a place: its settings, those that all share, their base network, and the search that found its."""

    settings: Settings
    common: Settings
    net: str
    tuning: dict[str, Any] | None


class Plan(BaseModel):
    """Arms x data x networks x axes x seeds, under common conditions.

    Settings are merged in the order: ``common``, those of the data set (``on``), the tuned file of the rule (what it
    needs, where there is none), the arm's own, the value of the axis; so a tuned learning rate yields to one that the
    arm names, and both yield to an axis.
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
    seeds_on: dict[str, Annotated[int, Field(strict=True, ge=1)]] = Field(
        {}, description="{data set: how many of the seeds it gets}; default: all"
    )
    only: dict[str, tuple[str, ...]] = Field({}, description="{data set: the arms that are tried on it}; default: all")
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
    reference_network: Literal["mlp"] | None = Field(
        None, description="mlp: an ordinary network of the same layers beside the arms, by backpropagation"
    )
    imports: tuple[str, ...] = Field((), description="Python files that register components; in files: import")

    @field_validator("seeds", mode="before")
    @classmethod
    def _counted(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            if not 1 <= value <= 10_000:
                raise PydanticCustomError("seeds", "expected 1 to 10,000 seeds, or a list of them")
            return tuple(range(value))
        return value

    @field_validator("data")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(map(full_name, names))
        except ValueError as error:
            raise PydanticCustomError("data", "{reason}", {"reason": str(error)}) from error

    @field_validator("on")
    @classmethod
    def _named_in_full(cls, on: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {full_name(name) if ":" in name else name: own for name, own in on.items()}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for what, names in (("rules", self.rules), ("data", self.data), ("seeds", self.seeds), ("nets", self.nets)):
            if len(set(names)) != len(names):
                raise PydanticCustomError(what, f"{what} names something twice: name each once")
        for name in self.on:
            if name not in self.data:
                raise PydanticCustomError(
                    "on", f"[on.{name}] is no data set of the plan, expected {one_of(name, self.data)}"
                )
        self._check_parts()
        for name in self.arms:
            if name not in self.rules:
                raise PydanticCustomError("arms", f"[arms.{name}] is not among the rules: add it there, or drop it")
        for where, shared in (("common", self.common), *((f"on.{name}", own) for name, own in self.on.items())):
            check_shared(where, shared)
        for axis, values in self.axes.items():
            check_axis(axis, values)
        for condition in self.conditions():
            check_condition(condition)
        if self.reference is not None and self.reference not in self.rules:
            expected = one_of(self.reference, self.rules)
            raise PydanticCustomError("reference", f"{self.reference!r} is no arm, expected {expected}")
        for name in self.rules:
            check_arm(name, self.arms.get(name, {}))
        return self

    def _check_parts(self) -> None:
        """Raise where seeds or arms of a data set are none of the plan's."""
        for key in ("seeds_on", "only"):
            for name in getattr(self, key):
                if name not in self.data:
                    _refuse(key, f"[{key}] names {name!r}, no data set of the plan, expected {one_of(name, self.data)}")
        for name, count in self.seeds_on.items():
            if count > len(self.seeds):
                _refuse("seeds_on", f"[seeds_on] gives {name} {count} seeds, expected at most {len(self.seeds)}")
        for name, arms in self.only.items():
            if unknown := [arm for arm in arms if arm not in self.rules]:
                _refuse("only", f"[only] tries {unknown[0]!r} on {name}, expected arms of the plan: add it to rules")
            if self.against not in arms:
                reason = f"[only] leaves {self.against!r} out on {name}, with which others are compared: add it"
                _refuse("only", reason)

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
        points = [
            self._point(arm, data, net, axis, value, seed, everywhere)
            for data, net, (axis, value), arm, seed in itertools.product(
                self.data, self.nets or (None,), self._places(), self.rules, self.seeds
            )
            if arm in self.only.get(data, self.rules) and seed in self._seeds_on(data)
        ]
        _check_tasks(points)
        return points

    def ordinary(self, **everywhere: Any) -> list[Settings]:
        """What an ordinary network of every data set, network and seed trains under; empty where none is wished."""
        every = itertools.product(self.data, self.nets or (None,), self.seeds) if self.reference_network else ()
        places = [place for place in every if place[2] in self._seeds_on(place[0])]
        found = [settings_from({**self._shared(data, net), "seed": seed, **everywhere}) for data, net, seed in places]
        others = {str(one.make_task()) for one in found} - {"classify"}
        if others:
            raise ValueError(
                f"reference_network trains on classes alone, but the task is {min(others)!r}: leave it out"
            )
        return found

    def conditions(self) -> tuple[str, ...]:
        """All that is done to trained networks, each once."""
        return tuple(dict.fromkeys(itertools.chain.from_iterable(self.after.values())))

    def _seeds_on(self, data: str) -> tuple[int, ...]:
        """The seeds of a data set: the first ones of the plan's."""
        return self.seeds[: self.seeds_on.get(data)]

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
        return Point(arm, data, made.common.net, made.net, axis, value, seed, trial)

    def _shared(self, data: str, net: str | None) -> dict[str, Any]:
        """The settings that all arms share on a data set and a network."""
        shared = merged({**self.common, "data": data}, self.on.get(data, {}))
        shared = {"test_curve": True, **shared, **({"net": net} if net else {})}
        return merged(shared, {"imports": self.imports} if self.imports else {})

    def _made(
        self, arm: str, data: str, net: str | None, placed: Mapping[str, Any], seed: int, everywhere: dict[str, Any]
    ) -> _Made:
        """The settings of an arm at a place, and those that all share there."""
        shared = self._shared(data, net)
        own = dict(self.arms.get(arm, {}))
        rule = own.pop("rule", arm)
        folder = self.tuned if isinstance(self.tuned, str) else None
        tuned = read_tuned(rule, data, folder) if self.tuned else None
        net_of_all = shared.get("net", Settings.model_fields["net"].default)
        base = shared["net"] = deepened(net_of_all, placed.get("depth"))
        try:
            filled = self._found(rule, data, tuned, {**_options(own), **_options(placed)})
            if tuned is None:
                filled = for_neurons(filled, own, filled_in(merged(merged(shared, filled), own)["net"], base))
            # Shared settings hold for every arm: they were not said of the rule that a run has by default.
            values = merged(merged({**shared, "rule": rule}, filled), own)
            values = merged(values, {name: item for name, item in placed.items() if name not in MADE_AXES})
            values["net"] = filled_in(values["net"], base)
            settings = settings_from({**values, "seed": seed, **everywhere})
        except ValueError as error:
            raise ValueError(f"arm {arm!r} on {data!r}: {error}") from error
        common = settings_from({**shared, "rule": rule, "seed": seed})
        # What an arm sets itself was not found by the search.
        search = tuned.found if tuned and not set(own) & set(tuned.values) else None
        return _Made(settings, common, net_of_all, search)

    def _found(self, rule: str, data: str, tuned: Tuned | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that tuning found, else those that the rule with ``options`` needs."""
        if not self.tuned:
            return {}
        values = tuned.values if tuned else needs_of(rule, data, options)
        for name in SHARED:
            if name in values:
                where = f"the tuned file {tuned.file} on {tuned.data}" if tuned else f"{rule} by its default settings"
                raise ValueError(f"{where} sets {name}, which all arms must share: drop it there")
        return values


def _refuse(key: str, reason: str) -> NoReturn:
    raise PydanticCustomError(key, "{reason}", {"reason": reason})


def _options(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rule's options among settings; none where they are no table, which is said where settings are made."""
    options = values.get("rule_option")
    return options if isinstance(options, Mapping) else {}


def _check_tasks(points: Sequence[Point]) -> None:
    """Raise ValueError where arms would be compared by different measures."""
    measured: dict[str, str] = {}
    for point in points:
        measured.setdefault(point.trial.settings.make_task().measure.name, point.data)
    if len(measured) > 1:
        told = " and ".join(f"{data} by {measure}" for measure, data in measured.items())
        raise ValueError(f"the plan compares {told}, expected one measure: make a comparison of each task")

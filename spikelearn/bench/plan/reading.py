"""Plans from values, from TOML files and from the suites of the package."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from pydantic import ValidationError

from spikelearn.bench.plan.plan import Plan
from spikelearn.catalogue import SUITES
from spikelearn.checks import one_of
from spikelearn.documents import read_toml
from spikelearn.runs.settings_files import expected_by, imports_beside, with_imports


def plan_from(values: Mapping[str, Any]) -> Plan:
    """A checked plan; what it names under ``import`` is imported first.

    Raises:
        ValueError: an unknown key or a wrong value, in one sentence.
    """
    values = with_imports(values)
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
    return plan_from(imports_beside(path, _underscored(read_toml(path))))


def read_suite(name: str, *, full: bool = False) -> Plan:
    """The plan that comes with the package as the suite ``name``.

    Args:
        name: of the suite.
        full: whether the values of its table [full] are taken over the others.

    Raises:
        ValueError: an unknown name; a suite that has no table [full].
    """
    values = SUITES.read(name)
    longer = values.pop("full", None)
    if full and longer is None:
        raise ValueError(f"the suite {name!r} has no longer form: leave --full out")
    return plan_from(_over(values, longer) if full else values)


def _over(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with ``others`` in their place, table by table."""
    tables = {name for name, value in others.items() if isinstance(value, Mapping)}
    return {**values, **others, **{name: _over(values.get(name, {}), others[name]) for name in tables}}


def _underscored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names of settings with underscores; names of arms, data sets and conditions as they are."""
    renamed = {key.replace("-", "_"): value for key, value in values.items()}
    for name in ("common", "axes"):
        if isinstance(renamed.get(name), dict):
            renamed[name] = _settings_underscored(renamed[name])
    for name in ("on", "arms"):
        if isinstance(renamed.get(name), dict):
            renamed[name] = {key: _settings_underscored(own) for key, own in renamed[name].items()}
    return renamed


def _settings_underscored(values: Any) -> Any:
    """Settings, the options in their tables, and tables among the values of an axis."""
    if isinstance(values, list):
        return [_settings_underscored(value) for value in values]
    if not isinstance(values, dict):
        return values
    return {key.replace("-", "_"): _settings_underscored(value) for key, value in values.items()}


def plan_values(plan: Plan) -> dict[str, Any]:
    """The plan as its file holds it, defaults included."""
    values = plan.model_dump(mode="json", exclude_none=True, exclude={"imports"})
    return {"import": list(plan.imports), **values} if plan.imports else values

"""The docstring template, for everything that is registered."""

import inspect
import re

import pytest

import spikelearn.cli.compare
import spikelearn.cli.components
import spikelearn.museum
import spikelearn.simulation  # noqa: F401  (with the ones before, every part, so that everything is registered)
from spikelearn.bench.run.engines import ENGINES
from spikelearn.datasets.names import OWN
from spikelearn.docstrings import source_of, summary_of
from spikelearn.registry import registries

#: All that hold components of a method; engines run trials. Other tests have registries and components of their own.
REGISTRIES = [OWN, *(r for r in registries() if r is not ENGINES and r.base.__module__.startswith("spikelearn."))]
COMPONENTS = [
    pytest.param(registry.get(name), id=f"{registry.kind}-{name}".replace(" ", "-"))
    for registry in REGISTRIES
    for name in registry
    if registry.get(name).__module__.startswith("spikelearn.")
]
UNITS = re.compile(
    r"second|dimensionless|unit|per |pixel|class|microsecond|weight|potential|current|intensity|spikes|\[0, 1\]"
)
ORDER = ("Args:", "Shapes:", "Raises:", "Source:")


@pytest.mark.parametrize("component", COMPONENTS)
def test_parts_stand_in_order(component):
    text = inspect.getdoc(component)
    assert summary_of(component).endswith((".", ";")) or "," in summary_of(component)
    assert "Shapes:" in text, "Shapes is missing"
    assert source_of(component), "Source is missing"
    places = [text.index(part) for part in ORDER if part in text]
    assert places == sorted(places)


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_argument_is_explained(component):
    """In the class, or in the base whose constructor names the option."""
    for name in inspect.signature(component).parameters:
        owners = [component, *(base for base in component.__mro__ if name in own_arguments(base))]
        assert any(re.search(rf"\b{name}\b", arguments_of(owner)) for owner in owners), f"{name} is not explained"


def own_arguments(kind):
    return inspect.signature(vars(kind)["__init__"]).parameters if "__init__" in vars(kind) else ()


def arguments_of(kind):
    return re.split(r"Shapes:|Raises:", inspect.getdoc(kind).partition("Args:")[2])[0]


@pytest.mark.parametrize("component", COMPONENTS)
def test_units_are_given(component):
    assert UNITS.search(inspect.getdoc(component))


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda r: r.kind)
def test_names_are_kebab_case(registry):
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in registry)

"""The docstring template, for everything that is registered."""

import inspect
import re

import pytest

from spikelearn.datasets import DATASETS, ENCODERS, NOISES
from spikelearn.export import FORMATS
from spikelearn.hardware import HARDWARE, IMPAIRMENTS, PRUNINGS
from spikelearn.neurons import ADJOINTS, NEURONS, SURROGATES
from spikelearn.plasticity import LOSSES, RULES
from spikelearn.report import source_of, summary_of

REGISTRIES = (
    *(NEURONS, SURROGATES, ADJOINTS, RULES, LOSSES, DATASETS, ENCODERS, FORMATS),
    *(NOISES, HARDWARE, IMPAIRMENTS, PRUNINGS),
)
COMPONENTS = [
    pytest.param(registry.get(name), id=f"{registry.kind}-{name}".replace(" ", "-"))
    for registry in REGISTRIES
    for name in registry
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
    text = inspect.getdoc(component)
    described = text.partition("Args:")[2].partition("Shapes:")[0]
    for name in inspect.signature(component).parameters:
        assert re.search(rf"\b{name}\b", described), f"{name} is not explained"


@pytest.mark.parametrize("component", COMPONENTS)
def test_units_are_given(component):
    assert UNITS.search(inspect.getdoc(component))


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda r: r.kind)
def test_names_are_kebab_case(registry):
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in registry)

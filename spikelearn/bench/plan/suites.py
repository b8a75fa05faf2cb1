"""Plans that come with the package."""

from importlib.resources import files

from spikelearn.bench.plan.plan import Plan
from spikelearn.bench.plan.reading import plan_from
from spikelearn.checks import one_of
from spikelearn.documents import read_toml


def suite_names() -> list[str]:
    """All suites but the claims, which are a list of plans (``claims``)."""
    folder = files("spikelearn").joinpath("suites")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def read_suite(name: str) -> Plan:
    """The plan of a suite.

    Raises:
        ValueError: an unknown name.
    """
    known = suite_names()
    if name not in known:
        raise ValueError(f"unknown suite {name!r}, expected {one_of(name, known)}")
    return plan_from(read_toml(files("spikelearn").joinpath("suites", f"{name}.toml")))

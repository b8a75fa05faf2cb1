"""The TOML files of the package, found by kind and name."""

from pathlib import Path

import pytest

from spikelearn.bench import read_tuned
from spikelearn.bench.tune.spaces import read_space
from spikelearn.catalogue import CLAIMS, PRESETS, SUITES, TUNED
from spikelearn.plasticity import RULES
from spikelearn.runs import Settings

COLLECTIONS = (PRESETS, TUNED, SUITES, CLAIMS)
ROOT = Path(__file__).parents[2]


def test_every_file_is_in_a_collection():
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "spikelearn").rglob("*.toml")}
    assert files == {one.path(name) for one in COLLECTIONS for name in one.names()}


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda one: one.folder)
def test_names_are_in_order_and_each_is_read(collection):
    names = collection.names()
    assert names == sorted(names) != []
    for name in names:
        assert collection.has(name)
        assert collection.read(name)


@pytest.mark.parametrize("name", ["", "quik", "../suites/quick", "quick.toml", "/etc/passwd"])
def test_an_unknown_name_is_refused(name):
    assert not SUITES.has(name)
    with pytest.raises(ValueError, match=f"unknown suite '{name}', expected one of .*quick"):
        SUITES.read(name)


@pytest.mark.parametrize("rule", TUNED.names())
def test_a_tuned_file_is_a_rule_s_and_holds_settings(rule):
    assert rule in RULES
    assert read_space(rule)
    for data in TUNED.read(rule).get("on", {}):
        tuned = read_tuned(rule, data)
        assert set(tuned.values) <= set(Settings.model_fields)
        assert tuned.found["data"] == data
        assert tuned.found["file"] == f"spikelearn/catalogue/tuned/{rule}.toml"

"""What is read from the text of files is what the classes say when they are imported."""

import subprocess
import sys

import pytest

import spikelearn
from spikelearn import DATASETS, NEURONS, RULES
from spikelearn.declared import declared as read
from spikelearn.declared import docstring_in, literal_in
from spikelearn.docstrings import summary_of
from spikelearn.plasticity.families import FAMILIES, family_of

PARTS = {"plasticity": ("RULES", RULES), "neurons": ("NEURONS", NEURONS), "datasets": ("DATASETS", DATASETS)}


@pytest.mark.parametrize("part", PARTS)
def test_names_and_summaries_are_those_of_the_registry(part):
    mark, registry = PARTS[part]
    own = {name for name in registry if registry.get(name).__module__.startswith("spikelearn.")}
    found = read(part, mark)
    assert {component.name for component in found} == own
    assert len(found) == len(own)
    for component in found:
        assert component.summary == summary_of(registry.get(component.name))


def test_families_are_those_of_the_rules():
    for rule in read("plasticity", "RULES"):
        assert family_of(rule.name) == FAMILIES.get(rule.folder, "Others")
    assert literal_in("spikelearn.plasticity.families", "FAMILIES") == FAMILIES


def test_attributes_of_data_sets_are_found_in_their_bases_too():
    for data in read("datasets", "DATASETS"):
        kind = DATASETS.get(data.name)
        assert data.attributes["bundled"] == kind.bundled
        assert data.attributes["classes"] == kind.classes


def test_a_docstring_and_a_literal_that_are_not_there():
    assert docstring_in("spikelearn.declared", "nothing") == ""
    with pytest.raises(KeyError):
        literal_in("spikelearn.declared", "NOTHING")


IMPORTS = """
import resource
import sys
import spikelearn
assert "torch" not in sys.modules
from spikelearn.cli.app import run
for command in ([], ["--help"], ["rules"], ["neurons"], ["datasets"]):
    assert run(command) == 0, command
assert "torch" not in sys.modules
used = resource.getrusage(resource.RUSAGE_SELF)
print("seconds", used.ru_utime + used.ru_stime)
"""


def test_help_and_lists_import_no_torch_and_take_no_second():
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert float(done.stdout.rpartition("seconds ")[2]) < 1.5  # five commands; each alone takes 0.2 to 0.4


ADDED = """
import time
import torch
before = time.process_time()
import spikelearn
print(time.process_time() - before)
"""


def test_the_import_adds_little_to_that_of_torch():
    done = subprocess.run([sys.executable, "-c", ADDED], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.3


def test_public_names_and_parts_are_found_when_they_are_asked_for():
    assert all(getattr(spikelearn, name) is not None for name in spikelearn.__all__)
    assert set(spikelearn.__all__) <= set(dir(spikelearn))
    assert spikelearn.plasticity.BPTT is spikelearn.BPTT
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = spikelearn.nothing

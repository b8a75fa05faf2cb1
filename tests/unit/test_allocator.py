import os
import platform
import subprocess
import sys

import pytest

from spikelearn import allocator

FAULTS = """
import resource, statistics, sys, torch
from spikelearn.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def step():
    torch.ones(10 << 20)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(statistics.median(faults() for _ in range(11)))
"""
GLIBC = platform.libc_ver()[0] == "glibc"


def faults(how):
    environment = {name: value for name, value in os.environ.items() if name not in allocator.VARIABLES}
    command = [sys.executable, "-c", FAULTS, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
def test_memory_is_not_faulted_in_again():
    """A tensor of 10,240 pages: in most steps of one process of three, where no small object took the freed place."""
    assert faults("as it is") > 10_000
    assert any(faults("kept") < 1_000 for _ in range(3))


@pytest.mark.parametrize("name", allocator.VARIABLES)
def test_the_environment_is_left_alone(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert not allocator.keep_freed_memory.__wrapped__()


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocator.keep_freed_memory.__wrapped__()

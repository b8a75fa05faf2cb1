import os
import platform
import subprocess
import sys

import pytest

from spikelearn import allocator

FAULTS = """
import resource, statistics, torch
from spikelearn.allocator import keep_freed_memory
def step():
    torch.ones(10 << 20)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(statistics.median(faults() for _ in range(11)))
assert keep_freed_memory()
print(statistics.median(faults() for _ in range(11)))
"""
GLIBC = platform.libc_ver()[0] == "glibc"


def faults():
    """Median of the pages that a step faults in, as it is and with freed memory kept."""
    environment = {name: value for name, value in os.environ.items() if name not in allocator.VARIABLES}
    command = [sys.executable, "-c", FAULTS]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return map(int, done.stdout.split())


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
def test_memory_is_not_faulted_in_again():
    """A tensor of 10,240 pages: in most steps, since a small object may now and then take the place that was freed."""
    before, kept = faults()
    assert before > 10_000
    assert kept < 1_000


@pytest.mark.parametrize("name", allocator.VARIABLES)
def test_the_environment_is_left_alone(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert not allocator.keep_freed_memory.__wrapped__()


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocator.keep_freed_memory.__wrapped__()

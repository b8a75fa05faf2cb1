import os
import platform
import subprocess
import sys

import pytest

from spikelearn import allocator

HELD = """
import sys, torch
from spikelearn.allocator import keep_freed_memory
def pages():
    return int(open("/proc/self/statm").read().split()[1])
if sys.argv[1] == "kept":
    assert keep_freed_memory()
before = pages()
for _ in range(3):
    torch.ones(10 << 20)
print(pages() - before)
"""
GLIBC = platform.libc_ver()[0] == "glibc"


def held(how):
    """Pages that a process still has of a tensor of 40 MiB (10,240 pages), made and freed three times."""
    environment = {name: value for name, value in os.environ.items() if name not in allocator.VARIABLES}
    command = [sys.executable, "-c", HELD, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


@pytest.mark.skipif(not GLIBC or not os.path.exists("/proc/self/statm"), reason="needs glibc and Linux")
def test_freed_memory_stays_in_the_process():
    """What is held need not be faulted in again; counting the faults fails where a small object takes the freed place."""
    assert held("as it is") < 2_000
    assert held("kept") > 9_000


@pytest.mark.parametrize("name", allocator.VARIABLES)
def test_the_environment_is_left_alone(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert not allocator.keep_freed_memory.__wrapped__()


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocator.keep_freed_memory.__wrapped__()

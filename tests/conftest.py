"""What many tests use."""

import gc
import os
import re

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores; read when torch is imported, and by all they start
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Threads that wait for work would otherwise spin on cores that the other workers need.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Binned recordings are not kept among those of whoever runs the tests.
os.environ["SPIKELEARN_CACHE_GB"] = "0"

import pytest
import torch


def pytest_addoption(parser):
    words = "write what every test compared, and the largest difference, into a file of JSON (one process: -p no:xdist)"
    parser.addoption("--fidelity", metavar="FILE", help=words)


def pytest_configure(config):
    if config.getoption("--fidelity"):
        from tests.ledger import Ledger

        config.pluginmanager.register(Ledger(config.rootpath / config.getoption("--fidelity")))


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _components_forgotten():
    """What a test registers, by importing components of one's own, no later test of the worker finds."""
    from spikelearn.registry import registries

    before = [(registry, dict(registry._components)) for registry in registries()]
    yield
    for registry, known in before:
        if registry._components != known:
            registry._components.clear()
            registry._components.update(known)


def pytest_collection():
    """No search for garbage among objects by the hundred thousand, made to stay: it took a sixth of the time."""
    gc.disable()


def pytest_collection_finish():
    """What is there stays: no search for garbage among what tests make goes through it, of which there are many."""
    gc.freeze()
    gc.enable()


def pytest_make_parametrize_id(val, argname):
    """Names every value of bytes by its argument: packed bytes hold a time of day, which workers would not share."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items):
    """Refuses names of tests that hold an address: every worker would have others."""
    wrong = [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]+", item.nodeid)]
    if wrong:
        raise pytest.UsageError(
            f"{wrong[0]} holds an address, expected a name that is the same in all workers: give ids"
        )

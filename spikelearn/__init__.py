"""Spiking neural networks whose synapses learn, by any rule, on the same network.

>>> from spikelearn import build, Training, BPTT, Loader, Digits, fit

Names are imported when they are first asked for; ``__init__.pyi`` says where each is at home.
"""

import importlib
import importlib.util
from typing import Any

import lazy_loader

import spikelearn.threads  # noqa: F401  before torch, which reads once how its threads wait

_named, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    """A public name, or a part of the package (``spikelearn.plasticity``)."""
    if name in __all__:
        return _named(name)
    if not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

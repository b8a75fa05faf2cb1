"""Where the trials of a comparison run."""

from spikelearn.compare.engines.base import ENGINES, Engine, Outcome, Work
from spikelearn.compare.engines.local import LocalEngine
from spikelearn.compare.engines.ray import RayEngine

__all__ = ["ENGINES", "Engine", "LocalEngine", "Outcome", "RayEngine", "Work"]

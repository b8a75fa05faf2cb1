"""Where the trials of a comparison run."""

from spikelearn.bench.run.engines.base import ENGINES, Engine, Outcome, Work
from spikelearn.bench.run.engines.local import LocalEngine
from spikelearn.bench.run.engines.ray import RayEngine

__all__ = ["ENGINES", "Engine", "LocalEngine", "Outcome", "RayEngine", "Work"]

"""Published models that are simulated, with the numbers of their papers; each draws its figure."""

from spikelearn.museum.base import MODELS, Model
from spikelearn.museum.brunel2000 import Brunel2000

__all__ = ["MODELS", "Brunel2000", "Model"]

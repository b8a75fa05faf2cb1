"""Pictures of a run in Python: every function returns a matplotlib Figure, and writes nothing.

>>> from spikelearn import draw
>>> record, _ = network.run(inputs)
>>> draw.raster(record, inputs).savefig("raster.png")
"""

import spikelearn.extras.plot  # noqa: F401  before the modules that import matplotlib
from spikelearn.draw.aligned_updates import aligned
from spikelearn.draw.confused import confusion
from spikelearn.draw.examined import examined
from spikelearn.draw.learning_curves import curves
from spikelearn.draw.potentials import membranes
from spikelearn.draw.rasters import raster
from spikelearn.draw.receptive_fields import weights
from spikelearn.draw.recordings import events, moving
from spikelearn.draw.spike_pairs import pairing, window
from spikelearn.draw.style import save
from spikelearn.draw.synapse_course import why

__all__ = [
    "aligned",
    "confusion",
    "curves",
    "events",
    "examined",
    "membranes",
    "moving",
    "pairing",
    "raster",
    "save",
    "weights",
    "why",
    "window",
]

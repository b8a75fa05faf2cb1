"""Pictures in Python: every function returns a matplotlib figure (``forming`` a GIF, ``why_page`` HTML); none writes.

>>> from spikelearn import draw
>>> record, _ = network.run(inputs)
>>> draw.raster(record, inputs).savefig("raster.png")
>>> draw.raster(network, inputs)  # the same in one call
"""

import spikelearn.extras.plot  # noqa: F401  before the modules that import matplotlib
from spikelearn.draw.aligned_updates import aligned
from spikelearn.draw.confused import confusion
from spikelearn.draw.examined import examined
from spikelearn.draw.learning_curves import curves
from spikelearn.draw.potentials import membranes
from spikelearn.draw.rasters import raster
from spikelearn.draw.rate_maps import histograms, rates
from spikelearn.draw.receptive_fields import weights
from spikelearn.draw.recordings import events, moving
from spikelearn.draw.spike_pairs import pairing, window
from spikelearn.draw.style import save
from spikelearn.draw.synapse_course import why
from spikelearn.draw.synapse_page import why_page
from spikelearn.draw.threshold_traces import thresholds
from spikelearn.draw.weight_changes import changes, forming, weight_histograms

__all__ = [
    "aligned",
    "changes",
    "confusion",
    "curves",
    "events",
    "examined",
    "forming",
    "histograms",
    "membranes",
    "moving",
    "pairing",
    "raster",
    "rates",
    "save",
    "thresholds",
    "weight_histograms",
    "weights",
    "why",
    "why_page",
    "window",
]

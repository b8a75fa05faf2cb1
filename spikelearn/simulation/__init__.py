"""Networks that are simulated for a time: inputs without end, plasticity, recordings, and states to go on from.

>>> from spikelearn.simulation import Simulation
>>> simulation = Simulation(network, "poisson:rate=20", rule)
>>> with simulation.record("recording.h5", ["fc1:spikes", "fc1:weight:every=1000"]) as recording:
...     simulation.run(10.0, recording)
"""

from spikelearn.simulation.folder import SimulationFolder
from spikelearn.simulation.from_file import FromFile
from spikelearn.simulation.plan import Recorded, read_plan
from spikelearn.simulation.presented import Presented
from spikelearn.simulation.recording import Recording, Spikes, Values
from spikelearn.simulation.recording_file import RecordingFile
from spikelearn.simulation.simulation import Moment, Simulation
from spikelearn.simulation.sources import (
    SOURCES,
    Current,
    Given,
    Place,
    Poisson,
    PoissonCounts,
    Regular,
    Silence,
    Source,
)

__all__ = [
    "SOURCES",
    "Current",
    "FromFile",
    "Given",
    "Moment",
    "Place",
    "Poisson",
    "PoissonCounts",
    "Presented",
    "Recorded",
    "Recording",
    "RecordingFile",
    "Regular",
    "Silence",
    "Simulation",
    "SimulationFolder",
    "Source",
    "Spikes",
    "Values",
    "read_plan",
]

"""Measurements of a network."""

from spikelearn.measure.activity import ActivityCount, BlockActivity, activity, loader_activity
from spikelearn.measure.alignment import Alignment, alignment, cosines, reference_for
from spikelearn.measure.energy import Constants45nm, Energy, energy, membrane_updates
from spikelearn.measure.evaluation import Evaluation, Predict, evaluate
from spikelearn.measure.forgetting import Forgetting, ForgottenErrors, forgetting, forgotten_errors
from spikelearn.measure.in_memory import InMemory, in_memory
from spikelearn.measure.locality import Locality, locality
from spikelearn.measure.operations import Count, Operations, forward_operations, learning_operations
from spikelearn.measure.payload import Payload, payload_bytes
from spikelearn.measure.peak_bytes import PeakBytes
from spikelearn.measure.streamed import StreamScores, evaluate_stream
from spikelearn.measure.writes import Writes, writes
from spikelearn.tasks import correct, correct_unique

__all__ = [
    "ActivityCount",
    "Alignment",
    "BlockActivity",
    "Constants45nm",
    "Count",
    "Energy",
    "Evaluation",
    "Forgetting",
    "ForgottenErrors",
    "InMemory",
    "Locality",
    "Operations",
    "Payload",
    "PeakBytes",
    "Predict",
    "StreamScores",
    "Writes",
    "activity",
    "alignment",
    "correct",
    "correct_unique",
    "cosines",
    "energy",
    "evaluate",
    "evaluate_stream",
    "forgetting",
    "forgotten_errors",
    "forward_operations",
    "learning_operations",
    "loader_activity",
    "in_memory",
    "locality",
    "membrane_updates",
    "payload_bytes",
    "reference_for",
    "writes",
]

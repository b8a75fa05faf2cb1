"""Recordings of event cameras: arrays of events, checked, and their binning."""

from spikelearn.recordings.binning import bin_by_width, bin_events
from spikelearn.recordings.events import EVENT, RecordedEvents, as_events

__all__ = ["EVENT", "RecordedEvents", "as_events", "bin_by_width", "bin_events"]

"""Recordings of event cameras: files and arrays of events, checked, and their binning."""

from spikelearn.recordings.binning import Binned, Binning, bin_by_width, bin_events
from spikelearn.recordings.chunks import chunks
from spikelearn.recordings.events import EVENT, RecordedEvents, as_events
from spikelearn.recordings.readers import FORMATS, Recording, read_recording
from spikelearn.recordings.streams import StreamedRecording, sensor_from, stream_recording
from spikelearn.recordings.video import Camera, events_of_video

__all__ = [
    "Binned",
    "Binning",
    "Camera",
    "EVENT",
    "FORMATS",
    "RecordedEvents",
    "Recording",
    "StreamedRecording",
    "as_events",
    "bin_by_width",
    "bin_events",
    "chunks",
    "events_of_video",
    "read_recording",
    "sensor_from",
    "stream_recording",
]

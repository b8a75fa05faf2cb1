"""Readers of files of events: one file a format."""

from spikelearn.recordings.readers.base import Reading, Recording
from spikelearn.recordings.readers.files import FORMATS, count_recordings, format_of, is_recording, read_recording

__all__ = ["FORMATS", "Reading", "Recording", "count_recordings", "format_of", "is_recording", "read_recording"]

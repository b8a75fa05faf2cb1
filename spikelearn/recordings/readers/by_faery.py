"""AEDAT 4 and Event Stream (.es), through faery."""

from pathlib import Path
from typing import Any

from spikelearn.recordings.readers.base import Reading, Recording, structured


def read_by_faery(path: Path, _: Reading) -> Recording:
    """A recording of AEDAT 4 (of dv-processing and DV; lz4, zstd or unpacked) or Event Stream (version 2, DVS).

    The y of .es counts from below; here, as in all other formats, row 0 is the upper one.

    Raises:
        ValueError: faery is not installed; what faery cannot read.

    Source: faery 0.7, by the authors of Event Stream; iniVation, "AEDAT 4.0".
    """
    try:
        import faery
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{path.suffix} is read by faery, which is not installed: pip install 'spikelearn[events]'"
        ) from error
    try:
        stream = faery.events_stream_from_file(path)
        width, height = stream.dimensions()
        events: Any = stream.to_array()
    except BaseException as error:  # a panic of its compiled part is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"faery cannot read it ({error}): it is cut short or damaged") from error
    return Recording(structured(events["x"], events["y"], events["t"], events["p"]), (int(width), int(height)))

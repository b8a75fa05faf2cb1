"""Bags of ROS 1 with messages of events, through rosbags."""

import struct
from pathlib import Path

import numpy as np

from spikelearn.extras import from_extra
from spikelearn.recordings.events import EVENT, Column
from spikelearn.recordings.readers.base import Reading, Recording, check_fits

#: Messages that hold an array of events (of rpg_dvs_ros and of Prophesee's wrapper), which are laid out alike.
MESSAGES = ("dvs_msgs/msg/EventArray", "prophesee_event_msgs/msg/EventArray")

#: An event of a message: place, time and polarity.
ROS_EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("s", "<u4"), ("ns", "<u4"), ("p", "u1")])


def read_bag(path: Path, _: Reading) -> Recording:
    """The events of a bag, all in one recording.

    Raises:
        ValueError: rosbags is not installed, a bag that it cannot read, no messages of events, a message that is cut.

    Source: rosbags 0.11; ROS, dvs_msgs/EventArray.
    """
    reader = from_extra("rosbags.rosbag1", "reading a .bag").Reader
    check_fits(path)
    parts, sensor, kinds = [], None, set()
    try:
        with reader(path) as bag:
            kinds = {connection.msgtype for connection in bag.connections}
            chosen = [connection for connection in bag.connections if connection.msgtype in MESSAGES]
            topics = sorted({connection.topic for connection in chosen})
            for number, (_, _, raw) in enumerate(bag.messages(chosen) if chosen else ()):
                events, sensor = _decoded(raw, number)
                parts.append(events)
    except Exception as error:  # a damaged bag fails in any way that its reader has
        raise ValueError(f"rosbags cannot read it ({error}): it is cut short or damaged") from error
    if not chosen:
        raise ValueError(f"it holds {', '.join(sorted(kinds)) or 'no messages'}, expected one of {', '.join(MESSAGES)}")
    if len(topics) > 1:
        raise ValueError(
            f"it holds the events of {len(topics)} cameras ({', '.join(topics)}): give each a bag of its own"
        )
    return Recording(np.concatenate([np.zeros(0, EVENT), *parts]), sensor)


def _decoded(raw: bytes, number: int) -> tuple[Column, tuple[int, int]]:
    """The events of one message, and the sensor's width and height."""
    try:
        (length,) = struct.unpack_from("<I", raw, 12)
        height, width, count = struct.unpack_from("<3I", raw, 16 + length)
        found = np.frombuffer(raw, ROS_EVENT, count=count, offset=28 + length)
    except (struct.error, ValueError) as error:
        raise ValueError(f"message {number} of events is cut short") from error
    events = np.empty(count, EVENT)
    events["x"], events["y"], events["p"] = found["x"], found["y"], found["p"]
    events["t"] = found["s"].astype(np.int64) * 10**6 + found["ns"] // 1000
    return events, (width, height)

"""Write the reference files of this folder, each with a program of others, and read each with a second one.

Run in an environment of its own (the versions are those that made the files):

    pip install numpy==2.4.6 aedat==2.3.0 dv-processing==2.0.4 event_stream==1.6.3 evlib==0.13.2 evutils==0.3.18 \
        expelliarmus==1.1.12 faery==0.7.1 h5py==3.16.0 hdf5plugin==7.1.0 importRosbag==1.0.4 rosbags==0.11.9
    python make_references.py

It prints a line for each file: the writer, the second reader, and whether that reader gives the events written.
"""

import struct
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from made import SENSOR, events

HERE = Path(__file__).parent
WIDTH, HEIGHT = SENSOR
GIVEN = events()
#: .es counts through silence by bytes, and faery gives other times behind the overflow of EVT 3.0.
SHORT = events(second=600_000)


def same(found, *, given=GIVEN, from_0=False):
    """True if the columns t, x, y, p are those written; ``from_0``: the time of the first event is left out."""
    t, x, y, p = (np.asarray(column).astype(np.int64) for column in found)
    t = t + given["t"][0] if from_0 else t
    return all(
        np.array_equal(mine, given[name].astype(np.int64)) for name, mine in zip("txyp", (t, x, y, p), strict=True)
    )


def by_faery(path):
    import faery

    found = faery.events_stream_from_file(path, dimensions_fallback=SENSOR).to_array()
    return found["t"], found["x"], found["y"], found["p"]


def by_evlib(path):
    import evlib

    frame = evlib.load_events(str(path)).collect()
    return frame["t"].to_numpy(), frame["x"].to_numpy(), frame["y"].to_numpy(), frame["polarity"].to_numpy() > 0


def by_evutils(path, **options):
    from evutils.io import EventReader

    found = EventReader(str(path), **options).read_all()
    return found.t, found.x, found.y, found.p


def by_aedat(path):
    import aedat

    found = np.concatenate([packet["events"] for packet in aedat.Decoder(str(path)) if "events" in packet])
    return found["t"], found["x"], found["y"], found["p"]


def by_rosbags(path):
    from rosbags.highlevel import AnyReader

    with AnyReader([path]) as reader:
        messages = [reader.deserialize(raw, c.msgtype) for c, _, raw in reader.messages()]
    found = [(e.ts.sec * 10**6 + e.ts.nanosec // 1000, e.x, e.y, e.polarity) for m in messages for e in m.events]
    return tuple(np.array(found).T)


def write_faery(name, given=GIVEN, **options):
    import faery

    made = np.zeros(len(given), faery.EVENTS_DTYPE)
    for column in "txyp":
        made[column] = given[column]
    faery.events_stream_from_array(made, SENSOR).to_file(HERE / name, **options)


def write_evutils(name, **options):
    from evutils.io import EventWriter
    from evutils.types import EventArray

    made = EventArray(t=GIVEN["t"], x=GIVEN["x"].astype("u2"), y=GIVEN["y"].astype("u2"), p=GIVEN["p"])
    with EventWriter(HERE / name, width=WIDTH, height=HEIGHT, **options) as writer:
        writer.write(made)


def write_dv(name, compression):
    import dv_processing as dv

    store = dv.EventStore()
    for event in GIVEN:
        store.push_back(int(event["t"]), int(event["x"]), int(event["y"]), bool(event["p"]))
    config = dv.io.MonoCameraWriter.Config("DVS", getattr(dv.CompressionType, compression))
    config.addEventStream(SENSOR)
    writer = dv.io.MonoCameraWriter(str(HERE / name), config)
    writer.writeEvents(store)
    del writer


def write_expelliarmus(name, encoding):
    from expelliarmus import Wizard

    Wizard(encoding=encoding).save(
        fpath=str(HERE / name), arr=GIVEN.astype([("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "u1")])
    )


def write_event_stream(name):
    import event_stream

    made = np.zeros(len(SHORT), event_stream.dvs_dtype)
    made["t"], made["x"], made["y"], made["p"] = SHORT["t"], SHORT["x"], HEIGHT - 1 - SHORT["y"], SHORT["p"]
    with event_stream.Encoder(str(HERE / name), "dvs", WIDTH, HEIGHT) as encoder:
        encoder.write(made)


def write_rosbag(name):
    from rosbags.rosbag1 import Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS1_NOETIC)
    event = "uint16 x\nuint16 y\ntime ts\nbool polarity\n"
    array = "std_msgs/Header header\nuint32 height\nuint32 width\nEvent[] events\n"
    store.register(get_types_from_msg(event, "dvs_msgs/msg/Event"))
    store.register(get_types_from_msg(array, "dvs_msgs/msg/EventArray"))
    kinds = store.types

    def stamp(t):
        return kinds["builtin_interfaces/msg/Time"](sec=int(t) // 10**6, nanosec=int(t) % 10**6 * 1000)

    (HERE / name).unlink(missing_ok=True)
    with Writer(HERE / name) as writer:
        connection = writer.add_connection("/dvs/events", "dvs_msgs/msg/EventArray", typestore=store)
        for number, part in enumerate(np.array_split(GIVEN, 5)):
            message = kinds["dvs_msgs/msg/EventArray"](
                header=kinds["std_msgs/msg/Header"](seq=number, stamp=stamp(part["t"][-1]), frame_id="camera"),
                height=HEIGHT,
                width=WIDTH,
                events=[
                    kinds["dvs_msgs/msg/Event"](x=int(e["x"]), y=int(e["y"]), ts=stamp(e["t"]), polarity=bool(e["p"]))
                    for e in part
                ],
            )
            content = store.serialize_ros1(message, "dvs_msgs/msg/EventArray")
            writer.write(connection, int(part["t"][-1]) * 1000, content)


def write_aedat2(name, sensor):
    """By iniVation's "AEDAT file formats": no package at hand writes the older two versions."""
    t, x, y, p = (GIVEN[column].astype(np.int64) for column in "txyp")
    address = y << 8 | x << 1 | p if sensor == "DVS128" else y << 22 | x << 12 | p << 11
    words = np.stack([address, t], 1).astype(">u4")
    head = f"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.{sensor}\r\n# Creation time: 0\r\n"
    (HERE / name).write_bytes(head.encode() + words.tobytes())


def write_aedat3(name):
    """Packets of 70 events by the same page; one event in each is not valid, and a packet of another kind lies between."""
    content = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DAVIS346\r\n#!END-HEADER\r\n"
    for part in np.array_split(GIVEN, 5):
        data = part["x"].astype("u4") << 17 | part["y"].astype("u4") << 2 | part["p"].astype("u4") << 1 | 1
        words = np.stack([data, part["t"].astype("u4")], 1)
        words = np.concatenate([words[:1] - np.array([1, 0], "u4"), words]).astype("<u4")
        content += struct.pack("<2H6I", 0, 1, 8, 4, 0, 1, 1, 1) + bytes(8)
        content += struct.pack("<2H6I", 1, 1, 8, 4, 0, len(words), len(words), len(words) - 1) + words.tobytes()
    (HERE / name).write_bytes(content)


def versioned(program):
    try:
        return f"{program} {version(program)}"
    except PackageNotFoundError:
        return program


def main():
    # evutils takes bit 2 of y for the mark of an external signal, which only DAVIS has, and leaves such events out.
    of_dvs = {"given": GIVEN[GIVEN["y"] & 4 == 0]}
    of_es, of_t0 = {"given": SHORT, "from_0": True}, {"from_0": True}
    rows = [
        ("lz4.aedat4", "dv-processing", lambda n: write_dv(n, "LZ4"), "aedat", by_aedat, {}),
        ("none.aedat4", "dv-processing", lambda n: write_dv(n, "NONE"), "evutils", by_evutils, {}),
        ("zstd.aedat4", "dv-processing", lambda n: write_dv(n, "ZSTD"), "aedat", by_aedat, {}),
        ("expelliarmus_evt2.raw", "expelliarmus", lambda n: write_expelliarmus(n, "evt2"), "faery", by_faery, {}),
        ("faery_evt2.raw", "faery", lambda n: write_faery(n, version="evt2"), "evutils", by_evutils, of_t0),
        ("faery_evt3.raw", "faery", lambda n: write_faery(n, SHORT, version="evt3"), "faery", by_faery, {"given": SHORT}),
        ("evutils_evt3.raw", "evutils", lambda n: write_evutils(n, format="evt3"), "evutils", by_evutils, {}),
        ("faery.dat", "faery", lambda n: write_faery(n), "evutils", by_evutils, of_t0),
        ("expelliarmus.dat", "expelliarmus", lambda n: write_expelliarmus(n, "dat"), "evutils", by_evutils, {}),
        ("event_stream.es", "event-stream", lambda n: write_event_stream(n), "faery", by_faery, {"given": SHORT}),
        ("faery.es", "faery", lambda n: write_faery(n, SHORT), "faery", by_faery, of_es),
        ("faery.csv", "faery", lambda n: write_faery(n), "faery", by_faery, {}),
        ("dsec.h5", "evutils", lambda n: write_evutils(n), "evlib", by_evlib, {}),
        ("evutils.npz", "evutils", lambda n: write_evutils(n), "evutils", by_evutils, {}),
        ("rosbags.bag", "rosbags", lambda n: write_rosbag(n), "rosbags", by_rosbags, {}),
        ("davis346.aedat", "this script", lambda n: write_aedat2(n, "DAVIS346"), "evutils", by_evutils, {}),
        ("dvs128.aedat", "this script", lambda n: write_aedat2(n, "DVS128"), "evutils", lambda p: by_evutils(p, layout="dvs128"), of_dvs),
        ("version3.aedat", "this script", lambda n: write_aedat3(n), "evutils", by_evutils, {}),
    ]  # fmt: skip
    for name, writer, write, reader, read, options in rows:
        write(name)
        size, equal = (HERE / name).stat().st_size, same(read(HERE / name), **options)
        print(f"{name:22} {size:6} bytes  {versioned(writer):22} {versioned(reader):20} {equal}")


if __name__ == "__main__":
    main()

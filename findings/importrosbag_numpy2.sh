#!/usr/bin/env bash
# importRosbag 1.0.4, which tonic 1.7.0 requires, with numpy 2.4.6 and 1.26.4 (rosbags 0.11.9 writes the bag; Python 3.11).
#
# Expected: a bag with one dvs_msgs/EventArray of 300 events is read.
# Seen: with numpy 2 it ends in "OverflowError: Python integer 256 out of bounds for uint8" (bytes are multiplied by 256
# without being widened, which numpy 1 did), with numpy 1.26 the events are right. It states no bound on numpy, so pip
# installs both together. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check importRosbag==1.0.4 rosbags==0.11.9 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from rosbags.rosbag1 import Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

store = get_typestore(Stores.ROS1_NOETIC)
store.register(get_types_from_msg("uint16 x\nuint16 y\ntime ts\nbool polarity\n", "dvs_msgs/msg/Event"))
array = "std_msgs/Header header\nuint32 height\nuint32 width\nEvent[] events\n"
store.register(get_types_from_msg(array, "dvs_msgs/msg/EventArray"))
kinds = store.types
stamp = kinds["builtin_interfaces/msg/Time"](sec=1, nanosec=5000)
events = [kinds["dvs_msgs/msg/Event"](x=k, y=2, ts=stamp, polarity=True) for k in range(300)]
header = kinds["std_msgs/msg/Header"](seq=0, stamp=stamp, frame_id="camera")
message = kinds["dvs_msgs/msg/EventArray"](header=header, height=4, width=300, events=events)
with Writer("a.bag") as writer:
    connection = writer.add_connection("/dvs/events", "dvs_msgs/msg/EventArray", typestore=store)
    writer.write(connection, 1_000_005_000, store.serialize_ros1(message, "dvs_msgs/msg/EventArray"))
PY
cat > read.py <<'PY'
from importlib.metadata import version

from importRosbag.importRosbag import importRosbag

print(*(f"{name} {version(name)}" for name in ("importRosbag", "numpy")))
found = importRosbag(filePathOrName="a.bag", log="ERROR")["/dvs/events"]
assert found["x"].tolist() == list(range(300))
print("right")
PY
if "$folder/venv/bin/python" read.py 2> error.txt; then echo "numpy 2 is read now"; exit 1; fi
tail -1 error.txt | grep "OverflowError: Python integer 256 out of bounds for uint8"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==1.26.4
"$folder/venv/bin/python" read.py
echo "as described"

"""The events that lie in every reference file: what make_references.py writes, and tests expect."""

import numpy as np

#: Width and height of the sensor, pixels.
SENSOR = (34, 26)

#: One event, of the narrowest types that all formats hold.
KIND = np.dtype([("t", np.int64), ("x", np.int16), ("y", np.int16), ("p", np.uint8)])


def events(second=2**24 - 200_000, count=300):
    """``count`` events in order of time, microseconds; the second half begins at ``second``, in rows and vectors too.

    Their times pass the low 6 bits of EVT2, the low 12 and all 24 bits of EVT3, and a second of ROS.
    """
    random = np.random.default_rng(19)
    made = np.zeros(count, KIND)
    t = 3 + np.cumsum(random.choice([0, 0, 1, 5, 63, 700, 5000, 9000], count))
    t[count // 2 :] += second - t[count // 2]
    made["t"], made["p"] = t, random.integers(0, 2, count)
    made["x"], made["y"] = random.integers(0, SENSOR[0], count), random.integers(0, SENSOR[1], count)
    # Neighbours of one row at one time, which EVT3 packs as a vector.
    row = slice(count - 40, count - 40 + SENSOR[0])
    made["t"][row], made["y"][row], made["p"][row] = made["t"][row.stop - 1], SENSOR[1] - 1, 1
    made["x"][row] = np.arange(SENSOR[0])
    return made

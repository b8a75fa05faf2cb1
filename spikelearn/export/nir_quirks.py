"""What other programs mean by a NIR file where they do not mean what NIR says: found from values, mended on request."""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from spikelearn.checks import check_positive, one_of
from spikelearn.export.nir_neurons import FILE_DT
from spikelearn.export.nir_nodes import POPULATIONS, Nodes
from spikelearn.neurons.parts.membrane import Reset

#: Time step that Norse writes and reads files for, seconds.
NORSE_DT = 1e-3

#: Time constants from which on they are thought to be given in steps, seconds.
LONG = 0.9


@dataclass(frozen=True)
class Reading:
    """How the numbers of a file are read.

    Args:
        dt: the time step for which its time constants are meant, seconds.
        network_dt: the time step of the network that is made, seconds.
        exact: decays are exp(-dt / tau), not 1 - dt / tau.
        unit_gain: kinds of neurons whose input gain is 1, whatever r and w_in.
        reset: how neurons are reset.
        inclusive: they fire at equality as well.
        flatten_batch: dimensions of Flatten are counted with the batch.
    """

    dt: float
    network_dt: float
    exact: bool = False
    unit_gain: tuple[str, ...] = ()
    reset: Reset = "to_value"
    inclusive: bool = False
    flatten_batch: bool = False


class Quirk(NamedTuple):
    """One way to mean something else.

    Args:
        about: what it is, and how mending reads the file, for the command's help and for messages.
        seen: the sentence that says by what it was found; None: not seen.
        mended: the nodes and the reading, mended.
        needed: whether without mending nothing right can come out, so that it is an error.
    """

    about: str
    seen: Callable[[Nodes, Reading], str | None]
    mended: Callable[[Nodes, Reading], tuple[Nodes, Reading]]
    needed: bool = False


def reading_of(nodes: Nodes, dt: float | None, mend: Collection[str]) -> tuple[Nodes, Reading, list[str]]:
    """The nodes and how their numbers are read, after what was asked to be mended, and a sentence on each quirk seen.

    Args:
        nodes: as they stand in the file.
        dt: its time step, seconds; None: as its metadata say, else 0.1 ms, which most programs assume.
        mend: names of ``QUIRKS``.

    Raises:
        ValueError: an unknown name; a time step that is none; a quirk that must be mended.
    """
    for name in mend:
        if name not in QUIRKS:
            raise ValueError(f"mend names {name!r}, expected {one_of(name, list(QUIRKS))}")
    said = _seconds(nodes.metadata, "dt") if dt is None else None
    notes = [
        f"node {node.name!r} of kind {node.kind} has {', '.join(node.unread)}, which its kind has not: not read"
        for node in nodes.nodes.values()
        if node.unread
    ]
    if dt is None and said is None:
        dt = NORSE_DT if "norse-time" in mend else FILE_DT
        if not {"steps", "sinabs", "rockpool"} & set(mend):
            notes.append(f"the file says nothing of its time step: {dt:g} s is assumed (dt)")
    dt = dt if dt is not None else said
    assert dt is not None
    check_positive("dt of the file", dt, "s")
    network_dt = _seconds(nodes.metadata, "network_dt")
    exact = nodes.metadata.get("discretisation") == "exact"
    reading = Reading(dt, dt if network_dt is None else network_dt, exact=exact)
    check_positive("network_dt of the file", reading.network_dt, "s")
    for name, quirk in QUIRKS.items():
        if name in mend:
            nodes, reading = quirk.mended(nodes, reading)
            notes.append(f"{name} is mended: {quirk.about}")
        elif (seen := quirk.seen(nodes, reading)) is not None:
            if quirk.needed:
                raise ValueError(f'{seen}: read it with mend="{name}" (--mend {name})')
            notes.append(f'{seen}; mend="{name}" (--mend {name}) reads it so')
    return nodes, reading, notes


def _seconds(metadata: Any, name: str) -> float | None:
    """A time of a graph's metadata; None where it is not there.

    Raises:
        ValueError: it is there and is no number.
    """
    value = number_in(metadata, name)
    if value is None and metadata.get(name) is not None:
        words = " ".join(str(metadata[name]).split())[:40]
        cure = "give its time step (dt), or export it again" if name == "dt" else "export it again"
        raise ValueError(f"the file's metadata say {name} = {words}, expected a number of seconds: {cure}")
    return value


def number_in(metadata: Any, name: str) -> float | None:
    """A number of a graph's metadata; None where there is none of this name."""
    value = metadata.get(name)
    if value is None or isinstance(value, str) or np.asarray(value).dtype.kind not in "iuf" or np.size(value) != 1:
        return None
    return float(np.asarray(value).reshape(-1)[0])


def _times(nodes: Nodes) -> Iterable[tuple[str, np.ndarray]]:
    for name in nodes.of(*POPULATIONS):
        for field in ("tau", "tau_mem", "tau_syn"):
            if field in nodes.nodes[name].fields:
                yield name, np.asarray(nodes.nodes[name][field], np.float64)


def _scaled_times(nodes: Nodes, factor: float) -> Nodes:
    times = ("tau", "tau_mem", "tau_syn")
    scaled = {
        name: node.having(**{t: np.asarray(node[t], np.float64) * factor for t in times if t in node.fields})
        for name, node in nodes.nodes.items()
    }
    return Nodes(scaled, nodes.edges, nodes.metadata)


def _short(nodes: Nodes, reading: Reading) -> str | None:
    short = [(name, tau.min()) for name, tau in _times(nodes) if tau.size and 0 < tau.min() < reading.dt * (1 - 1e-6)]
    if not short:
        return None
    name, tau = short[0]
    return f"node {name!r} has a time constant of {tau:g} s, below the step of {reading.dt:g} s, as Norse writes it"


def _long(nodes: Nodes, reading: Reading) -> str | None:
    times = [tau.min() for _, tau in _times(nodes) if tau.size]
    if not times or min(times) < LONG or reading.dt > 0.1:
        return None
    return f"time constants are {min(times):g} s and more with a time step of {reading.dt:g} s, as if given in steps"


def _in_steps(nodes: Nodes, reading: Reading) -> tuple[Nodes, Reading]:
    own = reading.network_dt if number_in(nodes.metadata, "network_dt") is not None else 1e-3
    return nodes, replace(reading, dt=1.0, network_dt=own)


def _sinabs(nodes: Nodes, reading: Reading) -> tuple[Nodes, Reading]:
    nodes, reading = _in_steps(nodes, reading)
    unit = ("IF", "LIF", "LI")
    return nodes, replace(reading, exact=True, unit_gain=unit, reset="subtract", inclusive=True)


def _unit_r(nodes: Nodes, reading: Reading) -> str | None:
    found = [name for name in nodes.of("IF") if (np.asarray(nodes.nodes[name]["r"]) == 1).all()]
    if not found or reading.dt == 1.0:
        return None
    return (
        f"node {found[0]!r} is an IF with r = 1, of which a step of {reading.dt:g} s takes {reading.dt:g} of a weight, "
        "but Norse, Sinabs and snnTorch take all of it"
    )


def _says_subtract(nodes: Nodes, reading: Reading) -> str | None:
    del reading
    said = [key for key, value in nodes.metadata.items() if "reset" in key and "sub" in str(value)]
    return f"its metadata say {said[0]} = {nodes.metadata[said[0]]}, but nodes of NIR go to v_reset" if said else None


def rockpool_dt(r: np.ndarray, tau: np.ndarray) -> np.ndarray:
    r"""The time step for which $r = \tau\,e^{-dt/\tau}/dt$, as Rockpool writes it, by Newton's method, seconds."""
    x = 1.0 / (1.0 + np.asarray(r, np.float64))
    for _ in range(30):
        x = x - (r * x - np.exp(-x)) / (r + np.exp(-x))
    return x * tau


def _rockpool(nodes: Nodes, reading: Reading) -> str | None:
    for name in nodes.of("LIF", "CubaLIF", "LI"):
        node = nodes.nodes[name]
        r, tau = (np.asarray(node[key], np.float64) for key in ("r", "tau_mem" if node.kind == "CubaLIF" else "tau"))
        if (r <= 1).any() or (tau <= 0).any() or np.allclose(r, tau / reading.dt, rtol=1e-4):
            continue
        dt = rockpool_dt(r, tau)
        # A step that people would choose: one digit or two.
        step = float(f"{float(np.mean(dt)):.1e}")
        if np.allclose(dt, step, rtol=1e-4):
            return f"r of node {name!r} is tau exp(-dt/tau) / dt for dt = {step:g} s, as Rockpool writes it"
    return None


def _of_rockpool(nodes: Nodes, reading: Reading) -> tuple[Nodes, Reading]:
    steps = [
        rockpool_dt(np.asarray(node["r"]), np.asarray(node["tau_mem" if node.kind == "CubaLIF" else "tau"])).min()
        for node in nodes.nodes.values()
        if node.kind in ("LIF", "CubaLIF", "LI")
    ]
    dt = float(min(steps)) if steps else reading.dt
    unit = ("LIF", "CubaLIF", "LI")
    return nodes, Reading(dt, dt, exact=True, unit_gain=unit, reset="subtract", inclusive=True)


def _batched(nodes: Nodes, reading: Reading) -> str | None:
    del reading
    start = nodes.nodes[nodes.of("Input")[0]]
    shape = np.asarray(start["shape"]).reshape(-1)
    first = nodes.nodes[nodes.behind(start.name)[0]]
    takes = {"Affine": 1, "Linear": 1, "Conv1d": 2, "Conv2d": 3}.get(first.kind)
    if takes is None or len(shape) != takes + 1:
        return None
    return f"the input has shape {shape.tolist()}, an axis more than {first.name!r} takes, as if with the batch"


def _without_batch(nodes: Nodes, reading: Reading) -> tuple[Nodes, Reading]:
    start = nodes.nodes[nodes.of("Input")[0]]
    axes = len(np.asarray(start["shape"]).reshape(-1))
    made = {}
    for name, node in nodes.nodes.items():
        if node.kind in ("Input", "Output"):
            node = node.having(shape=np.asarray(node["shape"]).reshape(-1)[1:])
        elif node.kind in POPULATIONS:
            arrays = {k: np.asarray(v) for k, v in node.fields.items()}
            node = node.having(**{k: v[0] if v.ndim > 1 and len(v) and axes > 1 else v for k, v in arrays.items()})
        made[name] = node
    return Nodes(made, nodes.edges, nodes.metadata), reading


def _nothing(nodes: Nodes, reading: Reading) -> None:
    """What cannot be seen in a file, or is seen where shapes are known."""


QUIRKS: dict[str, Quirk] = {
    "norse-time": Quirk(
        "time constants are divided by the time step (0.001 s where the file says none), by which Norse has multiplied "
        "them",
        _short,
        lambda nodes, reading: (_scaled_times(nodes, 1.0 / reading.dt), reading),
        needed=True,
    ),
    "steps": Quirk("time constants are in steps, as Spyx and Sinabs write them", _long, _in_steps),
    "sinabs": Quirk(
        "time constants are in steps, decays exp(-1/tau), every input gain is 1, neurons fire at equality and are "
        "reset by subtraction, as those of Sinabs; the several spikes that those fire in one step are one",
        _nothing,
        _sinabs,
    ),
    "rockpool": Quirk(
        "the time step is found from r, decays are exp(-dt/tau), every input gain is 1, neurons fire at equality and "
        "are reset by subtraction, as those of Rockpool; the several spikes that those fire in one step are one",
        _rockpool,
        _of_rockpool,
    ),
    "unit-gain": Quirk(
        "IF neurons take all of a weight at a spike, whatever r and the time step",
        _unit_r,
        lambda nodes, reading: (nodes, replace(reading, unit_gain=(*reading.unit_gain, "IF"))),
    ),
    "subtract": Quirk(
        "neurons are reset by subtraction, which NIR cannot say: snnTorch writes its default so, as v_reset = 0",
        _says_subtract,
        lambda nodes, reading: (nodes, replace(reading, reset="subtract")),
    ),
    "batch-axis": Quirk(
        "the first axis of shapes is the batch's, as snnTorch writes it without ignore_dims", _batched, _without_batch,
        needed=True,
    ),
    "flatten-batch": Quirk(
        "dimensions of Flatten are counted with the batch, as those of torch",
        _nothing,
        lambda nodes, reading: (nodes, replace(reading, flatten_batch=True)),
    ),
}  # fmt: skip


def decay_of(tau: np.ndarray, reading: Reading) -> np.ndarray:
    """The decay per step of time constants, snapped to the decimal fraction that it is within rounding."""
    decay = np.exp(-reading.dt / tau) if reading.exact else 1.0 - reading.dt / tau
    rounded = np.round(decay, 12)
    return np.where(np.abs(decay - rounded) < 4 * math.ulp(1.0), rounded, decay)

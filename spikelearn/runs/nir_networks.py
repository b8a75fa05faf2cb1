"""Networks of runs that are read from NIR files: --net nir:FILE."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from spikelearn.checks import one_of
from spikelearn.export import Imported, read_nir
from spikelearn.files import digest_of
from spikelearn.network import READOUTS, Network

#: What a network's name begins with where it is a file.
WORD = "nir:"

#: Settings that say how a network is made of a string, which a file says itself.
OF_A_STRING = ("neuron", "neuron_option", "output", "output_option", "bias", "delay", "batch_norm", "output_norm",
               "weight_standardisation", "input_norm", "spectral_feedback", "init", "init_option")  # fmt: skip

#: Digits of a checksum that tell a file from every other.
DIGITS = 16


class NirNet(NamedTuple):
    """A file as the network of a run: ``nir:FILE[,mend=NAME+NAME][,dt=SECONDS][,sha256=DIGITS]``."""

    path: Path
    mend: tuple[str, ...] = ()
    dt: float | None = None
    sha256: str | None = None

    def __str__(self) -> str:
        options = [f"mend={'+'.join(self.mend)}"] if self.mend else []
        options += [] if self.dt is None else [f"dt={self.dt!r}"]
        options += [] if self.sha256 is None else [f"sha256={self.sha256}"]
        return WORD + ",".join([str(self.path), *options])


def is_nir(net: object) -> bool:
    """Tell whether a network's name is that of a file."""
    return isinstance(net, str) and net.startswith(WORD)


def nir_net(net: str) -> NirNet:
    """The parts of a file's name.

    Raises:
        ValueError: an option that there is none of, a time step that is no number, no path.
    """
    path, values = net.removeprefix(WORD), dict[str, str]()
    while "," in path:
        head, _, last = path.rpartition(",")
        key, equals, value = last.partition("=")
        if not equals:
            break
        if key not in ("mend", "dt", "sha256"):
            raise ValueError(f"network {net!r} has the option {key!r}, expected {one_of(key, ['mend', 'dt'])}")
        path, values[key] = head, value
    if not path:
        raise ValueError(f"network {net!r} names no file, expected nir:FILE")
    try:
        dt = float(values["dt"]) if "dt" in values else None
    except ValueError as error:
        raise ValueError(f"network {net!r} has dt {values['dt']!r}, expected seconds") from error
    mend = tuple(name for name in values.get("mend", "").split("+") if name)
    return NirNet(Path(path), mend, dt, values.get("sha256"))


def settled(net: str) -> str:
    """The name of a file with its whole path and checksum, which mean the same from everywhere; of a string, itself.

    Raises:
        ValueError: no such file; one that has changed since the checksum was taken.
    """
    if not is_nir(net):
        return net
    named = nir_net(net)
    path = named.path.expanduser().resolve()
    found = digest_of(path)
    if found is None:
        raise ValueError(f"{path} does not exist: name a NIR file")
    if named.sha256 is not None and not found.startswith(named.sha256):
        raise ValueError(f"{path} has changed since the network was read from it: restore it, or begin anew")
    return str(named._replace(path=path, sha256=found[:DIGITS]))


def said_of_a_string(net: str, settings: Any) -> list[str]:
    """The settings of ``OF_A_STRING`` that are not at their defaults, beside a file, which says all that itself."""
    fields = type(settings).model_fields if is_nir(net) else {}
    return [name for name in OF_A_STRING if name in fields and getattr(settings, name) != fields[name].default]


def read_net(net: str) -> Imported:
    """The network of a file, as ``read_nir`` reads it; errors as of that."""
    named = nir_net(net)
    return read_nir(named.path, dt=named.dt, mend=named.mend)


def network_from(net: str, input_shape: Sequence[int] | None, readout: str | None) -> Network:
    """The network of a file for samples of a shape, with a readout of that name.

    Raises:
        ValueError: as ``read_nir``; samples of another shape; a readout that needs a number of classes.
    """
    read = read_net(net)
    network, shape = read.network, read.input_shape
    if input_shape is not None:
        fits = math.prod(input_shape) == shape[0] if len(shape) == 1 else tuple(input_shape) == shape
        if not fits:
            raise ValueError(f"network {net!r} takes {list(shape)}, the data have {list(input_shape)}")
        network.input_shape = tuple(input_shape)
    if readout is not None:
        kind: Any = READOUTS.get(readout)
        if kind.takes_last_number:
            raise ValueError(
                f"readout {readout!r} has weights of its own for each class, of which a NIR file says nothing: choose "
                "another, or train the network without it"
            )
        shapes = network.shapes(torch.zeros(1, *(input_shape or shape)))
        units = sum(math.prod(shapes[name]) for name in network.outputs)
        network.readout = kind.behind(network.blocks[network.outputs[-1]].neuron, units, units)
    return network

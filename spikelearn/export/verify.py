"""Proof that other simulators fire the same spikes: their import of a written file, run on the same input."""

import contextlib
import io
import logging
import subprocess
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikelearn.checks import check_choice
from spikelearn.export import nir_programs
from spikelearn.export.nir_file import read_tree
from spikelearn.export.nir_nodes import nodes_of
from spikelearn.export.nir_programs import PROGRAMS, NotRun
from spikelearn.network import Network, evaluating
from spikelearn.synapses import as_float

#: Readers that ``verify_nir`` runs where none are named.
USUAL = ("snntorch", "norse")

#: Readers of NIR that nothing here runs.
NOT_RUN = ("sinabs", "rockpool", "spyx")

#: How the package of a reader is installed.
INSTALL = {
    "snntorch": "pip install 'spikelearn[peers]'",
    "norse": "pip install 'spikelearn[peers]'",
    "spikingjelly": "pip install --no-deps spikingjelly && pip install loguru",
    "jaxpike": "pip install jaxpike",
    "sparx": "pip install sparxml, into Python 3.12 or later, and name that one (verify --python sparx=PYTHON)",
    "snn-mlir": "pip install snn-mlir",
}

#: Seconds after which a reader in another Python is given up.
PATIENCE = 600.0


class Verdict(NamedTuple):
    """The result of one simulator: output entries compared, how many differ, why none were compared, and where the
    first that differs is: (step, sample, neuron)."""

    entries: int
    differing: int | None
    reason: str | None
    first: tuple[int, int, int] | None = None

    @property
    def agrees(self) -> bool:
        """True if everything was compared and nothing differs."""
        return self.differing == 0

    @property
    def words(self) -> str:
        """The verdict as a sentence."""
        if self.reason is not None:
            return self.reason
        found = f"{self.differing} of {self.entries} output entries differ"
        if self.first is None:
            return found
        step, sample, neuron = self.first
        return f"{found}, the first at step {step} in neuron {neuron} of sample {sample}"


class Verification(NamedTuple):
    """Verdicts by simulator, output spikes of the reference, how close any potential came to its threshold, and other
    readers of NIR, which are not run."""

    peers: dict[str, Verdict]
    spikes: int
    margin: float
    not_tried: tuple[str, ...]


@torch.no_grad()
def verify_nir(
    network: Network,
    path: Path,
    inputs: Tensor,
    *,
    against: Sequence[str] = USUAL,
    pythons: Mapping[str, str] | None = None,
) -> Verification:
    """Run the network, and the imports of ``path`` by other simulators, on ``inputs`` and count differing entries.

    They run in float32, whatever the network's type.

    Args:
        network: what was exported.
        path: the NIR file.
        inputs: [T, B, ...], as the network takes them.
        against: readers, of ``PROGRAMS``.
        pythons: {reader: the Python of an environment in which it is installed}; the others run here.

    Shapes: an entry is one output neuron at one step for one sample.

    Raises:
        ValueError: the file cannot be read; an unknown reader.
    """
    shape = _input_shape(path)
    with evaluating(network):
        reference, margin = recorded_spikes(network, inputs)
    shaped = as_float(inputs, network).reshape(*inputs.shape[:2], *shape).float()
    if not network.blocks[network.outputs[0]].neuron.fires:
        reason = "the last block does not fire, so there are no output spikes to compare"
        peers = {name: Verdict(0, None, reason) for name in against}
    else:
        peers = compare_readers(path, shaped, reference, against, pythons or {})
    others = tuple(name for name in (*PROGRAMS, *NOT_RUN) if name not in against)
    return Verification(peers, int(reference.sum()), margin, others)


def compare_readers(
    path: Path, inputs: Tensor, reference: Tensor, against: Sequence[str], pythons: Mapping[str, str]
) -> dict[str, Verdict]:
    """Verdicts on readers that are run on ``inputs`` [T, B, ...], against spikes [T, B, ...].

    Raises:
        ValueError: an unknown reader.
    """
    for name in (*against, *pythons):
        check_choice("reader", name, PROGRAMS)
    if not reference.any():
        reason = "no output neuron fired on these inputs, so nothing would be proved"
        return {name: Verdict(0, None, reason) for name in against}
    return {name: _compare(name, path, inputs, reference, pythons.get(name)) for name in against}


def compared(theirs: Tensor, ours: Tensor, whose: str = "its") -> Verdict:
    """The verdict on spikes [T, B, n] beside those of the reference."""
    if theirs.shape != ours.shape:
        return Verdict(0, None, f"{whose} output has shape {list(theirs.shape)}, expected {list(ours.shape)}")
    other = (theirs != ours).nonzero()
    first = (int(other[0, 0]), int(other[0, 1]), int(other[0, 2])) if len(other) else None
    return Verdict(ours.numel(), len(other), None, first)


def installed(pythons: Mapping[str, str]) -> list[str]:
    """The readers that can be run: those that are installed here, and those of ``pythons``."""
    packages = {"snn-mlir": "snn_mlir"}
    return [name for name in PROGRAMS if name in pythons or find_spec(packages.get(name, name)) is not None]


def recorded_spikes(network: Network, inputs: Tensor) -> tuple[Tensor, float]:
    """Output spikes [T, B, ...] step by step, as the peers run, and the least distance of a potential to threshold."""
    outputs, state, margin = [], None, float("inf")
    for now in inputs.unbind(0):
        record, state = network.step(now, state)
        outputs.append(record.output.spikes)
        for name, seen in record.items():
            if network.blocks[name].neuron.fires:
                margin = min(margin, float((seen.v - network.blocks[name].neuron.v_threshold).abs().min()))
    return torch.stack(outputs), margin


def _input_shape(path: Path) -> tuple[int, ...]:
    nodes = nodes_of(read_tree(path))
    return tuple(int(edge) for edge in np.asarray(nodes.nodes[nodes.of("Input")[0]]["shape"]).reshape(-1))


def _compare(name: str, path: Path, inputs: Tensor, reference: Tensor, python: str | None) -> Verdict:
    try:
        theirs = _here(name, path, inputs) if python is None else _there(name, path, inputs, python)
    except ImportError as error:
        return Verdict(0, None, f"{error.name} is not installed: {INSTALL[name]}")
    except NotRun as error:
        return Verdict(0, None, str(error))
    except Exception as error:  # a peer's importer may fail in any way; the reason is the result
        words = str(error).splitlines()
        return Verdict(0, None, f"its import failed: {type(error).__name__}: {words[0] if words else ''}")
    return compared(theirs.reshape(*theirs.shape[:2], -1), reference.flatten(2).float())


def _here(name: str, path: Path, inputs: Tensor) -> Tensor:
    with _quiet():
        return torch.from_numpy(np.asarray(PROGRAMS[name](str(path), inputs.numpy()), np.float32))


def _there(name: str, path: Path, inputs: Tensor, python: str) -> Tensor:
    """The same in a process of another Python."""
    with tempfile.TemporaryDirectory() as folder:
        given, taken = Path(folder) / "inputs.npy", Path(folder) / "outputs.npy"
        np.save(given, inputs.numpy())
        command = [python, "-I", nir_programs.__file__, name, str(Path(path).resolve()), str(given), str(taken)]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False, text=True
            )
        except OSError as error:
            raise NotRun(f"{python} cannot be started ({error.strerror}): name a Python") from error
        except subprocess.TimeoutExpired as error:
            raise NotRun(f"it did not end in {PATIENCE:.0f} s") from error
        if done.returncode or not taken.is_file():
            words = done.stderr.strip().splitlines()
            raise NotRun(words[-1] if words else f"it ended with {done.returncode}")
        return torch.from_numpy(np.load(taken))


@contextlib.contextmanager
def _quiet() -> Any:
    """Peers print and warn while they import; what matters comes back as the verdict."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)

"""Proof that other simulators fire the same spikes: their import of a written file, run on the same input."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nir
import torch
from torch import Tensor

from spikelearn.export.nir_neurons import FILE_DT
from spikelearn.network import Network, evaluating
from spikelearn.synapses import as_float


class Verdict(NamedTuple):
    """The result of one simulator: output entries compared, how many differ, and why none were compared."""

    entries: int
    differing: int | None
    reason: str | None

    @property
    def agrees(self) -> bool:
        """True if everything was compared and nothing differs."""
        return self.differing == 0


class Verification(NamedTuple):
    """Verdicts by simulator, output spikes of the reference, how close any potential came to its threshold, and other
    readers of NIR, which are not run."""

    peers: dict[str, Verdict]
    spikes: int
    margin: float
    not_tried: tuple[str, ...]


@torch.no_grad()
def verify_nir(network: Network, path: Path, inputs: Tensor) -> Verification:
    """Run the network, and the imports of ``path`` by snnTorch and Norse, on ``inputs`` and count differing entries.

    They run in float32, whatever the network's type.

    Args:
        network: what was exported.
        path: the NIR file.
        inputs: [T, B, ...], as the network takes them.

    Shapes: an entry is one output neuron at one step for one sample.

    Raises:
        ValueError: the file cannot be read.
    """
    try:
        graph = nir.read(path)
    except Exception as error:  # HDF5 and NIR raise errors of many kinds
        raise ValueError(f"{path} cannot be read as NIR ({error}): export it again") from error
    with evaluating(network):
        reference, margin = _stepped(network, inputs)
    shape = next(node for name, node in sorted(graph.nodes.items()) if isinstance(node, nir.Input)).input_type["input"]
    shaped = as_float(inputs, network).reshape(*inputs.shape[:2], *(int(edge) for edge in shape))
    fires = network.blocks[network.outputs[0]].neuron.fires
    peers = {}
    for name, run in PEERS.items():
        if not fires:
            peers[name] = Verdict(0, None, "the last block does not fire, so there are no output spikes to compare")
        elif not reference.any():
            peers[name] = Verdict(0, None, "no output neuron fired on these inputs, so nothing would be proved")
        else:
            peers[name] = _compare(run, path, shaped, reference)
    return Verification(peers, int(reference.sum()), margin, NOT_TRIED)


def _stepped(network: Network, inputs: Tensor) -> tuple[Tensor, float]:
    """Output spikes [T, B, ...] step by step, as the peers run, and the least distance of a potential to threshold."""
    outputs, state, margin = [], None, float("inf")
    for now in inputs.unbind(0):
        record, state = network.step(now, state)
        outputs.append(record.output.spikes)
        for name, seen in record.items():
            if network.blocks[name].neuron.fires:
                margin = min(margin, float((seen.v - network.blocks[name].neuron.v_threshold).abs().min()))
    return torch.stack(outputs), margin


def _compare(run: Callable[[nir.NIRGraph, Tensor], Tensor], path: Path, inputs: Tensor, reference: Tensor) -> Verdict:
    try:
        with _quiet():
            theirs = run(nir.read(path), inputs)
    except ImportError as error:
        return Verdict(0, None, f"{error.name} is not installed: pip install 'spikelearn[peers]'")
    except Exception as error:  # a peer's importer may fail in any way; the reason is the result
        return Verdict(
            0, None, f"its import failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        )
    theirs = theirs.reshape(*inputs.shape[:2], -1)
    ours = reference.flatten(2)
    if theirs.shape != ours.shape:
        return Verdict(0, None, f"its output has shape {list(theirs.shape)}, expected {list(ours.shape)}")
    return Verdict(ours.numel(), int((theirs != ours).sum()), None)


def _run_snntorch(graph: nir.NIRGraph, inputs: Tensor) -> Tensor:
    from snntorch import import_nir, utils

    module: Any = import_nir.import_from_nir(graph)
    utils.reset(module)
    return _step_through(module, inputs)


def _run_norse(graph: nir.NIRGraph, inputs: Tensor) -> Tensor:
    import norse.torch

    return _step_through(norse.torch.from_nir(graph, dt=FILE_DT), inputs)


def _step_through(module: Any, inputs: Tensor) -> Tensor:
    # Neurons of snnTorch fire in float32, whatever comes in.
    module = module.float()
    outputs, state = [], None
    for now in inputs.float().unbind(0):
        out, state = module(now, state) if state is not None else module(now)
        outputs.append(out)
    return torch.stack(outputs)


#: Readers of NIR that nothing here runs.
NOT_TRIED = ("spikingjelly", "sinabs", "rockpool", "spyx", "sparx", "jaxpike", "snn-mlir")

PEERS: dict[str, Callable[[nir.NIRGraph, Tensor], Tensor]] = {"snntorch": _run_snntorch, "norse": _run_norse}


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

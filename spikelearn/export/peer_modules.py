"""Modules of other libraries as networks, and networks as modules of theirs: through NIR, by their own converters."""

import importlib
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import nir
import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.export.nir import to_graph
from spikelearn.export.nir_import import Imported, network_of
from spikelearn.export.nir_neurons import FILE_DT
from spikelearn.export.nir_readers import check_reader
from spikelearn.network import Network


def from_snntorch(module: nn.Module, sample: Tensor) -> Imported:
    """The network of a module of snnTorch, by its own export.

    Its neurons are ``Leaky``, ``Synaptic``, ``RLeaky`` or ``RSynaptic``. Constants that neurons share are given to each
    of them on a copy, since its export takes one a neuron.
    A soft reset ("subtract", which is snnTorch's default) becomes reset="subtract", one for all neurons; with its
    ``reset_delay`` snnTorch subtracts one step later, which this network does not.

    Args:
        module: in a ``Sequential``, or with a forward of its own, as ``snntorch.export_nir`` takes it.
        sample: one input, [1, ...].

    Raises:
        ValueError: snnTorch is missing; what its export, or this package, cannot say; resets of several kinds.
    """
    its = _library("snntorch.export_nir", "snntorch")
    resets = {str(m.reset_mechanism) for m in module.modules() if hasattr(m, "reset_mechanism")}
    if len(resets) > 1 or not resets <= {"zero", "subtract"}:
        raise ValueError(f"neurons have the resets {sorted(resets)}, expected zero or subtract, one for all")
    whole = _each_its_own(module, sample)
    graph = _exported("snnTorch", lambda: its.export_to_nir(whole, sample, ignore_dims=[0]))
    imported = network_of(graph.to_dict(), dt=FILE_DT, mend=["subtract"] if resets == {"subtract"} else [])
    synaptic = any(type(m).__name__ in ("Synaptic", "RSynaptic") for m in module.modules())
    delayed = (resets == {"subtract"} or synaptic) and any(getattr(m, "reset_delay", False) for m in module.modules())
    words = "snnTorch resets one step later (reset_delay=True), this network at once: spikes may differ"
    return imported._replace(notes=(*imported.notes, words)) if delayed else imported


@torch.no_grad()
def _each_its_own(module: nn.Module, sample: Tensor) -> nn.Module:
    """A copy of a module of snnTorch in which no constant is one number for a layer of neurons."""
    copied = deepcopy(module)
    neurons = [m for m in copied.modules() if hasattr(m, "reset_mechanism")]
    shapes: dict[nn.Module, Any] = {}

    def note(neuron: nn.Module, _: Any, sent: Any) -> None:
        shapes[neuron] = (sent[0] if isinstance(sent, tuple) else sent).shape[1:]

    hooks = [neuron.register_forward_hook(note) for neuron in neurons]
    _exported("snnTorch", lambda: copied(sample))
    for hook in hooks:
        hook.remove()
    for neuron, shape in shapes.items():
        for name in ("alpha", "beta", "threshold"):
            value = getattr(neuron, name, None)
            if isinstance(value, Tensor) and value.numel() == 1 and len(shape) == 1:
                value.data = value.detach().reshape(1).expand(shape).clone()
    _library("snntorch.utils", "snntorch").reset(copied)  # what a forward pass leaves is no part of the module
    return copied


def from_norse(module: nn.Module, sample: Tensor, dt: float = 1e-3) -> Imported:
    """The network of a module of Norse, by its own export, whose time constants are mended.

    Args:
        module: a ``SequentialState`` of layers and ``LIFBoxCell``, ``LIBoxCell``, or others that Norse exports.
        sample: one input, [1, ...].
        dt: the time step of its neurons, seconds.

    Raises:
        ValueError: Norse is missing; what its export, or this package, cannot say.
    """
    its = _library("norse.torch", "norse")
    # With a step of 1 s its export multiplies time constants by 1, which is what NIR means.
    graph = _exported("Norse", lambda: its.to_nir(module, sample, dt=1.0))
    return network_of(graph.to_dict(), dt=dt, mend=["batch-axis", *(["unit-gain"] if _has_if(graph) else [])])


def from_spikingjelly(module: nn.Module, sample: Tensor) -> Imported:
    """The network of a module of SpikingJelly, by its own export.

    Its neurons fire at equality, and so do those of the network.

    Args:
        module: a ``Sequential`` of layers, ``IFNode`` and ``LIFNode`` with a hard reset.
        sample: one input, [1, ...].

    Raises:
        ValueError: SpikingJelly is missing; what its export, or this package, cannot say.
    """
    its = _library("spikingjelly.activation_based.nir_exchange", "spikingjelly")
    graph = _exported("SpikingJelly", lambda: its.export_to_nir(module, sample, dt=FILE_DT))
    imported = network_of(graph.to_dict(), dt=FILE_DT)
    for block in imported.network.blocks.values():
        block.neuron.inclusive = block.neuron.fires
    return imported


def to_snntorch(network: Network, input_shape: Sequence[int]) -> nn.Module:
    """A module of snnTorch that fires what ``network`` fires; ``module(x, state)`` gives (spikes, state) of a step.

    Args:
        network: what snnTorch can say; see ``READERS``.
        input_shape: of one input, without batch and time.

    Raises:
        ValueError: snnTorch is missing; what it does not read of the network, by name.
    """
    its = _library("snntorch.import_nir", "snntorch")
    module: nn.Module = its.import_from_nir(_graph(network, input_shape, "snntorch"))
    return module


def to_norse(network: Network, input_shape: Sequence[int]) -> nn.Module:
    """A module of Norse that fires what ``network`` fires; arguments and errors as of ``to_snntorch``."""
    its = _library("norse.torch", "norse")
    module: nn.Module = its.from_nir(_graph(network, input_shape, "norse"), dt=FILE_DT)
    return module


def _graph(network: Network, input_shape: Sequence[int], reader: str) -> nir.NIRGraph:
    graph, _ = to_graph(network, input_shape, {})
    check_reader(reader, graph)
    return graph


def _library(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(f"{package} is not installed ({error.name} is missing): pip install {package}") from error


def _exported(whose: str, export: Any) -> nir.NIRGraph:
    try:
        return export()
    except Exception as error:  # exporters of others fail in many ways; the reason is the message
        words = str(error).splitlines()
        raise ValueError(
            f"the export of {whose} failed: {type(error).__name__}: {words[0] if words else ''}"
        ) from error


def _has_if(graph: nir.NIRGraph) -> bool:
    return any(isinstance(node, nir.IF) and np.all(np.asarray(node.r) == 1) for node in graph.nodes.values())

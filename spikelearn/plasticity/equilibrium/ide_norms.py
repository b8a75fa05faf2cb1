"""The input that stands for a whole presentation, and how batch norm sees it while IDE simulates."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from spikelearn.network import Network, copied_buffers
from spikelearn.neurons import MembraneNeuron
from spikelearn.neurons.parts.constants import one_number
from spikelearn.synapses import as_float, float_type
from spikelearn.traces import weighted_rate

Tensors = Mapping[str, Tensor]

#: Added to the variance of event input, as the authors' program does in place of the batch norm's eps.
EVENT_EPS = 1e-8


def mean_input(network: Network, inputs: Tensor) -> Tensor:
    """The input that stands for all steps [B, ...]: the image itself, or recordings' mean with the neurons' decay."""
    if is_still(inputs):
        return as_float(inputs[0], network)
    dtype = inputs.dtype if inputs.is_floating_point() else float_type(network)
    return weighted_rate(inputs, decay_of(network), dtype=dtype)


def decay_of(network: Network) -> float:
    """The neurons' decay per step, by which rates and recordings are weighted."""
    neuron = next(iter(network.blocks.values())).neuron
    assert isinstance(neuron, MembraneNeuron)
    return one_number(neuron, "decay_mem", "ide")


def is_still(inputs: Tensor) -> bool:
    """Tell whether every step of [T, B, ...] is the same."""
    return inputs.shape[0] == 1 or inputs.stride(0) == 0 or bool((inputs == inputs[:1]).all())


@contextmanager
def norms_for_simulation(network: Network, inputs: Tensor, masks: Tensors, *, keep: bool) -> Iterator[None]:
    """Have the first synapse normalise by the batch statistics of one image, or of the mean of a recording.

    What that writes to running statistics is forgotten unless ``keep``.
    """
    first = next(iter(network.blocks.values())).synapse
    norms = [m for m in first.modules() if isinstance(m, _BatchNorm) and m.training]
    if keep or not norms:
        yield
        return
    with copied_buffers(first):
        if not is_still(inputs):
            x = mean_input(network, inputs)
            x = x * masks["inputs"] if "inputs" in masks else x
            for norm in norms:
                _freeze_at_mean(first, norm, x)
        try:
            yield
        finally:
            for norm in norms:
                norm.training = True


def _freeze_at_mean(synapse: nn.Module, norm: _BatchNorm, x: Tensor) -> None:
    """Let ``norm`` use the statistics of what arrives at it for the mean input ``x``, with the program's own eps."""
    arrived: list[Tensor] = []
    handle = norm.register_forward_pre_hook(lambda _, given: arrived.append(given[0]))
    try:
        with copied_buffers(synapse):
            synapse(x)
    finally:
        handle.remove()
    channels = arrived[0].transpose(0, 1).flatten(1)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(channels.mean(1))
    norm.running_var.copy_(channels.var(1) + (EVENT_EPS - norm.eps))
    norm.training = False

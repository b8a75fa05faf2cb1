"""Exponential integrate-and-fire neuron."""

from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.neurons.base import NEURONS
from spikelearn.neurons.parts.exponential import ExponentialNeuron


class EIFState(NamedTuple):
    """v: membrane potential after reset; rest: steps for which it is still held; both [B, ...]."""

    v: Tensor
    rest: Tensor


@NEURONS.register("eif")
class EIF(ExponentialNeuron):
    r"""Exponential integrate-and-fire neuron: a leaky membrane whose spike begins as an exponential rise.

    $$\tau_{mem}\,\dot v = -(v - v_{leak}) + \Delta\,e^{(v - v_{rheobase})/\Delta} + r\,I$$

    up to $v \geq v_{threshold}$, then $v \leftarrow v_{reset}$, where it stays for ``refractory_time``. It starts at
    v_leak. By default potentials are in units of v_rheobase less v_leak, and a unit of current raises v by 2 in a step.
    It has no rate map.

    Args:
        tau_mem, sharpness, v_rheobase, v_leak, v_threshold, v_reset: as ``ExponentialNeuron`` says; times in seconds.
        options: those of ``DifferentialNeuron``.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: as ``ExponentialNeuron`` and ``DifferentialNeuron``.

    Source: Fourcaud-Trocme, Hansel, van Vreeswijk & Brunel, Journal of Neuroscience 23, 2003; Gerstner et al., Neuronal
    Dynamics, 2014, section 5.2.
    """

    def initial_state(self, current: Tensor) -> EIFState:
        v = self.started(current, self.v_leak)
        return EIFState(v, torch.zeros_like(v))

    def slopes(self, drive: Tensor, *variables: Tensor) -> tuple[Tensor, ...]:
        (v,) = variables
        return (self.membrane_slope(drive, v),)

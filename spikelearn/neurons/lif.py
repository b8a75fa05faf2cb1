"""Leaky integrate-and-fire neuron."""

from spikelearn.neurons.base import NEURONS
from spikelearn.neurons.parts.membrane import LeakyNeuron


@NEURONS.register("lif")
class LIF(LeakyNeuron):
    r"""Leaky integrate-and-fire neuron.

    $$\tau_{mem}\,\dot v = (v_{leak} - v) + r\,I, \qquad z = \Theta(v - v_{threshold})$$

    then $v \leftarrow v_{reset}$ where z = 1 ("to_value") or $v \leftarrow v - z\,v_{threshold}$ ("subtract").

    With I constant during a step, $v[t] = \lambda\,v[t-1] + (1-\lambda)(v_{leak} + r\,I[t])$, then spike, then
    reset; $\lambda = e^{-dt/\tau_{mem}}$ ("exact") or $1 - dt/\tau_{mem}$ ("euler"). It starts at v_leak.

    Args:
        tau_mem, v_leak, discretisation: time constant in seconds, and what ``LeakyNeuron`` says of them.
        v_threshold, v_reset, r, reset, dt, inclusive: as ``MembraneNeuron`` says.

    Shapes: current [B, ...] per step; state ``v``, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive; tau_mem < dt with "euler"; threshold not above rest; state and current
            differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3; NIR node ``LIF``.
    """

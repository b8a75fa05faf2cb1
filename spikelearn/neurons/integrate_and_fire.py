"""Integrate-and-fire neuron without leak."""

from spikelearn.neurons.base import NEURONS
from spikelearn.neurons.parts.membrane import MembraneNeuron


@NEURONS.register("if")
class IF(MembraneNeuron):
    r"""Integrate-and-fire neuron: a LIF that never forgets.

    $$v[t] = v[t-1] + r\,I[t], \qquad z = \Theta(v - v_{threshold})$$

    then $v \leftarrow v_{reset}$ where z = 1 ("to_value") or $v \leftarrow v - z\,v_{threshold}$ ("subtract").
    The current is taken per step (charge), as papers do: no factor dt, which is kept for traces and export. It starts
    at 0, with a lower bound nowhere. Its options are those of ``MembraneNeuron``, potentials in units of the usual
    threshold.

    Shapes: current [B, ...] per step; state ``v``, spikes and v have the shape of the current.

    Raises:
        ValueError: ``r`` or ``dt`` not positive; threshold not above rest; state and current differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3 without leak; NIR node ``IF``.
    """

"""The eligibility of a leaky membrane: a trace of what met the weights, times the derivative of the spike."""

from collections.abc import Collection

import torch
from torch import Tensor

from spikelearn.neurons import IF, LIF, AdaptiveLIF, Adjoint, LeakyIntegrator, Neuron, RefractoryALIF
from spikelearn.neurons.parts.constants import one_number
from spikelearn.plasticity.three_factor.engine.slopes import Slopes
from spikelearn.plasticity.three_factor.traces.base import TRACES
from spikelearn.plasticity.three_factor.traces.carrier import Carrier, Eligibility, FactoredEligibility
from spikelearn.plasticity.three_factor.traces.closed import ClosedForm, misfit_of_constants, misfit_of_membrane

ADAPTIVE = (AdaptiveLIF, RefractoryALIF)


class LIFCarrier(Carrier):
    r"""One trace for each input, $\bar x[t] = \lambda\,\bar x[t-1] + x[t]$, and the derivative $\psi\,g$ of the spike.

    $\lambda$ and g are ``decay_mem`` and ``gain_mem`` of the neuron.
    """

    per_input = 1
    trace: Tensor | None = None

    def step(self, slopes: Slopes, pre: Tensor, of: Collection[str]) -> dict[str, Eligibility]:
        x = self.fan_in.arriving(pre)
        decay = one_number(self.neuron, "decay_mem", "the trace 'lif'")
        self.trace = x if self.trace is None else decay * self.trace + x
        slope_of = {result: self.slope(slopes, result) for result in of}
        return {
            result: FactoredEligibility(slope, self.trace) for result, slope in slope_of.items() if slope is not None
        }


@TRACES.register("lif")
class LIFTrace(ClosedForm):
    r"""The eligibility of leaky integrate-and-fire neurons, a product of a factor before and one behind the synapse.

    $$e_{ji}[t] = \psi_j[t]\,g\,\bar x_i[t], \qquad \bar x_i[t] = \lambda\,\bar x_i[t-1] + x_i[t]$$

    $\lambda$ is the membrane's decay, g its input gain. It is exact for a reset that subtracts and is not
    differentiated, and takes one number for each input, whatever the number of neurons.

    Shapes: x [T, B, in...], spikes per step.

    Raises:
        ValueError: neurons other than LIF, IF, leaky integrators, or adaptive ones with beta 0; a reset to a value, or
            one that is differentiated; a decay for each neuron.

    Source: Bellec et al., Nature Communications 11, 2020.
    """

    def carried_by(self, adjoint: Adjoint, neuron: Neuron) -> tuple[str, type[Carrier]]:
        return "lif", LIFCarrier

    def misfit(self, adjoint: Adjoint, neuron: Neuron) -> str:
        misfit = misfit_of_membrane(adjoint, neuron, (LIF, IF, LeakyIntegrator, *ADAPTIVE))
        misfit = misfit or misfit_of_constants(neuron, "decay_mem")
        if not misfit and isinstance(neuron, ADAPTIVE) and bool(torch.as_tensor(neuron.beta).any()):
            return "has a threshold that rises"
        return misfit

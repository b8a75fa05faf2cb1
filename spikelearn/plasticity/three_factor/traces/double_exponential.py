"""The eligibility of a leaky membrane behind a synaptic current."""

from collections.abc import Collection

from torch import Tensor

from spikelearn.neurons import Adjoint, CubaLIF, Neuron, SpikeResponse
from spikelearn.neurons.parts.constants import one_number
from spikelearn.plasticity.three_factor.engine.slopes import Slopes
from spikelearn.plasticity.three_factor.traces.base import TRACES
from spikelearn.plasticity.three_factor.traces.carrier import Carrier, Eligibility, FactoredEligibility
from spikelearn.plasticity.three_factor.traces.closed import ClosedForm, misfit_of_constants, misfit_of_membrane
from spikelearn.plasticity.three_factor.traces.lif import LIFTrace

#: Neurons of a membrane behind a synaptic current.
FILTERED = (CubaLIF, SpikeResponse)


class DoubleExponentialCarrier(Carrier):
    """Two traces for each input, one of what arrives and one of the first."""

    per_input = 2
    arrived: Tensor | None = None
    trace: Tensor | None = None

    def step(self, slopes: Slopes, pre: Tensor, of: Collection[str]) -> dict[str, Eligibility]:
        x = self.fan_in.arriving(pre)
        synapse, membrane = (
            one_number(self.neuron, name, "the trace 'double-exponential'") for name in ("decay_syn", "decay_mem")
        )
        self.arrived = x if self.arrived is None else synapse * self.arrived + x
        self.trace = self.arrived if self.trace is None else membrane * self.trace + self.arrived
        slope_of = {result: self.slope(slopes, result) for result in of}
        return {
            result: FactoredEligibility(slope, self.trace) for result, slope in slope_of.items() if slope is not None
        }


@TRACES.register("double-exponential")
class DoubleExponentialTrace(ClosedForm):
    r"""The eligibility of neurons with a filtered current (CubaLIF, spike response), by two traces in series.

    $$e_{ji}[t] = \psi_j[t]\,g\,\bar x_i[t], \qquad \bar x_i[t] = \lambda\,\bar x_i[t-1] + \hat x_i[t], \qquad
      \hat x_i[t] = \alpha\,\hat x_i[t-1] + x_i[t]$$

    $\alpha$ and $\lambda$ are the decays of synaptic current and membrane, g is the product of their gains. It takes
    two numbers for each input, whatever the number of neurons. Neurons of ``lif`` keep the trace of that name.

    Shapes: x [T, B, in...], spikes per step.

    Raises:
        ValueError: neurons other than CubaLIF, SpikeResponse and those of ``lif``; a reset to a value, or one that is
            differentiated; a decay for each neuron.

    Source: Zenke & Ganguli, Neural Computation 30, 2018 (SuperSpike), eligibility without its further filter.
    """

    def misfit(self, adjoint: Adjoint, neuron: Neuron) -> str:
        if isinstance(neuron, FILTERED):
            misfit = misfit_of_membrane(adjoint, neuron, FILTERED)
            return misfit or misfit_of_constants(neuron, "decay_mem", "decay_syn")
        return LIFTrace().misfit(adjoint, neuron)

    def carried_by(self, adjoint: Adjoint, neuron: Neuron) -> tuple[str, type[Carrier]]:
        own = isinstance(neuron, FILTERED)
        return ("double-exponential", DoubleExponentialCarrier) if own else LIFTrace().carried_by(adjoint, neuron)

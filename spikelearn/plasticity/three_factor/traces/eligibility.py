"""The neuron's own eligibility: the derivative of its spikes in the weights, through its own time."""

from spikelearn.checks import check_flag
from spikelearn.neurons import Adjoint, Neuron
from spikelearn.plasticity.three_factor.traces.alif import ALIFTrace
from spikelearn.plasticity.three_factor.traces.base import TRACES
from spikelearn.plasticity.three_factor.traces.carrier import Carrier, Derived
from spikelearn.plasticity.three_factor.traces.closed import ClosedForm, ThroughTime
from spikelearn.plasticity.three_factor.traces.double_exponential import DoubleExponentialTrace
from spikelearn.plasticity.three_factor.traces.lif import LIFTrace

#: Closed forms, the smallest first.
CLOSED: tuple[type[ClosedForm], ...] = (LIFTrace, DoubleExponentialTrace, ALIFTrace)


@TRACES.register("eligibility")
class EligibilityTrace(ThroughTime):
    r"""The neuron's own eligibility, of any model: its spikes differentiated in the weights, through its own time.

    $$e_{ji}[t] = \frac{\partial z_j[t]}{\partial h_j[t-1]}\,\epsilon_{ji}[t-1]
      + \frac{\partial z_j[t]}{\partial I_j[t]}\,x_i[t], \qquad
      \epsilon_{ji}[t] = \frac{\partial h_j[t]}{\partial h_j[t-1]}\,\epsilon_{ji}[t-1]
      + \frac{\partial h_j[t]}{\partial I_j[t]}\,x_i[t]$$

    h is all that the neuron's state holds. With the signal ``spatial`` it is backpropagation through time. Of a
    sequence autograd forms it; step by step its factors are derived from the neuron's ``step``, so that a model of
    one's own needs nothing else. It then keeps, for each sample, a number for every weight and every field of the state
    that weights reach. The closed forms ``lif``, ``double-exponential`` and ``alif`` give the same numbers; they stand
    in where the neuron is theirs, and keep less.

    With ``own_loop`` a spike that reaches its own neuron a step later, by a dense feedback edge from the block to
    itself, is followed too: $\epsilon_{ji}$ gets $\partial h_j/\partial I_j\, H_{jj}\, e_{ji}[t-1]$.

    Args:
        closed: whether closed forms stand in, dimensionless.
        own_loop: whether the way of a neuron to itself is followed, step by step alone.

    Shapes: x [T, B, in...], spikes per step.

    Raises:
        ValueError: step by step, neurons that meet within a step, such as a softmax.

    Source: Bellec et al., Nature Communications 11, 2020 (eligibility traces of e-prop).
    """

    def __init__(self, closed: bool = True, own_loop: bool = False) -> None:
        check_flag("closed", closed)
        check_flag("own_loop", own_loop)
        self.closed, self.own_loop = closed, own_loop

    def carried_by(self, adjoint: Adjoint, neuron: Neuron) -> tuple[str, type[Carrier]]:
        for kind in CLOSED if self.closed else ():
            if not (own := kind()).misfit(adjoint, neuron):
                return own.carried_by(adjoint, neuron)
        return "derived", Derived

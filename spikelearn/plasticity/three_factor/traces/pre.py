"""An exponential trace of what met the weights."""

from torch import Tensor

from spikelearn.checks import check_flag, check_fraction
from spikelearn.neurons.parts.constants import one_number
from spikelearn.plasticity.requires import HasDecay, Need, OneNumber, PlainSynapses
from spikelearn.plasticity.three_factor.traces.base import TRACES, Behind, Edge, Trace
from spikelearn.synapses import as_float, correlate
from spikelearn.traces import reverse_trace


@TRACES.register("pre")
class PreTrace(Trace):
    r"""Exponential trace of what met the weights, $\mathrm{tr}[t] = \lambda\,\mathrm{tr}[t-1] + s[t]$.

    Of a sequence the filter stands on the error instead, reversed in time, so that spikes meet the weights once. A bias
    has the factor 1, without a trace.

    Args:
        decay: $\lambda$ per step, in [0, 1]; None: the decay of the membrane that the synapse drives.
        inputs: whether the inputs of the network have a trace too; False: they count at their own step, as fits inputs
            that are constant in time.

    Shapes: s [T, B, in...], dimensionless.

    Raises:
        ValueError: ``decay`` out of range; None with neurons that have no membrane decay.

    Source: Xiao, Meng, Zhang, He & Lin, NeurIPS 2022 (OTTT, eq. 5).
    """

    is_factor = True

    def __init__(self, decay: float | None = None, *, inputs: bool = True) -> None:
        if decay is not None:
            check_fraction("decay", decay)
        check_flag("inputs", inputs)
        self.decay, self.inputs = decay, inputs

    @property
    def requires(self) -> tuple[Need, ...]:
        if self.decay is not None:
            return (PlainSynapses(),)
        why = "takes the membrane's decay for its trace, where none is given (trace=pre:decay=0.9)"
        return PlainSynapses(), HasDecay(why), OneNumber("decay_mem")

    def correlate(self, edge: Edge, error: Tensor, behind: Behind | None = None) -> dict[str, Tensor]:
        factor = self._factor(edge, error, behind)
        changes = correlate(edge.synapse, edge.pre, factor)
        if factor is not error and any(map(is_bias, changes)):
            plain = correlate(edge.synapse, edge.pre[:1], error.sum(0, keepdim=True))
            changes |= {name: plain[name] for name in filter(is_bias, changes)}
        return changes

    def follow(self, edge: Edge, before: Tensor | None) -> Tensor:
        now = as_float(edge.pre, edge.synapse)
        return now if before is None else self.decay_of(edge) * before + now

    def _factor(self, edge: Edge, error: Tensor, behind: Behind | None) -> Tensor:
        """The factor that meets a sequence's raw spikes at the weights, [T, B, out...]."""
        decay = self.decay_of(edge)
        return reverse_trace(error, decay) if decay else error

    def decay_of(self, edge: Edge) -> float:
        """The decay of what meets the weights of an edge, per step."""
        if edge.fed_by_inputs and not self.inputs:
            return 0.0
        return one_number(edge.neuron, "decay_mem", f"the trace {self.name!r}") if self.decay is None else self.decay


def is_bias(name: str) -> bool:
    """Tell whether a parameter of a synapse is a bias, which has no trace."""
    return name.rpartition(".")[2] == "bias"

"""Traces of both sides of a synapse: of what met the weights, and of the derivatives of the neurons behind."""

from torch import Tensor

from spikelearn.checks import check_finite, check_fraction
from spikelearn.neurons.parts.constants import one_number
from spikelearn.plasticity.requires import HasDecay, Need, OneNumber, PlainSynapses
from spikelearn.plasticity.three_factor.traces.base import TRACES, Behind, Edge
from spikelearn.plasticity.three_factor.traces.pre import PreTrace, is_bias
from spikelearn.synapses import as_float, correlate
from spikelearn.traces import reverse_trace, trace


@TRACES.register("pre-post")
class PrePostTrace(PreTrace):
    r"""Traces of both sides of a synapse, as in spike-timing-dependent plasticity.

    $$\Delta W \propto -\sum_t m[t] \big(\alpha_{pre}\,\psi[t] \otimes \bar s[t]
      + \alpha_{post}\,\bar\psi[t-1] \otimes s[t]\big), \qquad
      \bar s[t] = \lambda_{pre}\,\bar s[t-1] + s[t], \qquad \bar\psi[t] = \lambda_{post}\,\bar\psi[t-1] + \psi[t]$$

    The first term is causal: spikes meet the derivative $\psi$ of the neuron behind at their step and later ones. The
    second is not: they meet those of the steps before. With $\alpha_{post}$ = 0 it is ``pre``. Neurons that are read
    have the trace of their inputs alone, and a bias has the factor $m\,\psi$. No error goes back along feedback edges
    from one step to the one before.

    Args:
        decay: $\lambda_{pre}$ per step, in [0, 1]; None: the decay of the membrane that the synapse drives.
        decay_post: $\lambda_{post}$ per step, in [0, 1].
        alpha_pre, alpha_post: $\alpha_{pre}$ and $\alpha_{post}$, of either sign, dimensionless.
        decay_read: of the trace in front of neurons that are read, per step, in [0, 1]; None: the decay of their
            membrane.

    Shapes: s [T, B, in...], psi and m [T, B, out...], dimensionless.

    Raises:
        ValueError: a decay out of range; None with neurons that have no membrane decay.

    Source: Apolinario & Roy, Transactions on Machine Learning Research, 2025 (S-TLLR, eq. 10 and 11).
    """

    looks_behind = True
    returns_errors = False

    def __init__(
        self,
        decay: float | None = None,
        decay_post: float = 0.2,
        *,
        alpha_pre: float = 1.0,
        alpha_post: float = -1.0,
        decay_read: float | None = None,
    ) -> None:
        super().__init__(decay)
        check_fraction("decay_post", decay_post)
        if decay_read is not None:
            check_fraction("decay_read", decay_read)
        check_finite("alpha_pre", alpha_pre)
        check_finite("alpha_post", alpha_post)
        self.decay_post, self.decay_read = decay_post, decay_read
        self.alpha_pre, self.alpha_post = alpha_pre, alpha_post

    @property
    def requires(self) -> tuple[Need, ...]:
        if None not in (self.decay, self.decay_read):
            return (PlainSynapses(),)
        why = "takes the membrane's decay for a trace, where none is given (decay and decay_read of trace=pre-post)"
        return PlainSynapses(), HasDecay(why), OneNumber("decay_mem")

    def meet(self, edge: Edge, traced: Tensor, error: Tensor, behind: Behind | None = None) -> dict[str, Tensor]:
        changes = correlate(edge.synapse, traced, error)
        if behind is None:
            return changes
        later = correlate(edge.synapse, as_float(edge.pre, edge.synapse), behind.signal * behind.slopes)
        for name, grad in changes.items():
            if not is_bias(name):
                grad.mul_(self.alpha_pre).add_(later[name], alpha=self.alpha_post)
        return changes

    def follow_slopes(self, slopes: Tensor, before: Tensor | None = None) -> Tensor:
        return trace(slopes, self.decay_post, None if before is None else before[-1])

    def _factor(self, edge: Edge, error: Tensor, behind: Behind | None) -> Tensor:
        if behind is None:
            return super()._factor(edge, error, behind)
        causal = self.alpha_pre * reverse_trace(error, self.decay_of(edge))
        return causal + self.alpha_post * (behind.signal * behind.slopes)

    def decay_of(self, edge: Edge) -> float:
        decay = self.decay_read if edge.read else self.decay
        return one_number(edge.neuron, "decay_mem", f"the trace {self.name!r}") if decay is None else decay

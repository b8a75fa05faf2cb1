"""Weight mirrors: feedback alignment whose weights on the way back learn from noise what the forward ones are."""

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import MirroredFeedback
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("weight-mirror")
class WeightMirror(ThreeFactor):
    r"""Weight mirror: an error goes down block by block through weights that noise teaches what the forward ones are.

    $$\delta_l[t] = B_{l+1}^\top\, e_{l+1}[t], \qquad \Delta W_l \propto -\sum_t e_l[t] \otimes s_{l-1}[t], \qquad
      \Delta B_l \propto \frac{1}{\sigma^2} \big\langle r_l(W_l\,\xi) \otimes \xi \big\rangle - B_l$$

    $s_l$ are spikes; $e_l$ is $\delta_l$ across block l's neurons, through time too, by the adjoint. Beside every
    batch each layer is sent noise $\xi$, and its neurons answer $r_l$: B becomes W, each row times the mean slope of
    its neuron's answer (signal ``mirrored``). No weight is copied. All else is as in ``fa``.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        noise: $\sigma$, in the unit of what a layer gets: spikes per step, which currents of many inputs add up.
        patterns: patterns of noise for each sample of a batch.
        scale: k, factor on B as it is drawn, dimensionless; 0: B begins at 0, and hidden blocks at rest.
        feedback_lr: share of B that a batch replaces.

    Shapes: inputs [T, B, ...], targets [B]; gradients and feedback weights shaped like their parameters.

    Raises:
        ValueError: weights in a module other than a plain Linear or Conv; automatic mixed precision; as ``bptt``.

    Source: Akrout, Wilson, Humphreys, Lillicrap & Tweed, NeurIPS 2019. deviation: mirrors learn beside every batch,
    in the paper in turns with it; on spikes, and more, as the signal ``mirrored``.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        noise: float = 1.0,
        patterns: int = 1,
        scale: float = 1.0,
        feedback_lr: float = 0.05,
    ) -> None:
        signal = MirroredFeedback(loss, noise=noise, patterns=patterns, scale=scale, feedback_lr=feedback_lr)
        super().__init__(signal, EligibilityTrace(), adjoint)

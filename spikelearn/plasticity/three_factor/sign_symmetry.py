"""Sign symmetry: errors go down by the signs of the forward weights."""

from typing import Literal, get_args

from spikelearn.checks import check_choice
from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import LayeredFeedback
from spikelearn.plasticity.three_factor.traces import EligibilityTrace

Sizes = Literal["uniform", "random"]


@RULES.register("sign-symmetry")
class SignSymmetry(ThreeFactor):
    r"""Sign symmetry: an error goes down block by block through weights with the signs of the forward ones.

    $$\delta_l[t] = B_{l+1}^\top\, e_{l+1}[t], \qquad B_l = \overline{|W_l|}\; \mathrm{sign}(W_l), \qquad
      \Delta W_l \propto -\sum_t e_l[t] \otimes s_{l-1}[t]$$

    $s_l$ are spikes; $e_l$ is $\delta_l$ across block l's neurons, through time too, by the adjoint. A synapse on the
    way back needs to know one bit of its forward partner. All else is as in ``fa``.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        sizes: "uniform": all of the layer's mean |W| as it is; "random": drawn once from $U(0, k/\sqrt n)$, n the
            fan-in of W (dimensionless).
        scale: k, factor on drawn sizes, dimensionless; 1: as torch draws weights.
        memory_budget: as in ``bptt``, MiB; None: no bound.

    Shapes: inputs [T, B, ...], targets [B]; gradients and feedback weights shaped like their parameters.

    Raises:
        ValueError: weights in a module other than a plain Linear or Conv; automatic mixed precision; as ``bptt``.

    Source: Liao, Leibo & Poggio, AAAI 2016 (uniform: uSF; random: frSF). deviation: sizes are 1 in uSF, whose steps are
    normalised; the mean keeps errors as large as the weights would, in layers of any width.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        sizes: Sizes = "uniform",
        scale: float = 1.0,
        memory_budget: float | None = None,
    ) -> None:
        check_choice("sizes", sizes, get_args(Sizes))
        signal = LayeredFeedback(loss, kind="sign-uniform" if sizes == "uniform" else "sign-symmetric", scale=scale)
        super().__init__(signal, EligibilityTrace(), adjoint, memory_budget=memory_budget)

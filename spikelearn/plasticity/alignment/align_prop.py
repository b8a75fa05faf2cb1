"""Align-prop: feedback alignment whose weights on the way back are those of the start."""

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import LayeredFeedback
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("align-prop")
class AlignProp(ThreeFactor):
    r"""Align-prop: an error goes down block by block through the weights of the start.

    $$\delta_l[t] = W^{0\,\top}_{l+1}\, e_{l+1}[t], \qquad
      \Delta W_l \propto -\sum_t e_l[t] \otimes s_{l-1}[t]$$

    $s_l$ are spikes; $e_l$ is $\delta_l$ across block l's neurons as they are, through time too, by the adjoint. All
    else is as in ``fa``, of which it is the form ``feedback=frozen``: weights on the way back need to be copied once,
    and never follow. At the start it is ``bptt``. It needs no second run, so it is the form for spikes of
    ``align-ada``, whose derivatives of neurons are those of the start too.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        memory_budget: as in ``bptt``, MiB; None: no bound.

    Shapes: inputs [T, B, ...], targets [B]; gradients and feedback weights shaped like their parameters.

    Raises:
        ValueError: weights in a module other than a plain Linear or Conv; automatic mixed precision; as ``bptt``.

    Source: Boopathy & Fiete, ICML 2022, of rate networks; the spiking form as ``fa``.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        memory_budget: float | None = None,
    ) -> None:
        super().__init__(LayeredFeedback(loss, kind="frozen"), EligibilityTrace(), adjoint, memory_budget=memory_budget)

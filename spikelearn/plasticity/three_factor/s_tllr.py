"""S-TLLR: a temporal local learning rule with traces of both sides of a synapse."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from spikelearn.checks import check_choice, check_count, check_positive
from spikelearn.neurons import Adjoint, Surrogate, Triangle
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyMembrane, Loss
from spikelearn.plasticity.three_factor.rule import Form, ThreeFactor
from spikelearn.plasticity.three_factor.signals import Direct, Signal, Spatial
from spikelearn.plasticity.three_factor.traces import PrePostTrace

Feedback = Literal["spatial", "direct", "direct-sign"]

#: Networks as the paper has them for images: neurons that forget by half, an output without spikes and without memory.
SETTINGS: Mapping[str, Any] = {
    "neuron_option": {"decay": 0.5, "v_threshold": 0.6, "reset": "subtract"},
    "output": "leaky-integrator",
    "output_option": {"decay": 0.0},
}


def signal_of(loss: Loss, feedback: Feedback, scale: float) -> Signal:
    """The signal that a word for ``feedback`` stands for.

    Raises:
        ValueError: another word; a scale that is not positive.
    """
    check_choice("feedback", feedback, get_args(Feedback))
    check_positive("scale", scale)
    return Spatial(loss) if feedback == "spatial" else Direct(loss, scale=scale, sign=feedback == "direct-sign")


@RULES.register("s-tllr")
class STLLR(ThreeFactor):
    r"""S-TLLR: errors within a step meet traces of both sides of a synapse, and only at the last steps.

    $$\Delta W_l \propto -\sum_{t > T - K} m_l[t] \big(\alpha_{pre}\,\psi_l[t] \otimes \bar s_{l-1}[t]
      + \alpha_{post}\,\bar\psi_l[t-1] \otimes s_{l-1}[t]\big)$$

    $$\bar s[t] = \lambda_{pre}\,\bar s[t-1] + s[t], \qquad \bar\psi[t] = \lambda_{post}\,\bar\psi[t-1] + \psi[t]$$

    The traces run over all steps. m is the derivative of the step's loss at the spikes, sent down block by block within
    the step, or the output's error through fixed random weights; along feedback edges none goes back. The output
    learns by the derivative of the loss, which meets the trace of its inputs, and biases by $m\,\psi$. With
    $\alpha_{post}$ = 0, $\lambda_{pre}$ the decay of the membranes and K = T it is ``ottt``; with one hidden block, and
    an output without memory, that is the gradient of ``bptt``, but for biases.

    Args:
        loss: what is descended, a mean over the last steps.
        adjoint: how the derivative crosses a neuron, $\psi$; default Triangle with height 0.3 and width 1 (per unit of
            potential), as the program has it for images. For sounds it is ``fast-sigmoid:slope=100``.
        decay: $\lambda_{pre}$ per step, in [0, 1]; None: the decay of the membrane that the synapse drives.
        decay_post: $\lambda_{post}$ per step, in [0, 1].
        alpha_pre, alpha_post: $\alpha_{pre}$ and $\alpha_{post}$, dimensionless; $\alpha_{post}$ is negative for images
            and positive for sounds in the paper.
        decay_read: decay of the trace in front of the output, per step, in [0, 1]; None: that of its membrane.
        feedback: "spatial": m goes down through the weights; "direct": the output's error, sent by weights D of its
            own, as in the signal ``direct``; "direct-sign": its sign.
        scale: k, factor on D as it is drawn, dimensionless.
        last_steps: K, steps at the end that learn; None: all.
        form: "sequence": over the whole record; "step": step by step, with memory that does not grow with T, and with
            feedback edges for any m.

    Shapes: inputs [T, B, ...], targets [B]; m, $\psi$ shaped like a block's spikes; gradients shaped like their
    parameters.

    Raises:
        ValueError: ``last_steps`` below 1; as ``three-factor``.

    Source: Apolinario & Roy, Transactions on Machine Learning Research, 2025, and the authors' program. deviation: the
    loss is a mean over the K steps where the program sums; its direct signal is not divided by the batch, which is
    ``scale`` = B.
    """

    default_settings: ClassVar[Mapping[str, Any]] = SETTINGS

    def __init__(
        self,
        loss: Loss = CrossEntropyMembrane(),
        adjoint: Adjoint = Surrogate(Triangle(1.0, 0.3)),
        *,
        decay: float | None = 0.75,
        decay_post: float = 0.2,
        alpha_pre: float = 1.0,
        alpha_post: float = -1.0,
        decay_read: float | None = None,
        feedback: Feedback = "spatial",
        scale: float = 1.0,
        last_steps: int | None = 5,
        form: Form = "sequence",
    ) -> None:
        if last_steps is not None:
            check_count("last_steps", last_steps)
        trace = PrePostTrace(decay, decay_post, alpha_pre=alpha_pre, alpha_post=alpha_post, decay_read=decay_read)
        super().__init__(signal_of(loss, feedback, scale), trace, adjoint, form=form)
        self.last_steps = last_steps

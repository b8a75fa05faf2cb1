"""Feedback alignment: backpropagation through time with fixed random weights on the way back."""

from typing import get_args

from spikelearn.checks import check_choice
from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.back_weights import LayeredKind
from spikelearn.plasticity.base import RULES, OptimizerChoice
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import LayeredFeedback
from spikelearn.plasticity.three_factor.traces import EligibilityTrace

#: The optimizer of weights that those on the way back follow: without a decay they would keep their distance.
DECAYING = OptimizerChoice("adamw", 1e-3, {"weight_decay": 0.1})


@RULES.register("fa")
class FA(ThreeFactor):
    r"""Feedback alignment: an error goes down block by block through fixed random weights in place of the transposes.

    $$\delta_l[t] = B_{l+1}^\top\, e_{l+1}[t], \qquad e_{l+1}[t] = \frac{\partial}{\partial I_{l+1}[t]}
      \sum_{t'} \delta_{l+1}[t']\, s_{l+1}[t'], \qquad
      \Delta W_l \propto -\sum_t e_l[t] \otimes s_{l-1}[t]$$

    $s_l$ are spikes, $I_l$ currents; $e_l$ crosses block l's neurons, through time too, by the adjoint. The output's
    $e_L$ is the derivative of the loss, through the readout. $B_l$ has the shape of $W_l$, and the synapse its form:
    a convolution is crossed as the transposed convolution with $B_l$, pooling, batch norm, masks and delays as they
    are. With $B_l = W_l$ it is ``bptt``. Feedback edges are crossed alike, by weights of their own. What is computed is
    ``bptt``'s backward pass in which B is read wherever W stands transposed.

    B is drawn once, from $U(-k/\sqrt n, k/\sqrt n)$ with n the fan-in of W and k = ``scale``, and never learned, unless
    ``feedback`` is "kolen-pollack". Then the optimizer of the network steps B too, and the decay $\lambda$ of weights
    takes the difference away, $W - B \leftarrow (1 - \mathrm{lr}\,\lambda)(W - B)$; the default is AdamW, whose decay
    is apart from its running means, so that this is exact.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        feedback: "random"; "sign-symmetric": sign(W) |B|, the sign of the weights as they are, sizes as drawn;
            "sign-uniform": sign(W) times the layer's mean |W|; "transpose": B = W, which is ``bptt``; "frozen": W as it
            was at the start; "kolen-pollack": drawn, then changed as W is.
        scale: k, factor on the feedback weights, dimensionless; 1: as torch draws weights.
        memory_budget: as in ``bptt``, MiB; None: no bound.

    Shapes: inputs [T, B, ...], targets [B]; gradients and feedback weights shaped like their parameters.

    Raises:
        ValueError: weights in a module other than a plain Linear or Conv; automatic mixed precision; as ``bptt``.

    Source: Lillicrap, Cownden, Tweed & Akerman, Nature Communications 7, 2016; signs: Liao, Leibo & Poggio, AAAI
    2016; weights of the start: Boopathy & Fiete, ICML 2022; learned ones: Kolen & Pollack, ICNN 1994, and Akrout,
    Wilson, Humphreys, Lillicrap & Tweed, NeurIPS 2019; the spiking form, by a learning signal at each step: Bellec
    et al., Nature Communications 11, 2020.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        feedback: LayeredKind = "random",
        scale: float = 1.0,
        memory_budget: float | None = None,
    ) -> None:
        check_choice("feedback", feedback, get_args(LayeredKind))
        signal = LayeredFeedback(loss, kind=feedback, scale=scale)
        super().__init__(signal, EligibilityTrace(), adjoint, memory_budget=memory_budget)
        if signal.own_as_network:
            self.default_optimizer = DECAYING

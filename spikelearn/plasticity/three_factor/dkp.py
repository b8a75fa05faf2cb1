"""Direct Kolen-Pollack: direct feedback alignment whose feedback weights learn as forward ones would."""

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import DirectKolenPollack
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("dkp")
class DKP(ThreeFactor):
    r"""Direct Kolen-Pollack learning: the error's way to every hidden block learns as a forward synapse there would.

    $$\delta_l[t] = e[t]\, D_l, \qquad e[t] = \frac{\partial L}{\partial I_{out}[t]}, \qquad
      \Delta D_l \propto -\sum_t e[t] \otimes s_l[t] - \lambda D_l$$

    $I_{out}$ is the current of the last block, $s_l$ are the spikes that block l sends. D gets what a synapse from the
    block to the output would get: of the last hidden block it is the gradient of the output's weights W, and where both
    are stepped alike, with a decay, D becomes W. Further down it stands for a path through several blocks, which it
    resembles as far as that path is straight. The rest is as in ``dfa``: hidden blocks learn by $\delta$ within the
    block through time, the last block and the readout by the derivative of the loss itself.

    D is drawn as in ``dfa``, sent through as it is, and then stepped by an Adam of its own.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        scale: k, factor on D as it is drawn, dimensionless.
        feedback_lr: learning rate of D, unit of weight per unit of the step.
        feedback_decay: $\lambda$, unit of gradient per unit of weight.

    Shapes: inputs [T, B, ...], targets [B]; e [T, B, outputs], D [outputs, C, H, W] or [outputs, n]; gradients shaped
    like their parameters.

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; as ``bptt``.

    Source: Webster, Choi & Ahn, "Learning the connections in direct feedback alignment", OpenReview, 2021; optimizer
    and decay as in the program of Bacho & Chu, Neural Networks 169, 2024. deviation: on spikes, with e at every step.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        scale: float = 1.0,
        feedback_lr: float = 1e-4,
        feedback_decay: float = 1e-6,
    ) -> None:
        signal = DirectKolenPollack(loss, scale=scale, feedback_lr=feedback_lr, feedback_decay=feedback_decay)
        super().__init__(signal, EligibilityTrace(), adjoint)

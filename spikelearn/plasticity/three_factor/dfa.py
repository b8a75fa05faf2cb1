"""Direct feedback alignment: the output's error is sent to every hidden block by fixed random weights."""

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.back_weights import BackWeightsKind
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import Direct
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("dfa")
class DFA(ThreeFactor):
    r"""Direct feedback alignment: every hidden block gets the output's error through fixed random weights of its own.

    $$\delta_l[t] = e[t]\, D_l, \qquad e[t] = \frac{\partial L}{\partial I_{out}[t]}, \qquad
      \Delta W_l \propto -\frac{\partial}{\partial W_l} \sum_t \delta_l[t] \cdot s_l[t]$$

    $I_{out}$ is the current of the last block, so e has crossed the output's neurons, through time too, by the adjoint;
    $s_l$ are the spikes that block l sends. No error passes between hidden blocks: the run is cut there, and the
    derivative is taken within each block through time, which is eligibility trace times learning signal. The last
    block and the readout learn by the derivative of the loss itself. With one hidden block and D = W of the last one
    it is ``bptt``. Feedback edges learn like the rest of their target; no error goes back along them.

    D is drawn once, from $U(-k\sqrt{6/n}, k\sqrt{6/n})$ with n neurons in block l and k = ``scale``, and never
    learned.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        feedback: "random", or weights in place of D that are made of the forward ones, as in the signal ``direct``.
        scale: k, factor on the feedback weights, dimensionless.

    Shapes: inputs [T, B, ...], targets [B]; e [T, B, outputs], D [outputs, C, H, W] or [outputs, n]; gradients shaped
    like their parameters.

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; as ``bptt``.

    Source: Nokland, NeurIPS 2016 (D drawn as in the program of Bacho & Chu, Neural Networks 169, 2024); the spiking
    form as in Bellec et al., Nature Communications 11, 2020, and Lee, Zhang, Zhang, Liu & Li, Frontiers in Neuroscience
    14, 2020. deviation: e-prop broadcasts the error of a readout that does not fire; e here has crossed the output's
    neurons; the authors' programs of the rate networks sum e over the batch, which is k = B.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        feedback: BackWeightsKind = "random",
        scale: float = 1.0,
    ) -> None:
        super().__init__(Direct(loss, feedback=feedback, scale=scale), EligibilityTrace(), adjoint)

"""Direct feedback alignment by the sign of the output's error."""

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import Direct
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("sdfa")
class SDFA(ThreeFactor):
    r"""Direct feedback alignment by signs: every hidden block gets the sign of the output's error by random weights.

    $$\delta_l[t] = \frac{1}{T B}\, \mathrm{sign}(e[t])\, D_l, \qquad
      e[t] = \frac{\partial L}{\partial I_{out}[t]}, \qquad
      \Delta W_l \propto -\frac{\partial}{\partial W_l} \sum_t \delta_l[t] \cdot s_l[t]$$

    $I_{out}$ is the current of the last block, $s_l$ are the spikes that block l sends. The signal says of each output
    whether it is too high or too low, not by how much, so that it does not fade as the error does: it wants a learning
    rate of its own. Everything else is as in ``dfa``; the last block and the readout learn by the derivative of the
    loss itself.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        scale: k, factor on D, which is drawn from $U(-k\sqrt{6/n}, k\sqrt{6/n})$ with n neurons in block l,
            dimensionless.

    Shapes: inputs [T, B, ...], targets [B]; e [T, B, outputs], D [outputs, C, H, W] or [outputs, n]; gradients shaped
    like their parameters.

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; as ``bptt``.

    Source: Frenkel, Lefebvre & Bol, Frontiers in Neuroscience 15, 2021 (sDFA), and the authors' program. deviation:
    divided by the batch B and the steps T, as the mean loss is; the program sums over the batch, which is k = B.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        scale: float = 1.0,
    ) -> None:
        super().__init__(Direct(loss, scale=scale, sign=True), EligibilityTrace(), adjoint)

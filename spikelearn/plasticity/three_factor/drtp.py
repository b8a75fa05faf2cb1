"""Direct random target projection: the target itself is sent to every hidden block by fixed random weights."""

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import RandomTarget
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("drtp")
class DRTP(ThreeFactor):
    r"""Direct random target projection: every hidden block gets the one-hot target y through fixed random weights.

    $$\Delta W_l \propto -\frac{\partial}{\partial W_l} \sum_t \frac{y\, D_l}{T B} \cdot s_l[t]$$

    $s_l$ are the spikes that block l sends, differentiated within the block through time, which is eligibility trace
    times learning signal. No error is needed: a hidden block may learn before the next one is computed. The last block
    and the readout learn by the derivative of the loss itself.

    Args:
        loss: what the last block and the readout descend.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        scale: k, factor on D, which is drawn from $U(-k\sqrt{6/n}, k\sqrt{6/n})$ with n neurons in block l,
            dimensionless.

    Shapes: inputs [T, B, ...], targets [B]; D [outputs, C, H, W] or [outputs, n]; gradients shaped like their
    parameters.

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a task without classes.

    Source: Frenkel, Lefebvre & Bol, Frontiers in Neuroscience 15, 2021. deviation: divided by the batch B and the
    steps T, as the mean loss is; the authors' program sums over the batch.
    """

    takes = frozenset({"classify"})

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        scale: float = 1.0,
    ) -> None:
        super().__init__(RandomTarget(loss, scale=scale), EligibilityTrace(), adjoint)

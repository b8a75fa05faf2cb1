"""Local learning by fixed periodic class vectors: every block descends a loss of its own."""

from collections.abc import Mapping
from typing import Any, ClassVar

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES, OptimizerChoice
from spikelearn.plasticity.losses import CrossEntropyMembrane, Loss
from spikelearn.plasticity.three_factor.bases import Basis, CosineBasis
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import FixedBasis
from spikelearn.plasticity.three_factor.signals.latent import Over
from spikelearn.plasticity.three_factor.traces import EligibilityTrace

#: Networks as the paper has them: batch norm in every block but the last, which is read without spikes or memory.
SETTINGS: Mapping[str, Any] = {
    "batch_norm": True,
    "output_norm": False,
    "output": "leaky-integrator",
    "output_option": {"decay": 0.0},
}


@RULES.register("lls")
class LLS(ThreeFactor):
    r"""Local learning by fixed periodic class vectors: every hidden block descends a cross-entropy of its own.

    $$\Delta W_l \propto -\frac{\partial L_l}{\partial W_l}, \qquad
      L_l = -\log\mathrm{softmax}\Big(\frac{\hat z_l\, B^\top}{\tau}\Big)_y, \qquad
      \hat z_l = \frac{z_l}{\lVert z_l\rVert}, \qquad z_l = \mathrm{pool}(\bar s_l)$$

    $\bar s_l$ are the spikes that block l sends, mean of the steps, and B the sine waves $\sin(f_c\,j)$, one frequency
    a class. Nothing is learned between a block and its loss, and no error passes between blocks: a block learns as soon
    as it has run, and its graph is let go before the next one runs. The last block and the readout learn by the
    derivative of the loss itself.

    Args:
        loss: what the last block and the readout descend.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        basis: B: ``cosine``, ``square`` or ``random``, dimensionless.
        temperature: $\tau$, dimensionless.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).
        length: largest number of entries of z, as the signal ``fixed-basis`` has it.
        over: "presentation": one loss a sample, of the mean over the steps; "step": one for every step.

    Shapes: inputs [T, B, ...], targets [B]; z [B, d], B [classes, d]; gradients shaped like their parameters.

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a task without classes.

    Source: Apolinario, Roy & Roy, WACV 2025, arXiv 2405.15868. deviation: on spikes, as the signal ``fixed-basis``
    says; one optimizer steps all blocks, each weight by itself.
    """

    takes = frozenset({"classify"})
    default_settings: ClassVar[Mapping[str, Any]] = SETTINGS
    default_optimizer = OptimizerChoice("adam", 5e-3)

    def __init__(
        self,
        loss: Loss = CrossEntropyMembrane(),
        adjoint: Adjoint = Surrogate(ATan()),
        basis: Basis = CosineBasis(),
        *,
        temperature: float = 0.5,
        label_smoothing: float = 0.0,
        length: int = 512,
        over: Over = "presentation",
    ) -> None:
        signal = FixedBasis(
            loss, basis, temperature=temperature, label_smoothing=label_smoothing, length=length, over=over
        )
        super().__init__(signal, EligibilityTrace(), adjoint)

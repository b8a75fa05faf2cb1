"""Local learning by fixed periodic class vectors, with a learned factor for each class."""

from collections.abc import Mapping
from typing import Any, ClassVar

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES, OptimizerChoice
from spikelearn.plasticity.losses import CrossEntropyMembrane, Loss
from spikelearn.plasticity.three_factor.bases import Basis, CosineBasis
from spikelearn.plasticity.three_factor.lls import SETTINGS
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import FixedBasis
from spikelearn.plasticity.three_factor.signals.latent import Over
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("lls-m")
class LLSM(ThreeFactor):
    r"""LLS whose logits of every block are scaled by class, by factors that are learned.

    $$L_l = -\log\mathrm{softmax}\Big(\frac{m_l \odot \hat z_l\, B^\top}{\tau}\Big)_y$$

    The factors $m_l$, one a class in every hidden block, begin at N(0, 0.01^2), so that all blocks begin at a loss of
    log C, and descend $L_l$ with the block's weights, under the same optimizer. With m = 1 it is ``lls``.

    Args:
        loss: what the last block and the readout descend.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        basis: B: ``cosine``, ``square`` or ``random``, dimensionless.
        temperature: $\tau$, dimensionless.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).
        length: largest number of entries of z, as the signal ``fixed-basis`` has it.
        over: "presentation": one loss a sample, of the mean over the steps; "step": one for every step.

    Shapes: inputs [T, B, ...], targets [B]; z [B, d], B [classes, d], m [classes]; gradients shaped like their
    parameters.

    Raises:
        ValueError: as ``lls``.

    Source: Apolinario, Roy & Roy, WACV 2025, arXiv 2405.15868 (LLS-M). deviation: as ``lls``.
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
            loss,
            basis,
            modulation="vector",
            temperature=temperature,
            label_smoothing=label_smoothing,
            length=length,
            over=over,
        )
        super().__init__(signal, EligibilityTrace(), adjoint)

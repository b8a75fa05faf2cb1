"""Local learning by fixed periodic vectors, with a learned matrix from them to the classes."""

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


@RULES.register("lls-mxm")
class LLSMxM(ThreeFactor):
    r"""LLS whose logits of every block are mixed by a matrix that is learned.

    $$L_l = -\log\mathrm{softmax}\Big(\frac{\hat z_l\, B^\top M_l}{\tau}\Big)_y$$

    The matrices $M_l$, from vectors to classes, begin at N(0, 0.01^2), so that all blocks begin at a loss of log C, and
    descend $L_l$ with the block's weights, under the same optimizer. With M the unit matrix it is ``lls``.

    Args:
        loss: what the last block and the readout descend.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        basis: B: ``cosine``, ``square`` or ``random``, dimensionless.
        vectors: how many vectors there are; None: one a class. Fewer are for many classes, 20 in the paper.
        temperature: $\tau$, dimensionless.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).
        length: largest number of entries of z, as the signal ``fixed-basis`` has it.
        over: "presentation": one loss a sample, of the mean over the steps; "step": one for every step.

    Shapes: inputs [T, B, ...], targets [B]; z [B, d], B [vectors, d], M [vectors, classes]; gradients shaped like their
    parameters.

    Raises:
        ValueError: as ``lls``.

    Source: Apolinario, Roy & Roy, WACV 2025, arXiv 2405.15868 (LLS-MxM; MxM_reduced with ``vectors``). deviation: as
    ``lls``.
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
        vectors: int | None = None,
        temperature: float = 0.5,
        label_smoothing: float = 0.0,
        length: int = 512,
        over: Over = "presentation",
    ) -> None:
        signal = FixedBasis(
            loss,
            basis,
            modulation="matrix",
            vectors=vectors,
            temperature=temperature,
            label_smoothing=label_smoothing,
            length=length,
            over=over,
        )
        super().__init__(signal, EligibilityTrace(), adjoint)

"""TESS: traces of both sides of a synapse meet a loss of every block's own, at every step."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_flag
from spikelearn.neurons import Adjoint, Surrogate, Triangle
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.losses import CrossEntropyMembrane, Loss
from spikelearn.plasticity.per_layer import PerLayer
from spikelearn.plasticity.three_factor.bases import Basis, SquareBasis
from spikelearn.plasticity.three_factor.engine.walk import Step, Walk
from spikelearn.plasticity.three_factor.rule import Form, ThreeFactor
from spikelearn.plasticity.three_factor.s_tllr import SETTINGS
from spikelearn.plasticity.three_factor.signals import FixedBasis, Spatial
from spikelearn.plasticity.three_factor.signals.fixed_basis import Criterion
from spikelearn.plasticity.three_factor.traces import PrePostTrace


@RULES.register("tess")
class TESS(ThreeFactor):
    r"""TESS: a local loss at every step meets traces of both sides of a synapse, so that no error goes back at all.

    $$\Delta W_l \propto -\sum_t m_l[t] \big(\alpha_{pre}\,\psi_l[t] \otimes \bar s_{l-1}[t]
      + \alpha_{post}\,\bar\psi_l[t-1] \otimes s_{l-1}[t]\big), \qquad
      m_l[t] = \frac{\partial}{\partial s_l[t]} \Big(-\log\mathrm{softmax}\big(z_l[t]\,B^\top / d\big)_y\Big)$$

    The traces are those of ``s-tllr``, $z_l[t]$ is what block l sends at the step, images pooled to few places, and B
    are square waves of d entries, one frequency a class (signal ``fixed-basis``, whose vectors are read as they are,
    without their length). Errors cross neither blocks nor time. The output learns by the derivative of the loss at the
    last K steps.

    Args:
        loss: what the last block and the readout descend, a mean over the last steps.
        adjoint: how the derivative crosses a neuron, $\psi$; default Triangle with height 0.3 and width 1 (per unit of
            potential), the program's.
        basis: B: ``square``, ``cosine`` or ``random``, dimensionless.
        decay: $\lambda_{pre}$ per step, in [0, 1]; None: the decay of the membrane that the synapse drives.
        decay_post: $\lambda_{post}$ per step, in [0, 1].
        alpha_pre, alpha_post: dimensionless; $\alpha_{post}$ is 1 for still images and 0 for events in the paper.
        decay_read: decay of the trace in front of the output, per step, in [0, 1]; None: that of its membrane.
        criterion: the local loss: "cross-entropy" as above, or "bounded-mse", mean square errors of bounded products,
            for hardware.
        places, length: p x p places to which images are pooled, of all hidden blocks or one a block (``4/2/2/1``);
            None: the most that leave no more than ``length`` entries, to which vectors are pooled too.
        last_steps: K, steps at the end at which the output learns; None: all. Local losses count 1/K at every step, as
            the output's do.
        released: as the authors' released program: blocks have their local losses at all but the last K steps; at
            those the output's error goes down through all blocks, as in ``s-tllr``.
        form: "step": step by step, with memory that does not grow with T; "sequence": over the whole record.

    Shapes: inputs [T, B, ...], targets [B]; z [B, d], B [classes, d]; gradients shaped like their parameters.

    Raises:
        ValueError: ``last_steps`` below 1; ``released`` in one sequence; a task without classes; as ``three-factor``.

    Source: Apolinario, Roy & Frenkel, IJCNN 2025, arXiv 2502.01837, and the authors' program. deviation: divided by
    K where the program sums over steps; weights are as the network has them, in the program divided by their maximum
    (``synapses.max_normalised``); its neurons lose 1.0 at a spike, whatever their threshold (a resting potential of
    1 - threshold, and a threshold of 1, make such).
    """

    takes = frozenset({"classify"})
    default_settings: ClassVar[Mapping[str, Any]] = SETTINGS

    def __init__(
        self,
        loss: Loss = CrossEntropyMembrane(),
        adjoint: Adjoint = Surrogate(Triangle(1.0, 0.3)),
        basis: Basis = SquareBasis(),
        *,
        decay: float | None = 0.5,
        decay_post: float = 0.2,
        alpha_pre: float = 1.0,
        alpha_post: float = 1.0,
        decay_read: float | None = None,
        criterion: Criterion = "cross-entropy",
        places: PerLayer | None = None,
        length: int = 512,
        last_steps: int | None = None,
        released: bool = False,
        form: Form = "step",
    ) -> None:
        check_flag("released", released)
        if last_steps is not None:
            check_count("last_steps", last_steps)
        if released and form != "step":
            raise ValueError(
                "released has errors go down at the last steps alone, which is seen step by step: use form=step"
            )
        signal = FixedBasis(
            loss,
            basis,
            temperature=1.0,
            over="step",
            reading="mean",
            criterion=criterion,
            places=places,
            length=length,
            behind_pools=True,
        )
        trace = PrePostTrace(decay, decay_post, alpha_pre=alpha_pre, alpha_post=alpha_post, decay_read=decay_read)
        super().__init__(signal, trace, adjoint, form=form)
        self.last_steps, self.released = last_steps, released
        if released:
            self.walks = ReleasedWalk

    @property
    def factors(self) -> Factors:
        return super().factors | Spatial(self.loss).factors if self.released else super().factors

    def told(self, counted: Tensor | None, steps: int) -> tuple[Tensor | None, list[float]]:
        shares = self.shares(counted, steps)
        if not self.released:
            return None, [max(shares)] * steps
        told = torch.zeros(steps, dtype=torch.bool) if counted is None else ~counted
        return told, [max(shares) * float(local) for local in told.tolist()]


class ReleasedWalk(Walk):
    """A walk whose signal tells hidden blocks something, but at steps without any share of it errors go down."""

    def step(self, t: int) -> Step:
        local = self.signal
        self.signal = local if self.told[t] else Spatial(local.loss)
        try:
            return super().step(t)
        finally:
            self.signal = local

"""S-TLLR, with an update at every step."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch

from spikelearn.checks import check_count
from spikelearn.network import Network
from spikelearn.neurons import Adjoint, Surrogate, Triangle
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.losses import CrossEntropyMembrane, Loss
from spikelearn.plasticity.three_factor.engine.online import updates_at_every_step
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.s_tllr import SETTINGS, Feedback, signal_of
from spikelearn.plasticity.three_factor.traces import PrePostTrace


@RULES.register("s-tllr-online")
class STLLROnline(ThreeFactor):
    r"""S-TLLR whose weights change after each of the last steps, so that the next step runs with new ones.

    $$\Delta W_l[t] \propto -m_l[t] \big(\alpha_{pre}\,\psi_l[t] \otimes \bar s_{l-1}[t]
      + \alpha_{post}\,\bar\psi_l[t-1] \otimes s_{l-1}[t]\big), \qquad t > T - K$$

    Signal and traces are those of ``s-tllr``; so one batch gives K updates, each a step of the optimizer. Potentials
    and traces are those that the weights of their own steps made.

    Args:
        loss, adjoint, decay, decay_post, alpha_pre, alpha_post, decay_read, feedback, scale, last_steps: as in
            ``s-tllr`` (decays per step).

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: as ``s-tllr`` with form=step.

    Source: Apolinario & Roy, Transactions on Machine Learning Research, 2025, the mode "stllr_online" of the authors'
    program. deviation: each update is 1/K of what it is there.
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
    ) -> None:
        if last_steps is not None:
            check_count("last_steps", last_steps)
        trace = PrePostTrace(decay, decay_post, alpha_pre=alpha_pre, alpha_post=alpha_post, decay_read=decay_read)
        super().__init__(signal_of(loss, feedback, scale), trace, adjoint, form="step")
        self.last_steps = last_steps

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        return updates_at_every_step(self, network, batch, memory, generator)

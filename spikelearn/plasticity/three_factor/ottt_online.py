"""Online training through time, with an update at every step."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch

from spikelearn.network import Network
from spikelearn.neurons import Adjoint, Sigmoid, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.losses import Loss, MixedMembrane
from spikelearn.plasticity.three_factor.engine.online import updates_at_every_step
from spikelearn.plasticity.three_factor.ottt import SETTINGS
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import Spatial
from spikelearn.plasticity.three_factor.traces import PreTrace


@RULES.register("ottt-online")
class OTTTOnline(ThreeFactor):
    r"""Online training through time whose weights change after every step, so that the next step runs with new ones.

    $$\hat a_{l-1}[t] = \lambda\, \hat a_{l-1}[t-1] + s_{l-1}[t], \qquad
      \Delta W_l[t] \propto -\delta_l[t]\, \hat a_{l-1}[t]^\top$$

    $\delta_l[t]$ is that of ``ottt``; so one batch gives T updates, each a step of the optimizer. Potentials and traces
    are those that the weights of their own steps made.

    Args:
        loss, adjoint, decay, inputs: as in ``ottt`` (decay per step).

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: as ``three-factor`` with form=step.

    Source: Xiao, Meng, Zhang, He & Lin, NeurIPS 2022 (OTTT_O).
    """

    default_settings: ClassVar[Mapping[str, Any]] = SETTINGS

    def __init__(
        self,
        loss: Loss = MixedMembrane(),
        adjoint: Adjoint = Surrogate(Sigmoid(4.0)),
        *,
        decay: float | None = None,
        inputs: bool = True,
    ) -> None:
        super().__init__(Spatial(loss), PreTrace(decay, inputs=inputs), adjoint, form="step")

    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        return updates_at_every_step(self, network, batch, memory, generator)

"""Spatial learning through time at a few random steps of each batch."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_flag
from spikelearn.neurons import Adjoint, Surrogate, Triangle
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import Loss, MixedMembrane
from spikelearn.plasticity.three_factor.rule import Form, ThreeFactor
from spikelearn.plasticity.three_factor.signals import Spatial
from spikelearn.plasticity.three_factor.sltt import SETTINGS
from spikelearn.plasticity.three_factor.traces import InstantTrace


@RULES.register("sltt-k")
class SLTTK(ThreeFactor):
    r"""Spatial learning through time that looks back at K of the T steps alone, drawn anew for each batch.

    $$\Delta W_l \propto -\frac1K \sum_{t \in \mathcal{K}} T\, \delta_l[t]\, s_{l-1}[t]^\top$$

    $\delta_l[t]$ is that of ``sltt``, for which this is an estimate without bias. At the other steps the network runs
    without a derivative.

    Args:
        loss, adjoint, form: as in ``sltt`` (adjoint per unit of potential).
        steps: K, steps of the T that learn; more than T count as T (dimensionless).
        over_all: divide by T in place of K, as the authors' program does: the change is K/T times as large.

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: ``steps`` below 1; as ``three-factor``.

    Source: Meng, Xiao, Yan, Wang, Lin & Luo, ICCV 2023 (SLTT-K).
    """

    default_settings: ClassVar[Mapping[str, Any]] = SETTINGS

    def __init__(
        self,
        loss: Loss = MixedMembrane(),
        adjoint: Adjoint = Surrogate(Triangle(1.0)),
        *,
        steps: int = 2,
        over_all: bool = False,
        form: Form = "sequence",
    ) -> None:
        check_count("steps", steps)
        check_flag("over_all", over_all)
        super().__init__(Spatial(loss), InstantTrace(), adjoint, form=form)
        self.steps, self.over_all = steps, over_all

    def counted(self, steps: int, generator: torch.Generator) -> Tensor:
        order = torch.randperm(steps, generator=generator, device=generator.device)
        return torch.zeros(steps, dtype=torch.bool, device=generator.device).index_fill_(0, order[: self.steps], True)

    def shares(self, counted: Tensor | None, steps: int) -> list[float]:
        if counted is None or not self.over_all:
            return super().shares(counted, steps)
        return [float(counts) / steps for counts in counted.tolist()]

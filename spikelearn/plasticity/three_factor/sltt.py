"""Spatial learning through time: the gradient through the layers at each step, and none through time."""

from collections.abc import Mapping
from typing import Any, ClassVar

from spikelearn.neurons import Adjoint, Surrogate, Triangle
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import Loss, MixedMembrane
from spikelearn.plasticity.three_factor.rule import Form, ThreeFactor
from spikelearn.plasticity.three_factor.signals import Spatial
from spikelearn.plasticity.three_factor.traces import InstantTrace

#: Networks as the paper has them: neurons that forget fast, tau = 1.1 steps, an output without spikes and memory.
#: In place of the paper's batch norm, weights are drawn so that neurons of so short a memory fire.
SETTINGS: Mapping[str, Any] = {
    "init": "kaiming",
    "neuron_option": {"decay": 0.09, "reset": "subtract"},
    "output": "leaky-integrator",
    "output_option": {"decay": 0.0},
}


@RULES.register("sltt")
class SLTT(ThreeFactor):
    r"""Spatial learning through time: ``bptt`` without what passes through time.

    $$\Delta W_l \propto -\sum_t \delta_l[t]\, s_{l-1}[t]^\top, \qquad
      \delta_l[t] = \frac{\partial L[t]}{\partial I_l[t]}\Big|_{v[t-1]\ \mathrm{fixed}}$$

    Args:
        loss: what is descended. The authors' program asks every output for 1 in the squared error, whatever the class:
            ``mixed-membrane:wanted=1``.
        adjoint: how the derivative crosses a neuron, $\psi$; default Triangle of width 1 (unit of potential).
        form: "sequence": over the whole record; "step": step by step, with memory that does not grow with T.

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: as ``three-factor``.

    Source: Meng, Xiao, Yan, Wang, Lin & Luo, ICCV 2023.
    """

    default_settings: ClassVar[Mapping[str, Any]] = SETTINGS

    def __init__(
        self,
        loss: Loss = MixedMembrane(),
        adjoint: Adjoint = Surrogate(Triangle(1.0)),
        *,
        form: Form = "sequence",
    ) -> None:
        super().__init__(Spatial(loss), InstantTrace(), adjoint, form=form)

"""Online training through time: the spatial error at each step meets a trace of what met the weights."""

from collections.abc import Mapping
from typing import Any, ClassVar

from spikelearn.neurons import Adjoint, Sigmoid, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import Loss, MixedMembrane
from spikelearn.plasticity.three_factor.rule import Form, ThreeFactor
from spikelearn.plasticity.three_factor.signals import Spatial
from spikelearn.plasticity.three_factor.traces import PreTrace

#: Networks as the paper has them: leaky neurons that subtract, and an output without spikes and without memory.
SETTINGS: Mapping[str, Any] = {
    "neuron_option": {"decay": 0.5, "reset": "subtract"},
    "output": "leaky-integrator",
    "output_option": {"decay": 0.0},
}


@RULES.register("ottt")
class OTTT(ThreeFactor):
    r"""Online training through time: errors pass down within a step, and meet a trace of what met the weights.

    $$\hat a_{l-1}[t] = \lambda\, \hat a_{l-1}[t-1] + s_{l-1}[t], \qquad
      \Delta W_l \propto -\sum_t \delta_l[t]\, \hat a_{l-1}[t]^\top, \qquad
      \delta_l[t] = \frac{\partial L[t]}{\partial I_l[t]}\Big|_{v[t-1]\ \mathrm{fixed}}$$

    With one hidden block, of leaky neurons whose reset is not differentiated, and with $\lambda$ their decay it is the
    gradient of ``bptt``; in deeper networks what an error of a block does through the time of those above is left out.

    Args:
        loss: what is descended, a mean over steps.
        adjoint: how the derivative crosses a neuron, $\psi$; default Sigmoid with slope 4 (per unit of potential).
        decay: $\lambda$ per step, in [0, 1]; None: of each synapse the decay of the membrane that it drives, which is
            exact for an output without memory. The authors' program gives the output's synapse the trace of the rest.
        inputs: whether the inputs of the network have a trace too; False: they count at their own step, as in the
            authors' program.
        form: "sequence": over the whole record; "step": step by step, with memory that does not grow with T.

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: as ``three-factor``.

    Source: Xiao, Meng, Zhang, He & Lin, NeurIPS 2022 (OTTT_A).
    """

    default_settings: ClassVar[Mapping[str, Any]] = SETTINGS

    def __init__(
        self,
        loss: Loss = MixedMembrane(),
        adjoint: Adjoint = Surrogate(Sigmoid(4.0)),
        *,
        decay: float | None = None,
        inputs: bool = True,
        form: Form = "sequence",
    ) -> None:
        super().__init__(Spatial(loss), PreTrace(decay, inputs=inputs), adjoint, form=form)

"""OSTL: errors that pass down within a step meet eligibilities that remember the reset and the neuron's own loop."""

from collections.abc import Mapping
from typing import Any, ClassVar

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES, OptimizerChoice
from spikelearn.plasticity.losses import CrossEntropyMembrane, Loss
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import SpatialStep
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("ostl")
class OSTL(ThreeFactor):
    r"""Online spatio-temporal learning: space and time of the gradient apart, step by step.

    $$\Delta w_{ji} \propto -\sum_t m_j[t]\, e_{ji}[t], \qquad
      e_{ji}[t] = \frac{\partial z_j[t]}{\partial h_j[t]}\,\epsilon_{ji}[t], \qquad
      \epsilon_{ji}[t] = \frac{d h_j[t]}{d h_j[t-1]}\,\epsilon_{ji}[t-1]
      + \frac{\partial h_j[t]}{\partial w_{ji}}$$

    m is the derivative of the step's own loss, sent down block by block within the step (signal ``spatial-step``), h
    the state of the neuron. $dh[t]/dh[t-1]$ goes through the reset, which is differentiated, and through the spike that
    comes back to its own neuron by a recurrent weight $H_{jj}$; what comes back to other neurons is left out. One
    hidden block that is not recurrent, or whose neurons reach none but themselves, with an output without memory has
    the gradient of ``bptt``. In deeper networks what an error does through the time of the blocks above is left out.

    What is kept are a number for every weight and field of the state that it reaches, for each sample, however many
    steps there are.

    Args:
        loss: what is descended, a mean over steps.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential), the reset
            differentiated too.
        own_loop: whether the way of a neuron to itself is followed.

    Shapes: inputs [T, B, ...], targets [B] or [T, B, ...]; e of every sample like the weights; gradients shaped like
    their parameters.

    Raises:
        ValueError: delays between blocks, a loss that is no mean over steps, synapses that do not end in their one
            layer of weights, neurons that meet within a step; as ``three-factor``.

    Source: Bohnstingl, Wozniak, Pantazi & Eleftheriou, arXiv 2007.12723, 2020 (OSTL). deviation: of the Jacobian of a
    recurrent layer the diagonal alone, with ``own_loop`` false nothing; spiking neurons of any model, the loss of every
    step as it is named.
    """

    default_optimizer = OptimizerChoice("adam", 1e-3)
    default_settings: ClassVar[Mapping[str, Any]] = {
        "output": "leaky-integrator",
        "output_option": {"decay": 0.0},
    }

    def __init__(
        self,
        loss: Loss = CrossEntropyMembrane(),
        adjoint: Adjoint = Surrogate(ATan(), reset_gradient=True),
        *,
        own_loop: bool = True,
    ) -> None:
        super().__init__(SpatialStep(loss), EligibilityTrace(own_loop=own_loop), adjoint, form="step")

"""SuperSpike: filtered errors of spike trains meet filtered eligibilities."""

from collections.abc import Mapping
from typing import Any, ClassVar

from spikelearn.neurons import Adjoint, FastSigmoid, Surrogate
from spikelearn.plasticity.base import RULES, OptimizerChoice
from spikelearn.plasticity.losses import Loss, SpikeTrains
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import OutputSpikes
from spikelearn.plasticity.three_factor.signals.output_spikes import SpikeFeedback
from spikelearn.plasticity.three_factor.traces import EligibilityTrace, Trace


@RULES.register("superspike")
class SuperSpike(ThreeFactor):
    r"""SuperSpike: neurons learn to fire at desired times, by the filtered error of their output's spikes.

    $$\Delta w_{ij} \propto \sum_t (\alpha * e_i)[t]\; \big(\alpha * (\sigma'(u_i)\,(\epsilon * s_j))\big)[t], \qquad
      e_i = \hat s_i - s_i \ \text{(output)}, \quad e_k = \sum_i B_{ik}\,e_i \ \text{(hidden)}$$

    $\epsilon$ is the filter of synapse and membrane, $\sigma'$ the derivative of a fast sigmoid, $\alpha$ the kernel of
    the loss ``spike-trains``. As $\alpha$ may stand on either factor, reversed in time, the sum is that of the trace
    ``eligibility`` and of the loss's derivative at the output's spikes (signal ``output-spikes``); the output's own
    weights, and so a single layer, have the gradient of ``bptt`` for that loss, its reset not differentiated.

    Args:
        loss: what is descended, of spikes.
        adjoint: how the derivative crosses a neuron, $\sigma'$; default FastSigmoid of slope 10 (per unit of
            potential).
        trace: the eligibility, for example ``double-exponential``; dimensionless.
        feedback: B: "symmetric", "random" or "uniform", as ``output-spikes`` says.
        scale: factor on B as it is drawn, and its value where it is uniform, dimensionless.

    Shapes: inputs [T, B, ...], targets [B] or desired trains [T, B, n]; gradients shaped like their parameters.

    Raises:
        ValueError: as ``output-spikes``.

    Source: Zenke & Ganguli, Neural Computation 30, 2018, and the authors' program. deviation: the whole presentation is
    looked at, where the program goes step by step and keeps filters for every weight: the numbers are the same; classes
    are desired trains too; differences below 1e-7 are not skipped.
    """

    takes = frozenset({"classify", "per-step"})
    leaves_out_steps = False
    default_optimizer = OptimizerChoice("rmaxprop", 1e-2)
    default_settings: ClassVar[Mapping[str, Any]] = {
        "neuron": "cuba-lif",
        "neuron_option": {"reset": "subtract"},
        "output": "cuba-lif",
        "output_option": {"reset": "subtract"},
    }

    def __init__(
        self,
        loss: Loss = SpikeTrains(),
        adjoint: Adjoint = Surrogate(FastSigmoid(10.0)),
        trace: Trace = EligibilityTrace(),
        *,
        feedback: SpikeFeedback = "symmetric",
        scale: float = 1.0,
    ) -> None:
        super().__init__(OutputSpikes(loss, feedback=feedback, scale=scale), trace, adjoint)

"""E-prop: eligibility propagation in recurrent networks of spiking neurons."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from spikelearn.checks import check_choice, check_count
from spikelearn.neurons import Adjoint, Surrogate, Triangle
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyMembrane, Loss
from spikelearn.plasticity.requires import Need
from spikelearn.plasticity.three_factor.engine.pairs import pair_need
from spikelearn.plasticity.three_factor.engine.rate_regulariser import RateRegulariser
from spikelearn.plasticity.three_factor.rule import Form, ThreeFactor
from spikelearn.plasticity.three_factor.signals import Direct, DirectKolenPollack
from spikelearn.plasticity.three_factor.traces import EligibilityTrace, Trace

Feedback = Literal["symmetric", "random", "adaptive"]


@RULES.register("e-prop")
class EProp(ThreeFactor):
    r"""Eligibility propagation: what a weight did to its own neuron's spikes meets the error of the outputs.

    $$\Delta w_{ji} \propto -\sum_t L_j[t]\,\bar e_{ji}[t], \qquad
      L_j[t] = \sum_k B_{kj}\,\frac{\partial E}{\partial y_k[t]}, \qquad
      \bar e_{ji}[t] = \kappa\,\bar e_{ji}[t-1] + (1-\kappa)\,e_{ji}[t]$$

    y are the potentials of a leaky readout, $y[t] = \kappa\,y[t-1] + (1-\kappa)\,W_{out}\,z[t]$, and e is the
    eligibility $\partial z_j[t]/\partial w_{ji}$ of the neuron alone, through its own time, not through the spikes that
    it sends to itself and to others; of weights from the inputs, from other neurons, and of biases alike. For squared
    errors $\partial E/\partial y$ is $y - y^*$, for a cross-entropy softmax minus target. With ``feedback`` "symmetric"
    it is backpropagation through time with spikes stopped between neurons; one that is not recurrent, of one hidden
    block, is ``bptt``. The readout learns by the derivative of the loss itself.

    The eligibility of any neuron follows from its ``step``; those of LIF, CubaLIF and adaptive neurons have closed
    forms (``spikelearn traces``). Both forms give the same numbers. "sequence" keeps the record of all steps, and is
    the faster one for short ones; "step" goes step by step and keeps for each sample one or a few numbers for every
    weight, however many steps there are.

    Args:
        loss: what is descended, E.
        adjoint: how the derivative crosses a neuron, $\psi$; default Triangle with height 0.3 and width 1, in units of
            the threshold for ``refractory-alif``, per unit of potential for others.
        trace: the eligibility, for example ``alif``; dimensionless.
        feedback: B: "symmetric": the weights from the neuron to the readout; "random": drawn once, as in ``direct``;
            "adaptive": drawn, then learned as those weights are.
        scale: factor on B as it is drawn, dimensionless.
        feedback_lr, feedback_decay: of adaptive B, as in ``dkp``; unit of weight per unit of the step, and unit of
            gradient per unit of weight.
        rate_strength, rate_target, rate_half: pull of hidden firing rates, c in the unit of the loss (0: none), spikes
            per second, and whether 1/2 stands before its square, as ``RateRegulariser`` says.
        last_steps: how many steps at the end count in the loss; None: all.
        form: "sequence" or "step".

    Shapes: inputs [T, B, ...], targets [B] or [T, B, ...]; L shaped like a block's spikes; gradients shaped like their
    parameters.

    Raises:
        ValueError: outputs that are no leaky integrators of one decay; a loss that is no mean over steps, with
            form=step; as ``three-factor``.

    Source: Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein & Maass, Nature Communications 11, 2020, and the
    authors' programs. deviation: E is a mean over samples, steps and outputs where the paper sums; random B is uniform,
    not normal; adaptive B has an Adam of its own; the pull of rates is off unless it is asked for.
    """

    default_settings: ClassVar[Mapping[str, Any]] = {
        "neuron_option": {"reset": "subtract"},
        "output_option": {"tau_mem": 20e-3},
    }

    def __init__(
        self,
        loss: Loss = CrossEntropyMembrane(),
        adjoint: Adjoint = Surrogate(Triangle(1.0, 0.3)),
        trace: Trace = EligibilityTrace(),
        *,
        feedback: Feedback = "symmetric",
        scale: float = 1.0,
        feedback_lr: float = 1e-4,
        feedback_decay: float = 1e-6,
        rate_strength: float = 0.0,
        rate_target: float = 10.0,
        rate_half: bool = True,
        last_steps: int | None = None,
        form: Form = "sequence",
    ) -> None:
        check_choice("feedback", feedback, get_args(Feedback))
        if last_steps is not None:
            check_count("last_steps", last_steps)
        learned = {"feedback_lr": feedback_lr, "feedback_decay": feedback_decay}
        kind: Literal["transpose", "random"] = "transpose" if feedback == "symmetric" else "random"
        adaptive = feedback == "adaptive"
        signal = (
            DirectKolenPollack(loss, scale=scale, **learned) if adaptive else Direct(loss, feedback=kind, scale=scale)
        )
        pull = RateRegulariser(rate_strength, rate_target, rate_half)
        super().__init__(signal, trace, adjoint, form=form, regulariser=pull)
        self.last_steps = last_steps

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, *((pair_need(5, self.pair),) if self.form == "sequence" else ())

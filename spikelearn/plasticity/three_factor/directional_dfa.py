"""Directional direct feedback alignment: feedback weights learn the Jacobian by forward derivatives."""

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import Directional
from spikelearn.plasticity.three_factor.signals.directional import Tangents
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("directional-dfa")
class DirectionalDFA(ThreeFactor):
    r"""Directional direct feedback alignment: feedback weights learn the Jacobian from directional derivatives.

    $$\delta_l[t] = e[t]\, D_l, \qquad
      \Delta D_l \propto \frac{1}{T B} \sum_b \Big(\sum_t \dot y[t]\Big) \otimes \xi_l - D_l, \qquad
      \xi_l \sim N(0, 1)$$

    While the network runs, the spikes of every hidden block are pushed in a random direction $\xi_l$, and $\dot y$ is
    how the output's currents move, by one forward-mode derivative of the run; no error goes back. Their product is in
    the mean the Jacobian from the block to the output, summed over the steps from a spike on (the signal
    ``directional`` says it exactly), and D is its running mean, by an Adam of its own. D begins at 0: hidden blocks
    rest until it has grown. All else is as in ``dfa``: hidden blocks learn by $\delta$ within the block through time,
    the last block and the readout by the derivative of the loss itself.

    Args:
        loss: what is descended.
        adjoint: how derivatives cross a neuron, back and forth; default ATan with $\alpha$ = 2 (per unit of potential).
        tangents: "presentation": a push stays for all steps of a sample; "step": it is drawn for every step, and D is
            the Jacobian within a step.
        scale: k, D is drawn as in ``dfa`` by $U(-k\sqrt{6/n}, k\sqrt{6/n})$, dimensionless; 0: it begins at 0.
        feedback_lr: learning rate of D, unit of weight per unit of the step.
        feedback_decay: part of D added to its gradient, unit of gradient per unit of weight.

    Shapes: inputs [T, B, ...], targets [B]; e, $\dot y$ [T, B, outputs], D [outputs, C, H, W] or [outputs, n];
    gradients shaped like their parameters.

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; an adjoint that needs the
            whole sequence at once; as ``bptt``.

    Source: Bacho & Chu, Neural Networks 169, 2024, and the authors' program (forward direct feedback alignment).
    deviation: the default learning rate of the weights, 1e-3, is not the program's 1e-4, nor does it fall by 0.95 an
    epoch; on spikes as the signal ``directional``.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        tangents: Tangents = "presentation",
        scale: float = 0.0,
        feedback_lr: float = 1e-4,
        feedback_decay: float = 0.0,
    ) -> None:
        learned = {"feedback_lr": feedback_lr, "feedback_decay": feedback_decay}
        signal = Directional(loss, tangents=tangents, scale=scale, **learned)
        super().__init__(signal, EligibilityTrace(), adjoint)

"""Target projection: every hidden block descends its distance to a random target of the class."""

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES, OptimizerChoice
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.rule import Form, ThreeFactor
from spikelearn.plasticity.three_factor.signals import LayerTarget
from spikelearn.plasticity.three_factor.signals.layer_target import Distance, Over, Squash
from spikelearn.plasticity.three_factor.traces import EligibilityTrace, Trace


@RULES.register("tp-sgd")
class TPSGD(ThreeFactor):
    r"""Target projection: every hidden block moves towards a target of its own, drawn once for every class.

    $$\Delta W_l \propto \big((t_l - \bar s_l)\,\psi(v_l)\big)\, \mathrm{tr}_{l-1}^\top \ \text{(l2)}, \quad
      \big(\mathrm{sign}(t_l - \bar s_l)\,\psi(v_l)\big)\, \mathrm{tr}_{l-1}^\top \ \text{(l1)}, \qquad
      t_l = q(P_l\, y)$$

    $\bar s_l$ is what block l sends, mean of the steps, P fixed random weights, y the one-hot class and q the range of
    the neurons (signal ``layer-target``). Nothing goes back and no error is needed: a block learns as soon as it has
    run. With ``over`` "step" every step has the target, as published for recurrent layers; what a block sends to itself
    and to others is not differentiated, with any number of recurrent layers. The last block and the readout learn by
    the derivative of the loss itself.

    Metrics: ``loss_<block>``, the distance, sum of the neurons.

    Args:
        loss: what the last block and the readout descend.
        adjoint: how the derivative crosses a neuron, $\psi$; default ATan with $\alpha$ = 2 (per unit of potential).
        trace: tr, for example ``eligibility``, through the neuron's own time, or ``instant``.
        distance: "l2" or "l1".
        squash: q: "rate", "tanh", "none" or "auto", as ``layer-target`` says.
        gain: g of P, drawn from U(-g, g), dimensionless.
        peak: factor on targets of neurons that fire, spikes per step.
        over: "presentation" or "step".
        form: "sequence" or "step", which needs ``over`` "step" and a loss that is a mean over steps.

    Shapes: inputs [T, B, ...], targets [B]; t [classes, ...]; gradients shaped like their parameters.

    Raises:
        ValueError: as ``layer-target`` and ``three-factor``.

    Source: Lomnitz, Daniels, Zhang & Piacentino, arXiv 2208.08503, 2022. deviation: from the abstract and the update as
    others print it, for no program or body of the paper was at hand; layers learn together, where the paper trains one
    after the other (freeze the others for that); the last layer descends a loss; on spikes too.
    """

    takes = frozenset({"classify"})
    default_optimizer = OptimizerChoice("adam", 5e-3)

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        trace: Trace = EligibilityTrace(),
        *,
        distance: Distance = "l2",
        squash: Squash = "auto",
        gain: float = 3.0,
        peak: float = 0.3,
        over: Over = "presentation",
        form: Form = "sequence",
    ) -> None:
        signal = LayerTarget(loss, distance=distance, squash=squash, gain=gain, peak=peak, over=over)
        super().__init__(signal, trace, adjoint, form=form)

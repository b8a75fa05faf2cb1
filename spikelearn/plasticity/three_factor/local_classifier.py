"""Every hidden block descends the cross-entropy of a linear classifier of its own, which learns beside it."""

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.per_layer import PerLayer
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import LocalClassifier
from spikelearn.plasticity.three_factor.signals.latent import Over
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("local-classifier")
class LocalClassifierRule(ThreeFactor):
    r"""Local classifiers: every hidden block learns together with a linear classifier of what it sends.

    $$\Delta W_l \propto -\frac{\partial L_l}{\partial W_l}, \qquad
      \Delta G_l \propto -\frac{\partial L_l}{\partial G_l}, \qquad
      L_l = -\log\mathrm{softmax}(k\,G_l\, z_l + c_l)_y, \qquad z_l = \mathrm{pool}(\bar s_l)$$

    $\bar s_l$ are the spikes that block l sends, mean of the steps. No error passes between blocks: a block learns as
    soon as it has run, and its graph is let go before the next one runs. The classifiers G, c are thrown away at the
    end; the last block and the readout learn by the derivative of the loss itself. It is what ``lls`` does with class
    vectors that are learned, and what fixed ones are compared with.

    Args:
        loss: what the last block and the readout descend.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        gain: k, on products with rates, which lie in [0, 1]; dimensionless. For rate neurons 1 is usual.
        length: largest number of entries of z, where the channels alone are no more.
        places: p x p places to which images are pooled, of all hidden blocks or one a block (``4/2``); None: by
            ``length``.
        over: "presentation": one loss a sample, of the mean over the steps; "step": one for every step.

    Shapes: inputs [T, B, ...], targets [B]; z [B, d], G [classes, d]; gradients shaped like their parameters.

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a task without classes.

    Source: Belilovsky, Eickenberg & Oyallon, ICML 2020; Nokland & Eidnes, ICML 2019. deviation: the classifier is
    linear, without layers of its own, and there is no loss of similarities.
    """

    takes = frozenset({"classify"})

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        gain: float = 10.0,
        length: int = 512,
        places: PerLayer | None = None,
        over: Over = "presentation",
    ) -> None:
        signal = LocalClassifier(loss, gain=gain, length=length, places=places, over=over)
        super().__init__(signal, EligibilityTrace(), adjoint)

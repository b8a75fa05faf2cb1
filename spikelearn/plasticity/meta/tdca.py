"""Top-down credit assignment: a learned network in place of a backward pass tells every neuron its credit."""

from collections.abc import Mapping
from typing import Any, ClassVar

from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES, OptimizerChoice
from spikelearn.plasticity.meta.credits import CREDIT_NETWORKS, Credits
from spikelearn.plasticity.requires import Values
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@RULES.register("tdca")
class TDCA(ThreeFactor):
    r"""Top-down credit assignment, a reconstruction: a network from output and target to every neuron's credit.

    $$\delta_l[t] = \frac{k}{T B}\, c_l K_l, \qquad c_l = Q_l(u) = u S_l + \tanh(u U + b)\, V_l, \qquad
      u = [\mathrm{softmax}(k\,s), y]$$

    Neither the text of the paper behind its abstract nor a program was at hand. That a second network maps output and
    label to credits, that these diffuse so that few outputs do, and that an outer level of training finds the network
    are the abstract's. The form of Q and of its input, the kernel of diffusion $K_l$, that $\delta$ is taken within
    each hidden block as in ``dfa`` while the last block and the readout learn by the derivative of the loss, and that
    the outer level is evolution by the loss behind many short trainings (``spikelearn credits``) are chosen here.

    s are the scores and y the one-hot target. $K_l$ spreads m credits over n neurons by a Gaussian along their order.
    As drawn, credits are linear in the error, $c_l = (p - y) D_l$: with K = 1 (``per_block`` = 0) and a linear output
    the rule is ``dfa``. It learns with weights so drawn as well as with a file that ``spikelearn credits`` left.

    Args:
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        per_block: m, credits of every hidden block; 0: one a neuron.
        hidden: neurons of Q's hidden layer; 0: Q is linear.
        width: standard deviation of the diffusion, in spacings of credits.
        scale: factor on D as it is drawn, dimensionless.
        gain: k, logits per unit of score, in the loss of the last block too.
        network: name of the file of a learned Q, which a run's settings then hold themselves; None: as drawn.

    Shapes: inputs [T, B, ...], targets [B]; u [B, 2 classes], $c_l$ [B, m], $K_l$ [m, n]; gradients shaped like their
    parameters.

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a readout whose scores
            are not one an output; a learned Q for other blocks or sizes; as ``bptt``.

    Source: a reconstruction from the abstract of Chen, Wang & Liu, "Deep learning with a top-down credit assignment
    network", arXiv 2208.01416, 2022. deviation: not known.
    """

    takes: ClassVar[frozenset[str] | None] = frozenset({"classify"})
    default_optimizer = OptimizerChoice("sgd", 0.01)
    default_schedule = "constant"
    default_settings: ClassVar[Mapping[str, Any]] = {
        "neuron": "rate",
        "output": "rate",
        "output_option": {"activation": "linear"},
        "steps": 1,
        "batch": 32,
    }

    def __init__(
        self,
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        per_block: int = 16,
        hidden: int = 16,
        width: float = 1.0,
        scale: float = 1.0,
        gain: float = 10.0,
        network: str | None = None,
    ) -> None:
        signal = Credits(per_block=per_block, hidden=hidden, width=width, scale=scale, gain=gain, network=network)
        super().__init__(signal, EligibilityTrace(), adjoint)

    @classmethod
    def resolved(cls, options: Values) -> Values:
        text = options.get("network")
        return (
            {**options, "network": CREDIT_NETWORKS.written(CREDIT_NETWORKS.of(text))}
            if isinstance(text, str)
            else options
        )

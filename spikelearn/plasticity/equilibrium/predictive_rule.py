"""The base of predictive coding's rules: networks and losses that they take, weight changes, reports of inference."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal, get_args

from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from spikelearn.checks import (
    check_choice,
    check_count,
    check_finite,
    check_fraction,
    check_instance,
    check_positive,
)
from spikelearn.network import Network
from spikelearn.neurons import Neuron, Rate
from spikelearn.plasticity.base import Batch, Rule
from spikelearn.plasticity.equilibrium.dynamics.descent import Look, descend
from spikelearn.plasticity.equilibrium.energies.divergence import Divergence, Gaussian
from spikelearn.plasticity.equilibrium.energies.energy import Energy, Slopes, Values
from spikelearn.plasticity.equilibrium.energies.error_energy import ErrorEnergy
from spikelearn.plasticity.equilibrium.energies.layer_maps import Node
from spikelearn.plasticity.equilibrium.energies.predictive import Output, PredictiveEnergy
from spikelearn.plasticity.factors import ALL, Factors
from spikelearn.plasticity.losses import Loss
from spikelearn.plasticity.per_layer import PerLayer, check_places, per_layer
from spikelearn.plasticity.requires import (
    Chain,
    LossFits,
    Need,
    Neurons,
    NoFeedback,
    Passes,
    PlainRate,
    SomethingToLearn,
)

Through = Literal["values", "errors"]

#: Share of settled samples below which a rule warns.
MOST = 0.5


class PredictiveRule(Rule):
    """A rule whose weights learn from values that inference finds; a subclass says how it does."""

    #: What makes inference settle, for the warning that it has not.
    cure: ClassVar[str] = (
        "raise iterations (--rule-option iterations=...), lower eta where the energy grows, or nudge less "
        "(nudging=0.1), under which the weights near the output grow less"
    )

    takes = None
    # One step: a rate neuron answers alike at every one. An output without bounds, as its values have none.
    default_settings = {
        "steps": 1,
        "neuron_option": {"activation": "tanh"},
        "output": "rate",
        "output_option": {"activation": "linear"},
    }
    loss: Loss

    @property
    def kinds(self) -> tuple[type[Neuron], ...]:
        """The neurons whose values it finds."""
        return (Rate,)

    def __init__(self, loss: Loss, nudging: float) -> None:
        check_instance("loss", loss, Loss, "for example loss=SquaredError()")
        check_finite("nudging", nudging)
        if nudging == 0:
            raise ValueError(
                "nudging is 0, so that targets have no effect, expected a number above 0, or below 0 to be drawn away "
                "from them: for example nudging=1"
            )
        self.loss, self.nudging = loss, nudging

    @property
    def factors(self) -> Factors:
        return ALL

    @property
    def requires(self) -> tuple[Need, ...]:
        why = f"finds values of {'rate ' if self.kinds == (Rate,) else ''}neurons block by block"
        return (
            LossFits(self.loss),
            Chain(why, "train with bptt"),
            NoFeedback(why, "train with bptt"),
            Neurons(*self.kinds, why=why),
            PlainRate("takes the output's values for the scores"),
            Passes("no delays", check_delays),
            Passes("values that do not depend on other samples", check_samples),
            SomethingToLearn(),
        )

    def changes(
        self, energy: Energy, values: Values, slopes: Slopes, samples: int, strength: float | None = None
    ) -> dict[str, Tensor]:
        r"""{parameter: $\partial E / \partial\theta$ over the nudging's strength, mean of the samples}."""
        found, strength = energy.weight_slopes(values, slopes), strength or self.nudging
        return {name: slope.div_(strength * samples) for name, slope in found.items()}

    def warnings(self, metrics: Mapping[str, float]) -> list[str]:
        share = metrics.get("settled", 1.0)
        if share >= MOST:
            return []
        return [
            f"inference has settled for {100 * share:.0f} % of the samples alone (mean residual "
            f"{metrics['residual']:.2g}), so that weights learn from values still on their way: {self.cure}"
        ]


class InferenceRule(PredictiveRule):
    """A rule whose inference descends the energy of predictive coding by options of the user's.

    Args:
        loss: L, mean of the samples.
        iterations, eta, momentum, discount: of inference (``descend``).
        output, nudging, node, precision: of the energy (``PredictiveEnergy``; the nudging is its strength).
        through: what inference moves, the "values" or the "errors" (``ErrorEnergy``).
    """

    #: Divergence of each block's values from their prediction, in turn, the last for further ones.
    divergences: Sequence[Divergence] = (Gaussian(),)

    def __init__(
        self,
        loss: Loss,
        *,
        iterations: int,
        eta: float,
        momentum: float,
        discount: float,
        output: Output,
        nudging: float,
        node: Node,
        precision: PerLayer,
        through: Through,
    ) -> None:
        super().__init__(loss, nudging)
        check_count("iterations", iterations)
        check_positive("eta", eta)
        check_fraction("momentum", momentum, below_one=True)
        check_positive("discount", discount)
        check_fraction("discount", discount)
        check_choice("output", output, get_args(Output))
        check_choice("node", node, get_args(Node))
        check_choice("through", through, get_args(Through))
        self.iterations, self.eta, self.momentum, self.discount = iterations, eta, momentum, discount
        self.output, self.node, self.through = output, node, through
        self.precision = per_layer("precision", precision)

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, Passes("a precision for each block at most", self._check_precision)

    def _check_precision(self, network: Network, rule: str) -> None:
        check_places(rule, "precision", self.precision, len(network.blocks))

    def energies(
        self, network: Network, batch: Batch, strength: float | None = None
    ) -> tuple[PredictiveEnergy, Energy]:
        """The energy of the values of a batch, and the energy that inference descends; None: nudged as ever."""
        inner = PredictiveEnergy(
            network,
            batch,
            self.loss,
            strength=strength or self.nudging,
            node=self.node,
            output=self.output,
            precision=self.precision,
            divergences=self.divergences,
        )
        return inner, inner if self.through == "values" else ErrorEnergy(inner)

    def looks(self, energy: Energy, tolerance: float = 0.0) -> Iterator[Look]:
        """Inference, look by look."""
        return descend(
            energy,
            self.iterations,
            self.eta,
            momentum=self.momentum,
            discount=self.discount,
            tolerance=tolerance,
        )


def check_delays(network: Network, rule: str) -> None:
    """Raise ValueError where a block is late."""
    for name, block in network.blocks.items():
        if block.delay:
            raise ValueError(
                f"{rule} takes every step for a presentation of its own, but block {name!r} has delay {block.delay}, "
                "expected 0: build the network without (--delay 0)"
            )


def check_samples(network: Network, rule: str) -> None:
    """Raise ValueError where a sample's values depend on the other samples."""
    for name, block in network.blocks.items():
        if isinstance(block.neuron, Rate) and block.neuron.activation.over_batch:
            raise ValueError(
                f"{rule} finds the values of every sample by itself, but the activation {block.neuron.activation!r} of "
                f"block {name!r} depends on the others: use tanh or relu (--neuron-option activation=tanh)"
            )
        if any(isinstance(module, _BatchNorm) for module in block.synapse.modules()):
            raise ValueError(
                f"{rule} evaluates a block many times, each of which batch norm would normalise anew, but block "
                f"{name!r} has one: leave it out (--no-batch-norm, another --input-norm)"
            )

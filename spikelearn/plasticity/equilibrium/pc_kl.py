"""Predictive coding whose layers have any distribution: values are its parameters, errors are KL divergences."""

from collections.abc import Sequence

from spikelearn.plasticity.base import RULES, OptimizerChoice
from spikelearn.plasticity.equilibrium import distributions as distributions  # registers them
from spikelearn.plasticity.equilibrium.energies.divergence import DIVERGENCES, Divergence
from spikelearn.plasticity.equilibrium.energies.layer_maps import Node
from spikelearn.plasticity.equilibrium.energies.predictive import Output
from spikelearn.plasticity.equilibrium.pc_prospective import ProspectiveConfiguration
from spikelearn.plasticity.losses import CrossEntropy, Loss
from spikelearn.plasticity.per_layer import PerLayer, check_places
from spikelearn.plasticity.requires import Need, Passes


@RULES.register("pc-kl")
class PCKL(ProspectiveConfiguration):
    r"""Predictive coding beyond Gaussians: each hidden layer has a distribution, and errors are KL divergences.

    $$E = \sum_{l<L} \pi_l\, \mathrm{KL}\big(X_l(v_l)\,\|\,X_l(\mu_l)\big) + \lambda L(\mu_L), \qquad
      \mu_l = W_l\,\phi_{l-1}(v_{l-1}) + b_l, \quad v_0 = x$$

    The values $v_l$ are the parameters of the distribution X of layer l, and $\mu_l$ those that the layer below
    predicts: means ("gaussian", of unit variance, with which the rule is ``pc-prospective``), means and log variances
    ("gaussian-variance"), logits of units that are on or off ("bernoulli"), or of one among the layer's units
    ("categorical"). The next layer reads them through the neurons' activation, which should fit: ``sigmoid`` of
    "bernoulli", ``softmax`` of "categorical", ``half-tanh`` of "gaussian-variance". Inference and learning are as in
    ``pc-prospective``: values begin at $\mu$ of a forward pass, where all divergences are 0, and descend E; the weights
    then descend $\frac1\lambda \partial E / \partial \theta$, mean of the samples.

    The target stands in the loss L: cross-entropy is the divergence of the class from a categorical output, half a
    squared distance that of a target from a Gaussian one.

    Metrics: ``energy``, ``residual``, ``settled`` and ``iterations`` as in ``pc-prospective``.

    Args:
        loss: L, mean of the samples.
        distribution: of the layers, by name or as objects; several, joined by "+" in text, are those of each block in
            turn, the last for further ones: bernoulli+categorical.
        iterations, momentum, discount, tolerance, output, nudging, node, precision: as in ``pc-prospective``.
        eta: $\eta$, unit of value per unit of slope; None: 2 of logits, whose divergences are flat, 0.3 of Gaussians.

    Shapes: inputs [T, B, ...], every step a presentation of its own; targets [B]; gradients shaped like their
        parameters.

    Raises:
        ValueError: as ``pc-prospective``; an unknown distribution, more of them than blocks, an odd number of units of
            "gaussian-variance".

    Source: Pinchetti, Salvatori, Yordanov, Millidge, Song & Lukasiewicz, NeurIPS 2022, "Predictive coding beyond
    Gaussian distributions"; derivatives in closed form. deviation: changes are a mean over the samples, and divided by
    $\lambda$.
    """

    default_optimizer = OptimizerChoice("adam", 1e-2)
    default_settings = {
        "steps": 1,
        "neuron_option": {"activation": "sigmoid"},
        "output": "rate",
        "output_option": {"activation": "linear"},
    }

    def __init__(
        self,
        loss: Loss = CrossEntropy(),
        distribution: str | Sequence[Divergence] = "bernoulli",
        *,
        iterations: int = 16,
        eta: float | None = None,
        momentum: float = 0.0,
        discount: float = 1.0,
        tolerance: float = 0.0,
        output: Output = "predicted",
        nudging: float = 1.0,
        node: Node = "pre",
        precision: PerLayer = 1.0,
    ) -> None:
        divergences = _divergences(distribution)
        super().__init__(
            loss,
            iterations=iterations,
            eta=min(each.eta for each in divergences) if eta is None else eta,
            momentum=momentum,
            discount=discount,
            tolerance=tolerance,
            output=output,
            nudging=nudging,
            node=node,
            precision=precision,
        )
        self.distribution, self.divergences = distribution, divergences

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, Passes(
            "a distribution for each block at most",
            lambda network, rule: check_places(rule, "distributions", self.divergences, len(network.blocks)),
        )


def _divergences(distribution: str | Sequence[Divergence]) -> tuple[Divergence, ...]:
    found = DIVERGENCES.make_several(distribution) if isinstance(distribution, str) else list(distribution)
    for each in found:
        if not isinstance(each, Divergence):
            raise ValueError(
                f"distribution is {distribution!r}, expected names such as 'bernoulli' or 'bernoulli+categorical', or "
                "a sequence of Divergence"
            )
    if not found:
        raise ValueError("distribution names none, expected one at least, for example 'bernoulli'")
    return tuple(found)

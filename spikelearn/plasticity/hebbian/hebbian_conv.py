"""Hebbian learning with hard winners and thresholds that follow the rate."""

from typing import Literal

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_flag
from spikelearn.network import Network, Record
from spikelearn.neurons.parts.winners import k_largest
from spikelearn.plasticity.base import RULES, Memory, OptimizerChoice
from spikelearn.plasticity.hebbian.competition import UNITS, by_neuron, over_places, rate_homeostasis
from spikelearn.plasticity.hebbian.layerwise import LayerwiseHebbian, LearningLayer
from spikelearn.plasticity.per_layer import PerLayer, check_places, of_layer, per_layer
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.synapses import as_float, correlate, front_and_weights, trainable

#: Largest strength of a graded winner, unit of potential.
LARGEST = 50.0


@RULES.register("hebbian-conv")
class HebbianConv(LayerwiseHebbian):
    r"""The k strongest neurons at a place learn what they see there, and all learn thresholds that make them win alike.

    $$r = W x - \theta, \qquad y_c = [r_c > 0 \text{ and } r_c \text{ is one of the k largest}]$$

    and, summed over places, with the weights and thresholds before the step,

    $$\Delta w_c = \begin{cases} y_c\,(x - w_c) & \text{instar} \\ y_c\,(x - y_c w_c) & \text{oja} \\
      y_c\,x & \text{plain} \end{cases} \qquad \Delta\theta_c = \overline{y_c > 0} - k/n$$

    where the bias of a block is $-\theta$, learned where it requires a gradient. With y of 0 and 1 instar and oja are
    one rule; with ``graded`` y is r of the k largest, at most 50, and may be negative. Behind a step every neuron's
    weights are scaled to length 1 (``incoming_length``), which "plain" cannot do without. In front of the weights
    stands ``SampleNorm`` (``input_norm="sample"``); what is sent on is r above the mean of all maps, the triangle
    activation. Fixed random masks are a pruning, ``random``; to whiten images is left to the data. The rule sees no
    target.

    Args:
        update: "instar", "oja" or "plain".
        winners: k, neurons that learn at a place and step; one for all blocks, or one a block as in 1/1/2.
        graded: whether y is r itself; else 0 or 1.
        burn_in: batches at first in which thresholds learn, and weights do not.

    Shapes: inputs [T, B, ...]; W [n, in] or [n, C, h, w].

    Raises:
        ValueError: a value out of range, winners that are no whole numbers; feedback edges, weights that do not stand
            last in their synapse.

    Source: Miconi, arXiv 2107.01729, 2021, and the author's program; as an arm of a comparison: Gupta et al.,
    arXiv 2212.04614, 2022.
    """

    default_optimizer = OptimizerChoice(
        "hebbian", 0.01, {"scaled": False, "layer_factors": "1/1/10", "bias_factor": 300.0}
    )
    resting_options = ("burn_in",)
    default_settings = {
        "net": "32C3-P2-64C2-10",
        "steps": 1,
        "neuron": "rate",
        "neuron_option": {"activation": "triangle"},
        "input_norm": "sample",
        "init": "unit-norm",
        "incoming_length": 1.0,
        "readout": "ridge",
    }

    def __init__(
        self,
        update: Literal["instar", "oja", "plain"] = "instar",
        winners: PerLayer = 1,
        *,
        graded: bool = False,
        burn_in: int = 0,
    ) -> None:
        check_choice("update", update, ("instar", "oja", "plain"))
        check_flag("graded", graded)
        check_count("burn_in", burn_in, least=0)
        self.update, self.winners, self.graded, self.burn_in = update, per_layer("winners", winners), graded, burn_in
        if any(count != int(count) for count in self.winners):
            raise ValueError(f"winners is {winners!r}, expected whole numbers of neurons")

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, Passes("fewer winners than neurons", self._check_winners)

    def _check_winners(self, network: Network, rule: str) -> None:
        check_places(rule, "winners", self.winners, len(network.blocks))
        for place, (name, block) in enumerate(network.blocks.items()):
            parts = front_and_weights(block.synapse)
            if not trainable(block.synapse) or parts is None:
                continue
            weight, count = parts[1].weight, int(of_layer(self.winners, place))
            assert isinstance(weight, Tensor)
            if count > len(weight):
                raise ValueError(
                    f"{rule} lets {count} neurons win at a place, but block {name!r} has {len(weight)} there: choose "
                    "fewer winners, or a wider block"
                )

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """How many batches were seen."""
        self.check(network)
        return {"batches": torch.zeros(())}

    def kept(self, memory: Memory, record: Record) -> Memory:
        return {"batches": memory["batches"] + 1.0}

    def competition(self, layer: LearningLayer) -> tuple[Tensor, Tensor, Tensor]:
        """x, r and y of a block, [T, B, in...], [T, B, n, ...] and [T, B, n, ...]."""
        r = layer.seen.v
        strongest = k_largest(r, int(of_layer(self.winners, layer.place)), UNITS)
        y = (strongest * r).clamp(max=LARGEST) if self.graded else (strongest & (r > 0)).to(r.dtype)
        return as_float(layer.pre, layer.module), r, y

    def changes(self, layer: LearningLayer, memory: Memory) -> dict[str, Tensor]:
        x, r, y = self.competition(layer)
        samples, weight = y.shape[1], layer.weight
        change = correlate(layer.module, x, y)["weight"]
        if self.update != "plain":
            strength = y.square() if self.update == "oja" else y
            change = change - by_neuron(over_places(strength), weight) * weight
        learning = (memory["batches"] > self.burn_in - 1).to(change)
        grads = {"weight": -learning * change / samples}
        if layer.bias is not None:
            target = of_layer(self.winners, layer.place) / r.shape[UNITS]
            grads["bias"] = rate_homeostasis((y > 0).to(r.dtype), target)
        return grads

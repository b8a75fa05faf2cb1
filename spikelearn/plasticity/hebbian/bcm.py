"""The rule of Bienenstock, Cooper and Munro: a threshold between depression and potentiation that slides."""

import torch
from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.network import Network, Record
from spikelearn.plasticity.base import RULES, Memory, OptimizerChoice
from spikelearn.plasticity.hebbian.layerwise import LayerwiseHebbian, LearningLayer
from spikelearn.plasticity.requires import DenseLast, Need
from spikelearn.synapses import as_float, front_and_weights, trainable


@RULES.register("bcm")
class BCM(LayerwiseHebbian):
    r"""Rates above a threshold potentiate, rates below it depress; the threshold follows the square of the rate.

    $$\Delta w_k = \frac1B \sum_b y_k\,(y_k - \theta_k)\,x, \qquad
      \theta_k \leftarrow (1 - h)\,\theta_k + \frac{h}{B} \sum_b y_k^2, \qquad
      x = \frac1T \sum_t s[t], \quad y = \frac1T \sum_t z[t]$$

    The weights of a batch learn with the threshold before it. A neuron becomes selective: of n inputs that are linearly
    independent and equally frequent, it ends at y = n for one and at 0 for the others. $\theta$ must slide faster than
    the weights move, or rates run away. Biases do not learn. The rule sees no target; a readout is fitted.

    Args:
        slide: h, share of the threshold that is new behind a batch, in [0, 1].

    Shapes: inputs [T, B, ...]; x [B, in] and y [B, n], per step; W [n, in]; $\theta$ [n], rate squared, 1 at first.

    Raises:
        ValueError: a share outside [0, 1]; layers that are not dense, feedback edges, weights that do not stand last.

    Source: Bienenstock, Cooper & Munro, Journal of Neuroscience 2, 1982; the mean square as threshold: Intrator &
    Cooper, Neural Networks 5, 1992. Neurons whose rates are not negative: those that fire, or a rectified activation.
    """

    default_optimizer = OptimizerChoice("sgd", 0.01)
    default_settings = {"steps": 1, "neuron": "rate", "bias": False, "readout": "linear-probe"}

    def __init__(self, slide: float = 0.1) -> None:
        check_fraction("slide", slide)
        self.slide = slide

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, DenseLast("compares one rate a neuron with its threshold")

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """A threshold for each neuron, by the place of its block."""
        self.check(network)
        memory = {}
        for place, block in enumerate(network.blocks.values()):
            parts = front_and_weights(block.synapse)
            if trainable(block.synapse) and parts is not None:
                assert isinstance(parts[1].weight, Tensor)
                memory[f"threshold{place}"] = torch.ones_like(parts[1].weight.detach()[:, 0])
        return memory

    def kept(self, memory: Memory, record: Record) -> Memory:
        kept, names = {}, list(record)
        for name, threshold in memory.items():
            rates = record[names[int(name.removeprefix("threshold"))]].spikes.to(threshold.dtype).mean(0)
            kept[name] = threshold.lerp(rates.square().mean(0), self.slide)
        return kept

    def changes(self, layer: LearningLayer, memory: Memory) -> dict[str, Tensor]:
        x, y = as_float(layer.pre, layer.module).mean(0), layer.seen.spikes.to(layer.weight.dtype).mean(0)
        strength = y * (y - memory[f"threshold{layer.place}"])
        return {"weight": -strength.t() @ x / len(y)}

"""Soft winner-take-all with Oja's decay: SoftHebb, of one layer and of many."""

from typing import Literal

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_fraction
from spikelearn.network import Network
from spikelearn.plasticity.base import RULES, Memory, OptimizerChoice
from spikelearn.plasticity.hebbian.competition import by_neuron, opposed, over_places, soft_winners
from spikelearn.plasticity.hebbian.layerwise import LayerwiseHebbian, LearningLayer
from spikelearn.plasticity.per_layer import PerLayer, check_places, of_layer, per_layer
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.synapses import as_float, correlate, drive
from spikelearn.traces import trace


@RULES.register("softhebb")
class SoftHebb(LayerwiseHebbian):
    r"""Every neuron learns from its share of a soft competition, until its weights have the length 1.

    $$u = W x + b, \qquad y_k = \frac{e^{\beta u_k}}{\sum_j e^{\beta u_j}}, \qquad
      \Delta w_k = s_k\,(x - u_k w_k), \qquad \Delta b_k = s_k\,e^{-\beta b_k} - 1$$

    summed over steps and, in an image, over places, at each of which the maps compete. With ``losers="hebbian"``
    $s = y$; with "opposed" $s_k = y_k$ for the largest u and $-y_k$ for the others, which deep networks need. A bias is
    the logarithm of how often a neuron should win, over $\beta$; without one all are alike. Where neurons fire, their
    spikes are $s$: of ``stochastic-winner``, of which one fires a step with probability y, they give the same change in
    the mean. Biases learn where they require a gradient. The rule sees no target; a readout is fitted.

    The default optimizer divides the change by its largest entry, and gives each neuron a rate that falls as its
    weights reach length 1, where $w_k \cdot \Delta w_k = s_k u_k (1 - |w_k|^2)$ is 0. "opposed" needs centred inputs:
    ``input_norm="batch"`` stands in front of the weights.

    Args:
        t_inv: $\beta$, inverse temperature, per unit of u; one for all blocks, or one a block as in 1/0.65/0.25.
        losers: "hebbian" or "opposed".
        decay: of a trace of the inputs, factor per step, $x[t] = \mathrm{decay}\,x[t-1] + s[t]$; 0: the inputs
            themselves. Only where neurons fire.

    Shapes: inputs [T, B, ...]; W [n, in] or [n, C, h, w].

    Raises:
        ValueError: a value out of range; opposed losers where neurons fire, whose shares nobody sees; a trace where
        they
            do not; feedback edges, weights that do not stand last in their synapse.

    Source: Moraitis, Toichkin, Journe, Chua & Guo, Neuromorphic Computing and Engineering 2, 2022; opposed losers and
    many layers: Journe, Garcia Rodriguez, Guo & Moraitis, ICLR 2023, and the authors' program; spiking: Nessler,
    Pfeiffer, Buesing & Maass, PLoS Computational Biology 9, 2013.
    """

    default_optimizer = OptimizerChoice("hebbian", 0.045, {"power": 0.2})
    default_settings = {
        "steps": 1,
        "neuron": "rate",
        "bias": False,
        "readout": "linear-probe",
    }

    def __init__(
        self, t_inv: PerLayer = 12.0, losers: Literal["hebbian", "opposed"] = "hebbian", *, decay: float = 0.0
    ) -> None:
        check_choice("losers", losers, ("hebbian", "opposed"))
        check_fraction("decay", decay, below_one=True)
        self.t_inv, self.losers, self.decay = per_layer("t_inv", t_inv), losers, decay

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, Passes("neurons that fit losers and decay", self._check_neurons)

    def _check_neurons(self, network: Network, rule: str) -> None:
        check_places(rule, "t_inv", self.t_inv, len(network.blocks))
        for name, block in network.blocks.items():
            kind = type(block.neuron).__name__
            if block.neuron.fires and self.losers == "opposed":
                raise ValueError(
                    f"{rule} with losers 'opposed' needs the shares of all neurons, but those of block {name!r} "
                    f"({kind}) fire: take losers=hebbian, or rate neurons (--neuron rate)"
                )
            if not block.neuron.fires and self.decay:
                raise ValueError(
                    f"{rule} has a trace of decay {self.decay}, but the neurons of block {name!r} ({kind}) do not fire "
                    "and compete anew at every step: leave decay out, or take --neuron stochastic-winner"
                )

    def competition(self, layer: LearningLayer) -> tuple[Tensor, Tensor, Tensor]:
        """x, u and s of a block, [T, B, in...], [T, B, n, ...] and [T, B, n, ...]."""
        x = as_float(layer.pre, layer.module)
        if layer.neuron.fires:
            x = trace(x, self.decay) if self.decay else x
            return x, drive(layer.module, x), layer.seen.spikes.to(x.dtype)
        u = layer.seen.v
        y = soft_winners(u, of_layer(self.t_inv, layer.place))
        return x, u, opposed(y, u) if self.losers == "opposed" else y

    def changes(self, layer: LearningLayer, memory: Memory) -> dict[str, Tensor]:
        x, u, s = self.competition(layer)
        samples, weight, bias = s.shape[1], layer.weight, layer.bias
        met = correlate(layer.module, x, s)["weight"]
        decay = by_neuron(over_places(s * u) / samples, weight)
        grads = {"weight": torch.addcmul(met / -samples, decay, weight)}
        if bias is not None:
            prior = (of_layer(self.t_inv, layer.place) * bias).exp()
            won = over_places(s)
            competitions = s.numel() / len(won)
            grads["bias"] = (competitions - won / prior) / samples
        return grads

"""A target of a block's own, drawn once for every class: no error is needed, and no other block."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_positive
from spikelearn.network import Network
from spikelearn.neurons import Neuron, Rate
from spikelearn.plasticity.back_weights import neuron_shapes
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Local, Taught
from spikelearn.tasks import check_targets
from spikelearn.traces import over_steps

#: What stands before a block in the names of a rule's memory.
TARGETS = "layer_targets."

Distance = Literal["l2", "l1"]
Squash = Literal["auto", "rate", "tanh", "none"]
Over = Literal["presentation", "step"]


@SIGNALS.register("layer-target")
class LayerTarget(Local):
    r"""The derivative of a block's distance to a target of its own, a projection of the class by fixed random weights.

    $$m_l = \frac{\partial J_l}{\partial s_l}, \qquad
      J_l = \tfrac12 \lVert \bar s_l - t_l \rVert_2^2 \ \text{(l2)} \quad\text{or}\quad
      \lVert \bar s_l - t_l \rVert_1 \ \text{(l1)}, \qquad t_l = q(P_l\, y)$$

    $\bar s_l$ is what the block sends, mean of the steps; y is the one-hot class. P is drawn from U(-g, g), and q
    brings targets into the range of the neurons.

    Args:
        loss: what the last block and the readout descend.
        distance: "l2" or "l1", whose derivative is the sign of the difference.
        squash: q: "rate", (1 + tanh)/2 in (0, 1); "tanh", in (-1, 1); "none"; "auto": "tanh" for neurons that send
            negative numbers, "rate" for others.
        gain: g, dimensionless.
        peak: factor on targets of neurons that fire, spikes per step.
        over: "presentation": the mean of the steps has the target; "step": every step has.

    Shapes: s_l [T, B, ...], y [B, classes], P and t of all classes [classes, ...]; dimensionless.

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a task without classes.

    Source: Lomnitz, Daniels, Zhang & Piacentino, arXiv 2208.08503, 2022 (tpSGD). deviation: the factor 1/2, which makes
    the derivative theirs; q, g and the peak, of which no body of the paper was at hand; a mean over the batch and the
    steps.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        *,
        distance: Distance = "l2",
        squash: Squash = "auto",
        gain: float = 3.0,
        peak: float = 0.3,
        over: Over = "presentation",
    ) -> None:
        super().__init__(loss)
        check_choice("distance", distance, get_args(Distance))
        check_choice("squash", squash, get_args(Squash))
        check_positive("gain", gain)
        check_positive("peak", peak)
        check_choice("over", over, get_args(Over))
        self.distance, self.squash, self.gain, self.peak, self.over = distance, squash, gain, peak, over
        self.whole = over == "presentation"

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``layer_targets.<block>``: t of every class} of all blocks but those that are read."""
        shapes, like = neuron_shapes(self.name, network), next(network.parameters())
        classes = sum(math.prod(shapes[name]) for name in network.outputs)
        memory: Memory = {}
        for name in (name for name in shapes if name not in network.outputs):
            drawn = torch.rand(
                classes, *shapes[name], generator=generator, dtype=torch.float64, device=generator.device
            )
            projected = self.gain * (2.0 * drawn - 1.0)
            memory[TARGETS + name] = self._squashed(projected, network.blocks[name].neuron).to(like)
        return memory

    def teach(
        self, name: str, spikes: Tensor, potentials: Tensor, batch: Batch, shares: Tensor, memory: Memory
    ) -> Taught:
        if batch.task.name != "classify":
            raise ValueError(f"{self.name} has a target for each class, but the task is {batch.task!s}: use direct")
        targets = memory[TARGETS + name]
        check_targets(batch.targets, len(targets))
        wanted = targets[batch.targets]
        weights = shares.view(*shares.shape, *(1 for _ in wanted.shape[1:]))
        sent = spikes.to(wanted)
        if self.whole:
            total = shares.sum(0)
            sent = over_steps(sent, shares / total).unsqueeze(0)
        away = sent - wanted
        each = away.abs() if self.distance == "l1" else 0.5 * away.square()
        counted = weights.sum(0, keepdim=True) if self.whole else weights
        signal = weights * (away.sign() if self.distance == "l1" else away) / batch.size
        return Taught(signal.expand_as(spikes), loss=(counted * each).sum() / batch.size)

    def _squashed(self, projected: Tensor, neuron: Neuron) -> Tensor:
        squash, peak = self.squash, self.peak if neuron.fires else 1.0
        if squash == "auto":
            signed = neuron.activation.signed if isinstance(neuron, Rate) else not neuron.fires
            squash = "tanh" if signed else "rate"
        if squash == "none":
            return peak * projected
        return peak * torch.tanh(projected) if squash == "tanh" else 0.5 * peak * (1.0 + torch.tanh(projected))

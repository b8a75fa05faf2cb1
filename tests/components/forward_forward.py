"""A rule of one's own that predicts by one run for each class, and draws a wrong class for every sample."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.network import Network, learning_only
from spikelearn.neurons import ATan, Surrogate
from spikelearn.plasticity import RULES, Batch, Memory, OptimizerChoice, Rule, Update
from spikelearn.plasticity.requires import trainable_names


@RULES.register("own-forward-forward")
class ForwardForward(Rule):
    r"""Every block learns to be active for the right class, and silent for a wrong one, that stands in the input.

    Args:
        classes: number of classes.
        goal: activity that divides the two, squared spikes per step; it follows the data.

    Shapes: inputs [T, B, ...], targets [B].

    Source: Hinton, arXiv 2212.13345, 2022.
    """

    default_optimizer = OptimizerChoice("adam", 3e-3)

    def __init__(self, classes: int = 10, goal: float = 0.1) -> None:
        self.classes, self.goal = classes, goal

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        self.check(network)
        return {"goal": torch.tensor(self.goal)}

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        return {"wrong": torch.randint(1, self.classes, (batch.size,), generator=generator)}

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        wrong = (batch.targets + self.drawn(network, batch, generator)["wrong"]) % self.classes
        names = trainable_names(network)
        with learning_only(network, names), network.presentation() as buffers, torch.enable_grad():
            right, other = (self._goodness(network, batch.inputs, label) for label in (batch.targets, wrong))
            goal = memory["goal"]
            loss = (F.softplus(10.0 * (goal - right)) + F.softplus(10.0 * (other - goal))).sum(1).mean()
            grads = torch.autograd.grad(loss, [network.get_parameter(name) for name in names])
        with torch.no_grad():
            scores = self.scores(network, batch.inputs, memory)
            level = torch.cat([right, other]).mean()
        yield Update(
            dict(zip(names, grads, strict=True)),
            scores,
            loss.detach(),
            buffers=buffers,
            memory={"goal": 0.9 * goal + 0.1 * level.to(goal.dtype)},
            rates=dict.fromkeys(network.blocks, 0.0),
        )

    def scores(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        labels = (torch.full((inputs.shape[1],), label) for label in range(self.classes))
        return torch.stack([self._goodness(network, inputs, label).sum(1) - memory["goal"] for label in labels], 1)

    def _goodness(self, network: Network, inputs: Tensor, label: Tensor) -> Tensor:
        """Mean squared rate of every block, [B, blocks], with ``label`` in the first inputs."""
        flat = inputs.flatten(2).clone()
        flat[:, :, : self.classes] = F.one_hot(label, self.classes).to(flat.dtype)
        adjoint = Surrogate(ATan())
        record, _ = network.run(flat.view_as(inputs), adjoint=adjoint, cut=True)
        return torch.stack([record[name].spikes.mean(0).flatten(1).square().mean(1) for name in network.blocks], 1)

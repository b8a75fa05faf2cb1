"""Deep artificial neurons: vectors of weights learn by gradients, through a network that all neurons have in common."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor

from spikelearn.network import Network, learning_only
from spikelearn.neurons import ATan, DeepArtificialNeuron, Phenotype, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Update
from spikelearn.plasticity.gradient.base import GradientRule, gradient_update
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.requires import Need, Neurons


@RULES.register("dan")
class DAN(GradientRule):
    r"""Deep artificial neurons: the vectors of weights learn by the gradient of a loss, the shared phenotype does not.

    $$\Delta W \propto -\frac{\partial L(W, \theta)}{\partial W}, \qquad y_j = \Phi_\theta(\tanh I_j)$$

    Every connection is a vector of $n_c$ weights, one a channel of the neuron that it drives, and $\Phi_\theta$, one
    small network for all neurons, answers to the channels (neuron ``dan``). $\theta$ was learned beforehand, by
    ``spikelearn phenotype``, such that a network whose vectors learn one task after the other forgets less; it stays as
    it is here, so that the rule is backpropagation through it. In that outer loop $\theta$ learns by the derivative of
    the same loss on samples of all tasks, with the vectors held as they are (``hyper``), to first order.

    Args:
        loss: what is descended.

    Shapes: inputs [T, B, ...], targets as the loss takes them; gradients shaped like their parameters, of dense layers
    [n n_c, m].

    Raises:
        ValueError: other neurons; as ``bptt``.

    Source: Camp, Mandivarapu & Estrada, arXiv 2011.07035, 2020, and the authors' program. deviation: the step of Adam
    is 0.003 by default, there 0.01 on functions of one number, at which images are not learned.
    """

    takes_channels = True
    default_optimizer = OptimizerChoice("adam", 0.003)
    default_schedule = "constant"
    default_settings: ClassVar[Mapping[str, Any]] = {"steps": 1}

    def __init__(self, loss: Loss = CrossEntropyRate()) -> None:
        # No neuron fires, so that no surrogate has a part.
        super().__init__(loss, Surrogate(ATan()))

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, Neurons(DeepArtificialNeuron, why="learns vectors of weights")

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        yield gradient_update(network, batch, self.loss, self.adjoint, self.learned(network))

    def hyper(self, network: Network, batch: Batch) -> Update:
        """The derivative of the loss in the phenotype, ``own`` {tensor: derivative}, with all weights held.

        Raises:
            ValueError: neurons that do not share one phenotype.
        """
        tensors = phenotype_of(network).tensors
        with learning_only(network, ()), network.presentation() as buffers, torch.enable_grad(), _learning(tensors):
            record, _ = network.run(batch.inputs, adjoint=self.adjoint, masks=batch.masks, output_only=True)
            scores = network.scores(record, batch.valid_steps)
            value = self.loss.of(batch, record.output, scores)
            found = torch.autograd.grad(value, list(tensors.values()))
        own = dict(zip(tensors, found, strict=True))
        return Update({}, scores.detach(), value.detach(), own=own, buffers=buffers)


@contextmanager
def _learning(tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """Have the phenotype's ``tensors``, which are constants, require a gradient for once."""
    for tensor in tensors.values():
        tensor.requires_grad_(True)
    try:
        yield
    finally:
        for tensor in tensors.values():
            tensor.requires_grad_(False)


def phenotype_of(network: Network) -> Phenotype:
    """The phenotype that the neurons of a network share; ValueError where there are several, or none."""
    found = {id(own): own for block in network.blocks.values() if (own := getattr(block.neuron, "phenotype", None))}
    if len(found) != 1:
        raise ValueError(
            f"the network has {len(found)} phenotypes, expected one that all neurons share: hand the same Phenotype to "
            "each DeepArtificialNeuron, or build the network from one neuron factory"
        )
    return next(iter(found.values()))

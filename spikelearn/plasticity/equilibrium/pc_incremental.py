"""Incremental predictive coding: the weights step at every iteration of inference."""

from collections.abc import Iterator, Mapping

import torch

from spikelearn.network import Network
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.equilibrium.energies.energy import settling
from spikelearn.plasticity.equilibrium.energies.layer_maps import Node
from spikelearn.plasticity.equilibrium.energies.predictive import Output
from spikelearn.plasticity.equilibrium.predictive_rule import InferenceRule, Through
from spikelearn.plasticity.losses import Loss, SquaredError
from spikelearn.plasticity.per_layer import PerLayer


@RULES.register("pc-incremental")
class IncrementalPredictiveCoding(InferenceRule):
    r"""Incremental predictive coding (iPC): the weights step at every iteration of inference, together with the values.

    The energy E is that of ``pc-prospective``. In every iteration

    $$v \leftarrow v - \eta\,\frac{\partial E}{\partial v}, \qquad
      \Delta \theta \propto -\frac{1}{\lambda B} \frac{\partial E}{\partial \theta},$$

    both slopes at the same values and weights. Inference and learning need not be told apart: nothing has to know that
    values have settled. A batch is as many updates as there are iterations; the values of the next one begin anew.

    Metrics: ``energy``, ``residual`` and ``settled`` as those of ``pc``, at every iteration.

    Args:
        loss, eta, momentum, discount, output, nudging, node, precision, through: as in ``pc-prospective``.
        iterations: updates a batch.

    Shapes: as in ``pc-prospective``.

    Raises:
        ValueError: as ``pc-prospective``.

    Source: Salvatori, Song, Yordanov, Millidge, Sha, Emde, Xu, Bogacz & Lukasiewicz, ICLR 2024, algorithm 1; the
    program of Song et al., Nature Neuroscience 27, 2024, for its order of steps. deviation: as ``pc-prospective``.
    """

    loss: Loss

    def __init__(
        self,
        loss: Loss = SquaredError(),
        *,
        iterations: int = 8,
        eta: float = 0.1,
        momentum: float = 0.0,
        discount: float = 1.0,
        output: Output = "predicted",
        nudging: float = 1.0,
        node: Node = "pre",
        precision: PerLayer = 1.0,
        through: Through = "values",
    ) -> None:
        super().__init__(
            loss,
            iterations=iterations,
            eta=eta,
            momentum=momentum,
            discount=discount,
            output=output,
            nudging=nudging,
            node=node,
            precision=precision,
            through=through,
        )

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        inner, energy = self.energies(network, batch)
        looks = self.looks(energy)
        for number in range(self.iterations):
            with network.presentation() as buffers:
                # The step between two updates has changed the weights.
                energy.weights_changed()
                look = next(looks)
                if number == 0:
                    loss, scores = inner.predicted()
                grads = self.changes(energy, look.values, look.slopes, batch.size)
            metrics = settling(energy, look.values, look.slopes)
            yield Update(grads, scores, loss, buffers=buffers, metrics=metrics)

    def warnings(self, metrics: Mapping[str, float]) -> list[str]:
        return []

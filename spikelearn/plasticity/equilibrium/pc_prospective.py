"""Prospective configuration: activity settles as it should be after learning, and the weights follow it."""

import math
from collections.abc import Iterator

import torch

from spikelearn.checks import check_not_negative
from spikelearn.network import Network
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.equilibrium.dynamics.descent import last
from spikelearn.plasticity.equilibrium.energies.energy import settling
from spikelearn.plasticity.equilibrium.energies.layer_maps import Node
from spikelearn.plasticity.equilibrium.energies.predictive import Output
from spikelearn.plasticity.equilibrium.predictive_rule import InferenceRule, Through
from spikelearn.plasticity.losses import Loss, SquaredError
from spikelearn.plasticity.per_layer import PerLayer

#: Name of the memory that counts batches.
BATCHES = "batches"


@RULES.register("pc-prospective")
class ProspectiveConfiguration(InferenceRule):
    r"""Prospective configuration: activity settles as it should be after learning, and the weights follow it.

    $$E = \sum_{l<L} \tfrac{\pi_l}{2} |v_l - \mu_l|^2 + \lambda L(\mu_L), \qquad
      \mu_l = W_l\,\phi_{l-1}(v_{l-1}) + b_l, \quad v_0 = x$$

    Inference descends E in the values from those of a forward pass, $u \leftarrow m u + \partial E/\partial v$,
    $v \leftarrow v - \eta u$; then the weights descend $\frac1\lambda \partial E / \partial\theta$, mean of the
    samples, at the values of the last look. A small $\lambda$ (soft nudging) gives the gradient of backpropagation, up
    to a difference that is linear in $\lambda$. A negative one draws the output away from the target, and the weights
    away from where it goes.

    With the output "free" the last block has values too, and L is of these; with "clamped" they are held at $\hat v_L -
    \lambda \partial L / \partial \hat v_L$, $\hat v$ those of the forward pass. Small displacements then give
    backpropagation of $S^{-1}$ times the output's error, $S = I + \sum_{l<L} J_l J_l^\top$, $J_l$ the derivative of the
    output in $v_l$. With ``squared-error`` and $\lambda$ = 1 they are held at the target, as if "predicted".

    "errors" reaches the same equilibrium by descent in the errors $v_l - \mu_l$, of which values are a function
    (error-based predictive coding): in deep networks in far fewer iterations, each with a pass through all blocks.

    Metrics: ``energy``, ``residual`` and ``settled`` as those of ``pc``, and ``iterations``.

    Args:
        loss: L, mean of the samples.
        iterations: most looks at the values, which move after every one but the last.
        eta: $\eta$, unit of value per unit of slope; where it is too large for the weights values swing.
        momentum: m, of inference, dimensionless.
        discount: factor of $\eta$ after every move that began at a sum of E, over the batch, not below the one before;
            below 1 the samples of a batch share their step.
        tolerance: residual of all samples at which inference ends early; 0: it does not.
        output: "predicted", "free" or "clamped".
        nudging: $\lambda$.
        node: "pre", values are currents as above; "post": outputs, $\mu_l = \phi_l(W_l v_{l-1} + b_l)$.
        precision: $\pi$, one for all blocks or one a block.
        through: "values" or "errors".
        growth: by how much the strength $|\lambda|$ grows with every batch; 0: it stays.

    Shapes: inputs [T, B, ...], every step a presentation of its own; targets [B]; gradients shaped like their
    parameters.

    Raises:
        ValueError: as ``pc``; a value out of range, more precisions than blocks.

    Source: Song, Millidge, Salvatori, Lukasiewicz, Xu & Bogacz, Nature Neuroscience 27, 2024, and the authors' program;
    nudging, also one that grows (there with every epoch): Pinchetti et al., ICLR 2025, and their program PCX; "errors":
    Goemaere, Oliviers, Bogacz & Demeester, arXiv 2505.20137, 2025. deviation: changes are a mean over the samples, and
    divided by $\lambda$.
    """

    loss: Loss

    def __init__(
        self,
        loss: Loss = SquaredError(),
        *,
        iterations: int = 32,
        eta: float = 0.1,
        momentum: float = 0.0,
        discount: float = 1.0,
        tolerance: float = 0.0,
        output: Output = "predicted",
        nudging: float = 1.0,
        node: Node = "pre",
        precision: PerLayer = 1.0,
        through: Through = "values",
        growth: float = 0.0,
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
        check_not_negative("tolerance", tolerance)
        check_not_negative("growth", growth)
        self.tolerance, self.growth = tolerance, growth

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """``batches``, the number of those seen, where the strength grows."""
        self.check(network)
        return {BATCHES: torch.zeros((), dtype=torch.int64)} if self.growth else {}

    def strength(self, memory: Memory) -> float:
        r"""$\lambda$ of the next batch."""
        grown = self.growth * int(memory[BATCHES]) if self.growth else 0.0
        return math.copysign(abs(self.nudging) + grown, self.nudging)

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        with network.presentation() as buffers:
            strength = self.strength(memory)
            inner, energy = self.energies(network, batch, strength)
            look = last(self.looks(energy, self.tolerance))
            loss, scores = inner.predicted()
            grads = self.changes(energy, look.values, look.slopes, batch.size, strength)
        metrics = settling(energy, look.values, look.slopes) | {"iterations": float(look.number)}
        grown = {BATCHES: memory[BATCHES] + 1} if self.growth else {}
        yield Update(grads, scores, loss, buffers=buffers, memory=grown, metrics=metrics)

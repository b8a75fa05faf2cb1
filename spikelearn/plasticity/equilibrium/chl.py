"""Contrastive Hebbian learning: correlations with the output held at its target, less those of the free network."""

from collections.abc import Iterator

import torch

from spikelearn.checks import check_count, check_instance
from spikelearn.network import Network
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.equilibrium.contrastive import Contrastive, phase_metrics
from spikelearn.plasticity.equilibrium.energies.output_loss import OutputLoss
from spikelearn.plasticity.factors import SUPERVISED, Factors
from spikelearn.plasticity.losses import SquaredError
from spikelearn.plasticity.requires import Need, PlainRate


@RULES.register("chl")
class CHL(Contrastive):
    r"""Contrastive Hebbian learning: Hebbian with the output held at its target, anti-Hebbian while it is free.

    $$s_l \leftarrow \sigma_l\big(f_l(s_{l-1}) + \gamma\,J_{l+1}^\top s_{l+1}\big), \qquad
      g_{W_l} = \frac{\gamma^{l-L}}{B} \big(\check s_l \otimes \check s_{l-1} - \hat s_l \otimes \hat s_{l-1}\big)$$

    $\check s$ are the values after ``free_steps`` steps from zero, $\hat s$ those after ``clamped_steps`` more with the
    output held at y: the nudge of ``eqprop`` at $\beta \to \infty$. As $\gamma \to 0$, g becomes the gradient of
    backpropagation with the error $s_L - y$ at the output's current, with an error that falls as $\gamma$. Predictions
    are those of the free phase.

    Metrics: ``energy_<phase>`` and ``residual_<phase>`` as in ``eqprop``.

    Args:
        loss: whose wanted scores y are, as in ``squared-error:correct=1.0,incorrect=0.0``; its mean over the batch is
            shown.
        free_steps, clamped_steps: steps of the phases.
        gain: $\gamma$, how strongly blocks are pulled from above, dimensionless; 1: as they drive.

    Shapes: inputs [T, B, ...], each step a presentation of its own, targets [B]; values shaped like the neurons.

    Raises:
        ValueError: a value out of range; a network that ``eqprop`` refuses; a readout with weights.

    Source: Movellan, Connectionist Models Summer School 1990; layered networks with weak feedback: Xie & Seung, Neural
    Computation 15, 2003, equations 2.1 to 2.6. deviation: discrete steps in place of differential equations.
    """

    def __init__(
        self,
        loss: SquaredError = SquaredError(),
        *,
        free_steps: int = 30,
        clamped_steps: int = 30,
        gain: float = 0.5,
    ) -> None:
        super().__init__(loss, free_steps=free_steps, gain=gain)
        check_instance("loss", loss, SquaredError, "whose wanted scores hold the output, loss=SquaredError()")
        check_count("clamped_steps", clamped_steps)
        self.loss: SquaredError = loss
        self.clamped_steps = clamped_steps

    @property
    def factors(self) -> Factors:
        return SUPERVISED | {"weights", "record"}

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, PlainRate("holds the output at its target")

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        with torch.no_grad(), network.presentation() as buffers:
            energy = self.energy(network, batch.inputs, memory, batch.masks)
            free = self.free(energy)
            scores, loss = OutputLoss(network, batch, self.loss).read(free.output)
            wanted = self.loss.wanted(scores, batch.targets)
            held = wanted.expand(len(free.output), *wanted.shape).view_as(free.output)
            clamped = energy.relax(free.values, self.clamped_steps, clamp=held)
            grads = energy.contrast(clamped, free, 1.0 / batch.size)
            metrics = phase_metrics(energy, batch, free=free, clamped=clamped)
        yield Update(grads, scores, loss, buffers=buffers, metrics=metrics)

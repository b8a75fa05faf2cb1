"""Equilibrium propagation with neurons that fire: synapses compare windows of a network in which all neurons meet."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_fraction, check_positive
from spikelearn.network import Network
from spikelearn.neurons import IF, LIF
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.equilibrium.contrastive import Contrastive, phase_metrics
from spikelearn.plasticity.equilibrium.energies.hopfield import Phase
from spikelearn.plasticity.equilibrium.energies.output_loss import OutputLoss
from spikelearn.plasticity.equilibrium.energies.spiking_hopfield import Moving, SpikingHopfield
from spikelearn.plasticity.factors import SUPERVISED, Factors
from spikelearn.plasticity.losses import Loss, SquaredError
from spikelearn.plasticity.requires import Neurons

Nudging = Literal["one-sided", "symmetric"]

#: Spikes by which the counts of two halves of a settled window differ at most.
WHOLE_SPIKES = 3.0


@RULES.register("eqprop-spiking")
class EqPropSpiking(Contrastive):
    r"""Equilibrium propagation with neurons that fire, by mean traces of windows.

    $$I_l[t] = f_l(z_{l-1}) + \gamma\,J_{l+1}^\top z_{l+1} - [l = L]\,\beta\,L'(z_L), \quad
      z_l[t] = \alpha\,z_l[t{-}1] + (1 - \alpha)\,s_l[t], \quad
      g_l = -\frac{\bar z_l^{\beta'} \bar z_{l-1}^{\beta'} - \bar z_l^{\beta''} \bar z_{l-1}^{\beta''}}
      {\beta' - \beta''}$$

    with all z on the right of I those of the step before. A free window ($\beta$ = 0, from rest) is followed by nudged
    ones that begin where it ends; $\bar z$ is the mean trace of a window's later part. Compared are $\beta$ and
    $-\beta$ ("symmetric"), or $\beta$ and the free window ("one-sided"). Neurons whose rate is $\sigma(I)$ come to the
    states, and so to the changes, of ``eqprop`` with the activation $\sigma$: integrate-and-fire with a subtractive
    reset to those of a hard sigmoid. Whole spikes leave rates open by 1 over a window's steps, so that $\beta$ is
    larger here. The state of neurons and one trace each is all that is kept. Predictions are those of the free window.

    Metrics: ``energy_<phase>``, as in ``eqprop``, and ``residual_<phase>``, the largest change of a mean trace between
    the halves of the part that counts.

    Args:
        loss: L of the scores; its mean over the batch is shown.
        beta: $\beta$, current per unit of the loss's slope; a smaller one has less bias and more noise.
        free_steps, nudged_steps: steps of the windows.
        nudging: as above.
        gain: $\gamma$, how strongly blocks are pulled from above, dimensionless; 1: as they drive.
        decay: $\alpha$ per step.
        settling: share of each window at its beginning that does not count.

    Shapes: inputs [T, B, ...], whose mean over the steps drives at every step of a window, targets [B]; states shaped
    like the neurons; gradients shaped like their parameters.

    Raises:
        ValueError: a value out of range; a graph of blocks, feedback edges, other neurons than LIF and IF with a
            subtractive reset, delays, batch statistics, a readout that is none of rates.

    Source: Martin et al., iScience 24, 2021 (EqSpike); O'Connor, Gavves & Welling, AISTATS 2019. deviation: windows of
    mean traces in place of their local estimates of rates and their changes, and means over a batch.
    """

    takes: ClassVar[frozenset[str] | None] = frozenset({"classify"})
    default_settings = {"steps": 1}

    def __init__(
        self,
        loss: Loss = SquaredError(),
        beta: float = 0.5,
        *,
        free_steps: int = 40,
        nudged_steps: int = 40,
        nudging: Nudging = "symmetric",
        gain: float = 1.0,
        decay: float = 0.8,
        settling: float = 0.5,
    ) -> None:
        super().__init__(loss, free_steps=free_steps, gain=gain)
        check_positive("beta", beta)
        check_count("nudged_steps", nudged_steps)
        check_choice("nudging", nudging, get_args(Nudging))
        check_fraction("decay", decay, below_one=True)
        check_fraction("settling", settling, below_one=True)
        self.beta, self.nudged_steps, self.nudging = beta, nudged_steps, nudging
        self.decay, self.settling = decay, settling

    neurons = Neurons(IF, LIF, why="compares rates that follow currents", reset="subtract")

    @property
    def factors(self) -> Factors:
        return SUPERVISED | {"weights"}

    def energy(
        self,
        network: Network,
        inputs: Tensor,
        memory: Memory,
        masks: Mapping[str, Tensor] | None = None,
        output: OutputLoss | None = None,
    ) -> SpikingHopfield:
        return SpikingHopfield(
            network, inputs, masks or {}, output, gain=self.gain, decay=self.decay, settling=self.settling
        )

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        output = OutputLoss(network, batch, self.loss)
        with torch.no_grad(), network.presentation() as buffers:
            energy = self.energy(network, batch.inputs, memory, batch.masks, output)
            free, end = energy.window(energy.at_rest(), self.free_steps)
            scores, loss = output.read(free.output)
            nudged = self._nudged(energy, end, self.beta)
            low = self._nudged(energy, end, -self.beta) if self.nudging == "symmetric" else free
            width = nudged.strength - low.strength
            grads = energy.contrast(nudged, low, 1.0 / (width * batch.size))
            metrics = phase_metrics(energy, batch, free=free, nudged=nudged)
            rates = {name: float(value.mean()) for name, value in free.values.items()}
        yield Update(grads, scores, loss, buffers=buffers, rates=rates, metrics=metrics)

    def warnings(self, metrics: Mapping[str, float]) -> list[str]:
        counted = self.free_steps * (1.0 - self.settling) / 2.0
        residual = metrics.get("residual_free", 0.0)
        if residual <= WHOLE_SPIKES / counted:
            return []
        return [
            f"mean traces still change by {residual:.2g} between the halves of the free window, more than whole spikes "
            f"leave open, so that {self.name} follows no gradient: raise free_steps, or let neurons pull less at each "
            "other (gain below 1, smaller weights)"
        ]

    def free(self, energy: Any) -> Phase:
        phase, _ = energy.window(energy.at_rest(), self.free_steps)
        return phase

    def _nudged(self, energy: SpikingHopfield, begun: Moving, strength: float) -> Phase:
        phase, _ = energy.nudged(strength).window(begun, self.nudged_steps)
        return phase

"""Equilibrium propagation: a network settles, is nudged towards the target, and its synapses compare both states."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_flag, check_fraction, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import PREFIX, BackWeights, crossed_weights
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.equilibrium.contrastive import Contrastive, phase_metrics
from spikelearn.plasticity.equilibrium.energies.energy import Values
from spikelearn.plasticity.equilibrium.energies.hopfield import Changes, Hopfield, Phase, VectorField
from spikelearn.plasticity.equilibrium.energies.output_loss import OutputLoss
from spikelearn.plasticity.factors import SUPERVISED, Factors
from spikelearn.plasticity.losses import Loss, SquaredError
from spikelearn.plasticity.per_layer import PerLayer, check_places, of_layer, per_layer
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.synapses import is_linear

Nudging = Literal["one-sided", "random-sign", "symmetric"]
Feedback = Literal["transpose", "learned"]
Presynaptic = Literal["free", "nudged"]

#: Gain of the first weights on the way back that are learned.
BACK = BackWeights("kolen-pollack", 1.0)


@RULES.register("eqprop")
class EqProp(Contrastive):
    r"""Equilibrium propagation: what changes at a synapse between the free and the nudged state is the gradient.

    $$s_l \leftarrow \sigma_l\Big(\frac{\partial\Phi}{\partial s_l}\Big), \quad
      \Phi_\beta = \sum_l \gamma^{l-L} \langle f_l(s_{l-1}), s_l \rangle - \beta L(s_L, y), \quad
      g = -\frac1B \frac{\partial_\theta \Phi_{\beta'}(s^{\beta'}) - \partial_\theta \Phi_{\beta''}(s^{\beta''})}
      {\beta' - \beta''}$$

    Units take ``free_steps`` steps from zero at $\beta$ = 0, to $s^0$, and ``nudged_steps`` from there, to $s^\beta$.
    Compared are $\beta$ and 0 ("one-sided"; "random-sign" with the sign of $\beta$ drawn for each batch), or $\beta$
    and $-\beta$ ("symmetric"). As $\beta \to 0$, g becomes the gradient of the loss at $s^0$, through the steps to it,
    with an error that falls as $\beta$, or $\beta^2$ where it is symmetric. A readout with weights stands outside the
    dynamics, inside L.

    With ``continual`` weights change after every nudged step k = 1 ... K, by what that step alone changed, divided by
    $(1 - d_l)^{K-k}$ for what the optimizer's weight decay will forget of it. With ``feedback="learned"`` states are
    pulled by weights $B_l$ of their own, and $g_{W_l} = -\Delta s_l \otimes s_{l-1} / \Delta\beta$,
    $g_{B_l} = -s_l \otimes \Delta s_{l-1} / \Delta\beta$ (vector field). Predictions are those of the free phase.

    Metrics: ``energy_<phase>``, $-\Phi$ without the loss, and ``residual_<phase>``, the largest change of a state in
    the last step.

    Args:
        loss: L of the scores; its mean over the batch is shown.
        beta: $\beta$, dimensionless; as small as rounding allows, for it is the bias.
        free_steps, nudged_steps: steps of the phases.
        nudging: as above.
        gain: $\gamma$, how strongly blocks are pulled from above, dimensionless; 1: as they drive.
        feedback: "transpose", the forward weights as they are, or "learned".
        presynaptic: with "learned", the states that the changes meet: "free", as the theory has it, or "nudged", of
            $+\beta$, as the authors' program has it where nudging is symmetric.
        continual: whether weights change during the nudged phase (C-EP).
        decay: $d_l$, learning rate times weight decay of the optimizer, one for all blocks or one a block; read with
            ``continual``.

    Shapes: inputs [T, B, ...], each step a presentation of its own, targets [B]; states shaped like the neurons; B_l
    shaped like the weights of block l, whose transpose it stands for.

    Raises:
        ValueError: a value out of range; options that contradict each other or have no effect; a graph of blocks,
            feedback edges, neurons that are no rate neurons, delays, batch statistics, a readout that is none of rates;
            learned feedback across a synapse that is not linear.

    Source: Scellier & Bengio, Frontiers in Computational Neuroscience 11, 2017; the discrete form: Ernoult, Grollier,
    Querlioz, Bengio & Scellier, NeurIPS 2019; continual: Ernoult et al., arXiv 2005.04168, 2020; symmetric nudging,
    convolutions, softmax readout: Laborieux, Ernoult, Scellier, Bengio, Grollier & Querlioz, Frontiers in Neuroscience
    15, 2021, and the authors' program. With cross-entropy and no readout of weights the output is linear there.
    """

    own_as_network = True

    def __init__(
        self,
        loss: Loss = SquaredError(),
        beta: float = 0.1,
        *,
        free_steps: int = 30,
        nudged_steps: int = 10,
        nudging: Nudging = "symmetric",
        gain: float = 1.0,
        feedback: Feedback = "transpose",
        presynaptic: Presynaptic = "free",
        continual: bool = False,
        decay: PerLayer = 0.0,
    ) -> None:
        super().__init__(loss, free_steps=free_steps, gain=gain)
        check_positive("beta", beta)
        check_count("nudged_steps", nudged_steps)
        check_choice("nudging", nudging, get_args(Nudging))
        check_choice("feedback", feedback, get_args(Feedback))
        check_choice("presynaptic", presynaptic, get_args(Presynaptic))
        check_flag("continual", continual)
        if continual and nudging == "symmetric":
            raise ValueError(
                "nudging is 'symmetric' and continual is set, but weights that change during one nudge are others in "
                "the opposite one: use nudging='one-sided' or 'random-sign'"
            )
        self.beta, self.nudged_steps, self.nudging = beta, nudged_steps, nudging
        self.feedback, self.presynaptic = feedback, presynaptic
        self.continual = continual
        self.decay = per_layer("decay", decay, lambda name, part: check_fraction(name, part, below_one=True))
        if presynaptic == "nudged" and (feedback, nudging) != ("learned", "symmetric"):
            raise ValueError(
                f"presynaptic is 'nudged' without effect, for feedback is {feedback!r} and nudging {nudging!r}: set "
                "feedback='learned' and nudging='symmetric', or drop it"
            )
        if any(self.decay) and not continual:
            raise ValueError(
                f"decay is {decay} without effect, for weights change once a batch: set continual=true, or drop it"
            )

    @property
    def factors(self) -> Factors:
        told: Factors = SUPERVISED | {"record"}
        return told | {"weights"} if self.feedback == "transpose" else told

    @property
    def requires(self) -> tuple[Need, ...]:
        if self.feedback == "transpose":
            return super().requires
        return *super().requires, Passes("linear synapses, whose weights on the way back are learned", _check_linear)

    def check(self, network: Network) -> None:
        super().check(network)
        check_places(self.name, "decay", self.decay, len(network.blocks))

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """With learned feedback {``back_weights.<layer>``: B_l} of all layers but the first; else nothing."""
        self.check(network)
        if self.feedback == "transpose":
            return {}
        with network.presentation():
            return BACK.init(crossed_weights(self.name, network), generator)

    def energy(
        self,
        network: Network,
        inputs: Tensor,
        memory: Memory,
        masks: Mapping[str, Tensor] | None = None,
        output: OutputLoss | None = None,
    ) -> Hopfield:
        if self.feedback == "transpose":
            return super().energy(network, inputs, memory, masks, output)
        forward = crossed_weights(self.name, network)
        back = {layer: (weight, memory[PREFIX + layer]) for layer, weight in forward.items()}
        return VectorField(network, inputs, masks or {}, output, gain=self.gain, back=back)

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """``sign``: one for the batch, in every row."""
        if self.nudging != "random-sign":
            return {}
        sign = 2.0 * torch.randint(2, (1,), generator=generator) - 1.0
        return {"sign": sign.repeat(batch.size)}

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        drawn = self.drawn(network, batch, generator)
        beta = self.beta * float(drawn["sign"][0]) if drawn else self.beta
        if self.continual:
            yield from self._continual(network, batch, memory, beta)
            return
        output = OutputLoss(network, batch, self.loss)
        with torch.no_grad(), network.presentation() as buffers:
            energy = self.energy(network, batch.inputs, memory, batch.masks, output)
            free = self.free(energy)
            scores, loss = output.read(free.output)
            nudged = energy.nudged(beta).relax(free.values, self.nudged_steps)
            low, at = free, free
            if self.nudging == "symmetric":
                low = energy.nudged(-beta).relax(free.values, self.nudged_steps)
                at = nudged if self.presynaptic == "nudged" else free
            width = nudged.strength - low.strength
            grads, own = changes(energy, nudged, low, at.values, 1.0 / (width * batch.size))
            metrics = phase_metrics(energy, batch, free=free, nudged=nudged)
        yield Update(grads, scores, loss, own=own, buffers=buffers, metrics=metrics)

    def _continual(self, network: Network, batch: Batch, memory: Memory, beta: float) -> Iterator[Update]:
        """An update behind every nudged step, by what that step changed."""
        output, before = OutputLoss(network, batch, self.loss), None
        for left in reversed(range(self.nudged_steps)):
            with torch.no_grad(), network.presentation() as buffers:
                energy = self.energy(network, batch.inputs, memory, batch.masks, output)
                if before is None:
                    before = free = self.free(energy)
                    scores, loss = output.read(free.output)
                now = energy.nudged(beta).relax(before.values, 1)
                grads, own = changes(energy, now, before, before.values, 1.0 / (beta * batch.size))
                metrics = phase_metrics(energy, batch, free=free, nudged=now)
            grads, own = self._undecayed(network, grads, left), self._undecayed(network, own, left)
            yield Update(grads, scores, loss, own=own, buffers=buffers, metrics=metrics)
            before = now

    def _undecayed(self, network: Network, changes: Changes, left: int) -> Changes:
        """``changes`` divided by what weight decay leaves of them after ``left`` further steps."""
        found: Changes = {}
        for place, block in enumerate(network.blocks):
            kept = (1.0 - of_layer(self.decay, place)) ** left
            found |= {name: value / kept for name, value in changes.items() if f"blocks.{block}." in name}
        last = (1.0 - of_layer(self.decay, len(network.blocks))) ** left
        return found | {name: value / last for name, value in changes.items() if name not in found}


def changes(energy: Hopfield, high: Phase, low: Phase, at: Values, share: float) -> tuple[Changes, Changes]:
    """``share`` of the difference between two phases: of parameters, and of the rule's memory.

    ``at``: the values that differences of values meet, with learned feedback.
    """
    if isinstance(energy, VectorField):
        return energy.contrast_at(high, low, at, share)
    return energy.contrast(high, low, share), {}


def _check_linear(network: Network, rule: str) -> None:
    for below, name in pairwise(network.blocks):
        synapse = network.blocks[name].synapse
        if not is_linear(synapse):
            raise ValueError(
                f"{rule} learns weights on the way back from block {name!r} to {below!r}, but its synapse is "
                f"{' '.join(repr(synapse).split())}, which is not linear: use average pooling, or feedback=transpose"
            )

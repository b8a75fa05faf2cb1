"""Rules that compare states of one network in two phases: what they need, and how they predict."""

from collections.abc import Mapping

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_instance, check_positive
from spikelearn.network import Activity, Network, RateReadout
from spikelearn.neurons import Rate
from spikelearn.plasticity.base import Batch, Memory, OptimizerChoice, Rule
from spikelearn.plasticity.equilibrium.energies.hopfield import Hopfield, Phase
from spikelearn.plasticity.equilibrium.energies.output_loss import OutputLoss
from spikelearn.plasticity.losses import Loss
from spikelearn.plasticity.requires import Chain, LossFits, Need, Neurons, NoFeedback, Passes, SomethingToLearn
from spikelearn.synapses import uses_batch_statistics

#: Largest last change of a value above which a phase has not settled, unit of the neurons' outputs.
UNSETTLED = 1e-2

#: The activation by which published networks answer.
SIGMOID = {"activation": "sigmoid:gain=4,shift=0.5"}


class Contrastive(Rule):
    """A rule that lets neurons settle freely, and then once more as the targets would have them."""

    default_optimizer = OptimizerChoice("adam", 3e-3)
    default_settings = {"steps": 1, "neuron_option": SIGMOID, "output": "rate", "output_option": SIGMOID}
    loss: Loss
    #: The neurons that settle.
    neurons: Need = Neurons(Rate, why="lets neurons settle that pull at each other")

    def __init__(self, loss: Loss, *, free_steps: int, gain: float) -> None:
        check_instance("loss", loss, Loss, "for example loss=SquaredError()")
        check_count("free_steps", free_steps)
        check_positive("gain", gain)
        self.loss, self.free_steps, self.gain = loss, free_steps, gain

    @property
    def requires(self) -> tuple[Need, ...]:
        why = "lets neurons settle that pull at each other"
        return (
            LossFits(self.loss),
            Chain(why, "train with bptt"),
            NoFeedback(f"{why} through the weights of the blocks", "train with ide or bptt"),
            self.neurons,
            Passes("the same answer at every step, of each sample by itself", _check_steady),
            Passes("a readout of rates", _check_readout, {"readout": "rate"}),
            SomethingToLearn(),
        )

    def energy(
        self,
        network: Network,
        inputs: Tensor,
        memory: Memory,
        masks: Mapping[str, Tensor] | None = None,
        output: OutputLoss | None = None,
    ) -> Hopfield:
        """The energy whose values settle, of one batch of inputs; ``output``: the loss that may nudge."""
        return Hopfield(network, inputs, masks or {}, output, gain=self.gain)

    def free(self, energy: Hopfield) -> Phase:
        """The free phase."""
        return energy.relax(energy.start(), self.free_steps)

    def scores(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        """Scores of the free phase, [B, classes]."""
        with torch.no_grad():
            output = self.free(self.energy(network, inputs, memory)).output
            scores: Tensor = network.readout(Activity(output, output, output))
        return scores

    def warnings(self, metrics: Mapping[str, float]) -> list[str]:
        residual = metrics.get("residual_free", 0.0)
        if residual <= UNSETTLED:
            return []
        return [
            f"values still move by {residual:.2g} in the last step of the free phase, so that {self.name} follows no "
            "gradient: raise free_steps, or let neurons pull less at each other (gain below 1, smaller weights)"
        ]


def phase_metrics(energy: Hopfield, batch: Batch, **phases: Phase) -> dict[str, float]:
    """{``energy_<phase>``: without the loss, mean of the samples, ``residual_<phase>``: of the last step}."""
    found = {}
    for name, phase in phases.items():
        found[f"energy_{name}"] = float(energy.of(phase.values)[0]) / batch.size
        found[f"residual_{name}"] = phase.residual
    return found


def _check_steady(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        if block.delay:
            raise ValueError(
                f"{rule} looks at values that have settled, but block {name!r} has delay {block.delay}: build the "
                "network without delays (--delay 0)"
            )
        if uses_batch_statistics(block.synapse):
            raise ValueError(
                f"{rule} asks the synapse of block {name!r} for its transpose, but it normalises by its own batch, "
                "whose samples it couples: build the network without batch norm (--no-batch-norm, another --input-norm)"
            )
        if isinstance(block.neuron, Rate) and block.neuron.activation.over_batch:
            raise ValueError(
                f"{rule} lets every sample settle by itself, but the activation of block {name!r} depends on the "
                "others of the batch: use another one, for example sigmoid (--neuron-option activation=sigmoid)"
            )


def _check_readout(network: Network, rule: str) -> None:
    readout = network.readout
    if not isinstance(readout, RateReadout) or readout.decay != 1.0:
        raise ValueError(
            f"{rule} reads values that have settled, but the readout is {' '.join(repr(readout).split())}: use "
            "RateReadout() or a linear one without decay (--readout rate, --readout linear)"
        )

"""What rules that see no target have in common: a teacher that injects it, their needs, and which weights learn."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.checks import check_finite, check_instance, check_positive
from spikelearn.network import Network, copied_buffers
from spikelearn.plasticity.base import Batch, Memory, OptimizerChoice, Rule, Update
from spikelearn.plasticity.homeostasis import Fired, Homeostasis, NoHomeostasis
from spikelearn.plasticity.requires import Encoding, Fires, MatchingDt, Need, PlainSynapses, SomethingToLearn
from spikelearn.synapses import float_type, trainable
from spikelearn.tasks import check_targets


class TeachableRule(Rule):
    """A rule of what fires on both sides of a synapse, which learns classes where a teacher makes the output fire.

    Args:
        dt: time step, seconds; must be that of the neurons.
        teacher: current injected at every step into the last block, +teacher at the true class and -teacher at the
            others, unit of current; 0: none.
        homeostasis: what is changed besides, once a presentation, to bring neurons to a rate.
    """

    default_optimizer = OptimizerChoice("sgd", 1.0)

    def __init__(self, *, dt: float, teacher: float, homeostasis: Homeostasis = NoHomeostasis()) -> None:
        check_finite("teacher", teacher)
        check_positive("dt", dt, "s")
        check_instance("homeostasis", homeostasis, Homeostasis, "for example SynapticScaling()")
        self.dt, self.teacher, self.homeostasis = dt, teacher, homeostasis

    @property
    def supervised(self) -> bool:
        return self.teacher != 0.0

    @property
    def requires(self) -> tuple[Need, ...]:
        fires, learns = Fires("needs spikes on both sides"), SomethingToLearn("weight", learned_weights)
        biased = (SomethingToLearn("bias", learned_biases),) if self.homeostasis.changes == "bias" else ()
        return MatchingDt(self.dt), fires, learns, *biased, PlainSynapses(), Encoding("rate", max_rate=0.5)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """Running mean rates of the neurons that homeostasis follows, by the edge that leads to them."""
        self.check(network)
        memory = {}
        for prefix, parameters in self._adapted(network).items():
            (parameter, *_) = parameters.values()
            rates = torch.full((len(parameter),), self.homeostasis.target_rate)
            memory[f"rate.{prefix[:-1]}"] = rates.to(parameter)
        return memory

    def _adapted(self, network: Network) -> dict[str, dict[str, nn.Parameter]]:
        """{prefix of an edge: its parameters that homeostasis changes}."""
        found = {}
        for prefix, synapse in network.synapses().items() if self.homeostasis.acts else ():
            learned = trainable(synapse)
            weights = set(weight_names(learned))
            names = weights if self.homeostasis.changes == "weight" else learned.keys() - weights
            if names:
                found[prefix] = {name: learned[name] for name in sorted(names)}
        return found

    def balanced(self, update: Update, network: Network, fired: Fired, memory: Memory) -> Update:
        """``update`` with what homeostasis adds, by what has ``fired`` in the presentation."""
        grads, kept, driven = dict(update.grads), dict(update.memory), network.currents()
        for prefix, parameters in self._adapted(network).items():
            rate = fired.rate(driven[prefix].partition(".")[0]) / self.dt
            name = f"rate.{prefix[:-1]}"
            kept[name] = self.homeostasis.followed(memory[name], rate.to(memory[name]), fired.steps * self.dt)
            for own, parameter in parameters.items():
                added = self.homeostasis.change(parameter.detach(), kept[name], self.dt)
                grads[prefix + own] = grads[prefix + own] - added if prefix + own in grads else -added
        return replace(update, grads=grads, memory=kept) if self.homeostasis.acts else update

    def teaching(self, network: Network, batch: Batch) -> dict[str, Tensor]:
        """{block that is read: current of the teacher, constant in time, [T, B, n]}; {} without one."""
        if not self.teacher:
            return {}
        if len(network.outputs) > 1:
            raise ValueError(f"teacher needs one population to teach, but {', '.join(network.outputs)} are read")
        (name,) = network.outputs
        shape = network.shapes(batch.inputs[0])[name]
        if len(shape) != 1:
            raise ValueError(f"teacher needs one output neuron a class, but block {name!r} has the shape {list(shape)}")
        check_targets(batch.targets, shape[0])
        sign = 2.0 * F.one_hot(batch.targets, shape[0]).to(float_type(network)) - 1.0
        return {name: (self.teacher * sign).expand(batch.inputs.shape[0], *sign.shape)}

    def untaught_scores(self, network: Network, batch: Batch) -> Tensor:
        """Scores [B, n] of a run without the teacher; what neurons keep is that of the run with it."""
        with copied_buffers(network):
            return network.scores(network.run(batch.inputs, masks=batch.masks)[0])


def learned_weights(network: Network) -> list[str]:
    """Names of all weights that learn."""
    edges = network.synapses().items()
    return [prefix + name for prefix, synapse in edges for name in weight_names(trainable(synapse))]


def learned_biases(network: Network) -> list[str]:
    """Names of all biases that learn."""
    edges = {prefix: trainable(synapse) for prefix, synapse in network.synapses().items()}
    return [prefix + name for prefix, own in edges.items() for name in own.keys() - set(weight_names(own))]


def weight_names(parameters: dict[str, Tensor] | dict[str, nn.Parameter]) -> list[str]:
    """The names of weights: a bias has no pre spike, and a learned delay is none."""
    return [name for name in parameters if name.rpartition(".")[2] not in ("bias", "delays")]

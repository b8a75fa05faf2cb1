"""What rules that see no target have in common: a teacher that injects it, their needs, and which weights learn."""

import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.checks import check_finite, check_positive
from spikelearn.network import Network, copied_buffers
from spikelearn.plasticity.base import Batch, OptimizerChoice, Rule
from spikelearn.plasticity.requires import Encoding, Fires, MatchingDt, Need, PlainSynapses, SomethingToLearn
from spikelearn.synapses import float_type, trainable
from spikelearn.tasks import check_targets


class TeachableRule(Rule):
    """A rule of what fires on both sides of a synapse, which learns classes where a teacher makes the output fire.

    Args:
        dt: time step, seconds; must be that of the neurons.
        teacher: current injected at every step into the last block, +teacher at the true class and -teacher at the
            others, unit of current; 0: none.
    """

    default_optimizer = OptimizerChoice("sgd", 1.0)

    def __init__(self, *, dt: float, teacher: float) -> None:
        check_finite("teacher", teacher)
        check_positive("dt", dt, "s")
        self.dt, self.teacher = dt, teacher

    @property
    def supervised(self) -> bool:
        return self.teacher != 0.0

    @property
    def requires(self) -> tuple[Need, ...]:
        fires, learns = Fires("needs spikes on both sides"), SomethingToLearn("weight", learned_weights)
        return MatchingDt(self.dt), fires, learns, PlainSynapses(), Encoding("rate", max_rate=0.5)

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


def weight_names(parameters: dict[str, Tensor] | dict[str, nn.Parameter]) -> list[str]:
    """The names that are not a bias: a bias has no pre spike."""
    return [name for name in parameters if name.rpartition(".")[2] != "bias"]

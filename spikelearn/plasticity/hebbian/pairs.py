"""Options, needs and the teacher that the rules of STDP pairs have in common."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_finite, check_flag, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.base import Batch, OptimizerChoice, Rule
from spikelearn.plasticity.requires import Encoding, Fires, MatchingDt, Need, PlainSynapses, SomethingToLearn
from spikelearn.synapses import float_type, trainable
from spikelearn.tasks import check_targets


class PairSTDP(Rule):
    """Options and checks of pair STDP with exponential windows; the subclass says when which pair counts."""

    default_optimizer = OptimizerChoice("sgd", 1.0)

    def __init__(
        self,
        a_plus: float,
        a_minus: float,
        tau_pre: float,
        tau_post: float,
        *,
        dt: float,
        coincident: bool,
        teacher: float,
    ) -> None:
        check_finite("a_plus", a_plus)
        check_finite("a_minus", a_minus)
        check_finite("teacher", teacher)
        check_flag("coincident", coincident)
        for name, value in (("tau_pre", tau_pre), ("tau_post", tau_post), ("dt", dt)):
            check_positive(name, value, "s")
        self.a_plus, self.a_minus, self.dt = a_plus, a_minus, dt
        self.decay_pre, self.decay_post = math.exp(-dt / tau_pre), math.exp(-dt / tau_post)
        self.coincident, self.teacher = coincident, teacher

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


def learned_weights(network: Network) -> list[str]:
    """Names of all weights that learn."""
    edges = network.synapses().items()
    return [prefix + name for prefix, synapse in edges for name in weight_names(trainable(synapse))]


def weight_names(parameters: dict[str, Tensor] | dict[str, torch.nn.Parameter]) -> list[str]:
    """The names that are not a bias: a bias has no pre spike."""
    return [name for name in parameters if name.rpartition(".")[2] != "bias"]


def weight_name(prefix: str, synapse: torch.nn.Module) -> str:
    """The name of the weights of an ``nn.Linear``, alone or behind ``nn.Flatten``."""
    return f"{prefix}{len(synapse) - 1}.weight" if isinstance(synapse, torch.nn.Sequential) else f"{prefix}weight"

"""What the rules that sum or apply STDP pairs have in common: options, what they can train, the teacher."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_finite, check_flag, check_positive
from spikelearn.network import Activity, Network, RateReadout, Record
from spikelearn.plasticity.base import RULES, Batch, OptimizerChoice, Rule
from spikelearn.plasticity.gradient import check_targets, firing_rates
from spikelearn.synapses import float_type, trainable


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
    def supervised(self) -> bool:  # type: ignore[override]
        return self.teacher != 0.0

    def check(self, network: Network) -> None:
        rule = RULES.name_of(type(self))
        for name, block in network.blocks.items():
            if block.neuron.dt != self.dt:
                raise ValueError(
                    f"{rule} has dt = {self.dt} s, but the neurons of block {name!r} have {block.neuron.dt} s, "
                    "expected the same: set dt in both"
                )
            if not block.neuron.fires:
                raise ValueError(
                    f"{rule} needs spikes on both sides, but block {name!r} is a {type(block.neuron).__name__}, which "
                    "never fires: end the network in spiking neurons"
                )
        if not any(weight_names(trainable(synapse)) for _, synapse in synapses_of(network)):
            raise ValueError(f"{rule} finds no trainable weight: set requires_grad_(True) on what should learn")

    def teaching(self, network: Network, batch: Batch) -> dict[str, Tensor]:
        """{last block: current of the teacher, constant in time, [T, B, n]}; {} without one."""
        if not self.teacher:
            return {}
        name, shape = list(network.shapes(batch.inputs[0]).items())[-1]
        if len(shape) != 1:
            raise ValueError(f"teacher needs one output neuron a class, but block {name!r} has the shape {list(shape)}")
        check_targets(batch.targets, shape[0])
        sign = 2.0 * F.one_hot(batch.targets, shape[0]).to(float_type(network)) - 1.0
        return {name: (self.teacher * sign).expand(batch.inputs.shape[0], *sign.shape)}


def synapses_of(network: Network) -> Iterator[tuple[str, torch.nn.Module]]:
    """(parameter prefix, synapse) of every edge, forward and feedback alike, as ``Network.edges`` names them."""
    for name, block in network.blocks.items():
        yield f"blocks.{name}.synapse.", block.synapse
    for name, edge in network.feedback.items():
        yield f"feedback.{name}.synapse.", edge.synapse


def is_plain_rate(readout: torch.nn.Module) -> bool:
    """Whether scores follow from the numbers of spikes alone."""
    return type(readout) is RateReadout and readout.decay == 1.0


def weight_names(parameters: dict[str, Tensor] | dict[str, torch.nn.Parameter]) -> list[str]:
    """The names that are not a bias: a bias has no pre spike."""
    return [name for name in parameters if name.rpartition(".")[2] != "bias"]


def weight_name(prefix: str, synapse: torch.nn.Module) -> str:
    """The name of the weights of an ``nn.Linear``, alone or behind ``nn.Flatten``."""
    return f"{prefix}{len(synapse) - 1}.weight" if isinstance(synapse, torch.nn.Sequential) else f"{prefix}weight"


class Seen:
    """What a run is judged by, of which as little is kept as the readout allows."""

    def __init__(self, network: Network) -> None:
        self.network, self.steps = network, 0
        self.spikes: dict[str, float] = {}
        self.counts: Tensor | None = None
        self.outputs: list[Activity] = []

    def add(self, record: Record) -> None:
        steps = len(record.output.spikes)
        self.steps += steps
        for name, rate in firing_rates(self.network, record).items():
            self.spikes[name] = self.spikes.get(name, 0.0) + steps * rate
        if is_plain_rate(self.network.readout):
            counts = record.output.spikes.sum(0)
            self.counts = counts if self.counts is None else self.counts + counts
        else:
            self.outputs.append(record.output)

    def rates(self) -> dict[str, float]:
        return {name: spikes / self.steps for name, spikes in self.spikes.items()}

    def scores(self) -> Tensor:
        readout = self.network.readout
        if self.counts is not None:
            assert isinstance(readout, RateReadout)
            return readout.of_rate(self.counts / self.steps)
        scores: Tensor = readout(Activity(*(torch.cat(parts) for parts in zip(*self.outputs, strict=True))))
        return scores

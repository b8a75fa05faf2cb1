"""Pair-based spike-timing-dependent plasticity."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_finite, check_flag, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update
from spikelearn.plasticity.gradient import check_targets, firing_rates
from spikelearn.synapses import correlate, trainable
from spikelearn.traces import reverse_trace, trace


@RULES.register("stdp")
class STDP(Rule):
    r"""All-to-all pair STDP, additive, summed over the presentation.

    $$\Delta w_{ji} = \sum_{t_j > t_i} a_+\, e^{-(t_j - t_i)/\tau_{pre}}
      - \sum_{t_i > t_j} a_-\, e^{-(t_i - t_j)/\tau_{post}}$$

    over all pairs of a presynaptic spike at $t_i$ and a postsynaptic spike at $t_j$. What is computed: with
    $\lambda = e^{-dt/\tau}$ and traces reversed in time, $\Delta w = \sum_t p[t] \otimes s[t]$,
    $p = a_+ (x - z) - a_- (y - z)$, $x[t] = \lambda_{pre}\,x[t+1] + z[t]$, $y[t] = \lambda_{post}\,y[t-1] + z[t]$: one
    correlation a synapse, the input stays raw spikes. A coincident pair counts nothing, or a_+ - a_- with
    ``coincident``. Every weight of every edge learns; biases do not (they have no pre spike). The rule sees no target
    unless ``teacher`` is set: it is unsupervised, and the output neurons' numbers mean no class.

    Args:
        a_plus, a_minus: amplitudes, weight per spike pair.
        tau_pre, tau_post: time constants of the traces, seconds.
        dt: time step, seconds; must be that of the neurons.
        coincident: whether a pair in the same step counts.
        teacher: current injected at every step into the last block, +teacher at the true class and -teacher at
            the others, unit of current; 0: none. Scores are those of a second run without it.

    Shapes: s [T, B, in...], z [T, B, out...]; any synapse that ``correlate`` takes.

    Raises:
        ValueError: a time constant not positive, neurons with another dt or that never fire, nothing to learn, a
            teacher on an image-shaped output.

    Source: Song, Miller & Abbott, Nature Neuroscience 3, 2000; traces as in Morrison, Diesmann & Gerstner, Biological
    Cybernetics 98, 2008. deviation: updates are summed over a presentation and applied at its end.
    """

    default_optimizer = OptimizerChoice("sgd", 1.0)

    def __init__(
        self,
        a_plus: float = 1e-3,
        a_minus: float = 1.05e-3,
        tau_pre: float = 20e-3,
        tau_post: float = 20e-3,
        *,
        dt: float = 1e-3,
        coincident: bool = False,
        teacher: float = 0.0,
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
        for name, block in network.blocks.items():
            if block.neuron.dt != self.dt:
                raise ValueError(
                    f"stdp has dt = {self.dt} s, but the neurons of block {name!r} have {block.neuron.dt} s, expected "
                    "the same: set dt in both"
                )
            if not block.neuron.fires:
                raise ValueError(
                    f"stdp needs spikes on both sides, but block {name!r} is a {type(block.neuron).__name__}, which "
                    "never fires: end the network in spiking neurons"
                )
        synapses = [b.synapse for b in network.blocks.values()] + [e.synapse for e in network.feedback.values()]
        if not any(_weights(trainable(synapse)) for synapse in synapses):
            raise ValueError("stdp finds no trainable weight: set requires_grad_(True) on what should learn")

    @torch.no_grad()
    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        with network.presentation() as buffers:
            teaching = self._teaching(network, batch)
            record, _ = network.run(batch.inputs, masks=batch.masks, inject=teaching)
            scores = network.scores(network.run(batch.inputs, masks=batch.masks)[0] if teaching else record)
            grads: dict[str, Tensor] = {}
            for prefix, synapse, pre, target in network.edges(record):
                change = correlate(synapse, pre, self.post_factor(record[target].spikes))
                grads |= {prefix + name: -change[name] / len(batch.targets) for name in _weights(change)}
        yield Update(grads, scores, buffers=buffers, rates=firing_rates(network, record))

    def post_factor(self, spikes: Tensor) -> Tensor:
        """p [T, B, out...] of the postsynaptic spikes z [T, B, out...]."""
        causal, acausal = reverse_trace(spikes, self.decay_pre), trace(spikes, self.decay_post)
        if not self.coincident:
            causal, acausal = causal - spikes, acausal - spikes
        return self.a_plus * causal - self.a_minus * acausal

    def _teaching(self, network: Network, batch: Batch) -> dict[str, Tensor]:
        if not self.teacher:
            return {}
        name, shape = list(network.shapes(batch.inputs[0]).items())[-1]
        if len(shape) != 1:
            raise ValueError(f"teacher needs one output neuron a class, but block {name!r} has the shape {list(shape)}")
        check_targets(batch.targets, shape[0])
        sign = 2.0 * F.one_hot(batch.targets, shape[0]).to(batch.inputs.dtype) - 1.0
        return {name: (self.teacher * sign).expand(batch.inputs.shape[0], *sign.shape)}


def _weights(parameters: dict[str, Tensor] | dict[str, torch.nn.Parameter]) -> list[str]:
    return [name for name in parameters if name.rpartition(".")[2] != "bias"]

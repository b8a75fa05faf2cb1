"""Pair-based spike-timing-dependent plasticity, summed over the presentation."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from spikelearn.checks import check_count
from spikelearn.network import Network, Record, State
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.pair_stdp import PairSTDP, Seen, synapses_of, weight_names
from spikelearn.synapses import SumPool2d, as_float, correlate, trainable
from spikelearn.traces import reverse_trace, trace

#: Modules that may stand in a synapse where the input's trace passes it instead of the input.
LINEAR = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.AvgPool1d, nn.AvgPool2d, SumPool2d, nn.Flatten, nn.Identity)


@RULES.register("stdp")
class STDP(PairSTDP):
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
        chunk: number of steps that are run and kept at a time, while states and traces are carried on; None: all of
            them. Memory then does not grow with T, but for the last block where the readout is not its plain rate.

    Shapes: s [T, B, in...], z [T, B, out...]; any synapse that ``correlate`` takes.

    Raises:
        ValueError: a time constant not positive, neurons with another dt or that never fire, nothing to learn, a
            teacher on an image-shaped output; a chunk with synapses that are not linear in their input.

    Source: Song, Miller & Abbott, Nature Neuroscience 3, 2000; traces as in Morrison, Diesmann & Gerstner, Biological
    Cybernetics 98, 2008. deviation: updates are summed over a presentation and applied at its end.
    """

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
        chunk: int | None = None,
    ) -> None:
        super().__init__(a_plus, a_minus, tau_pre, tau_post, dt=dt, coincident=coincident, teacher=teacher)
        if chunk is not None:
            check_count("chunk", chunk)
        self.chunk = chunk

    def check(self, network: Network) -> None:
        super().check(network)
        if self.chunk is None:
            return
        for prefix, synapse in synapses_of(network):
            leaves = [module for module in synapse.modules() if not list(module.children())]
            weighted = [leaf for leaf in leaves if list(leaf.parameters())]
            if len(weighted) > 1 or not all(isinstance(leaf, LINEAR) for leaf in leaves):
                made = " ".join(repr(synapse).split())
                raise ValueError(
                    f"chunk is {self.chunk}, but {prefix[:-1]} is not linear in its input, so that a trace cannot be "
                    f"carried through {made}: leave chunk out"
                )

    @torch.no_grad()
    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        with network.presentation() as buffers:
            teaching = self.teaching(network, batch)
            seen, total = Seen(network), _Total(self)
            for record in self._records(network, batch, teaching):
                seen.add(record)
                total.add(network, record)
            rates = seen.rates()
            if teaching:
                seen = Seen(network)
                for record in self._records(network, batch, {}):
                    seen.add(record)
            scores = seen.scores()
        grads = {name: change.div_(-len(batch.targets)) for name, change in total.changes.items()}
        yield Update(grads, scores, buffers=buffers, rates=rates)

    def _records(self, network: Network, batch: Batch, teaching: dict[str, Tensor]) -> Iterator[Record]:
        """The run, chunk after chunk."""
        state: State | None = None
        # A view would be without the events that are kept with the inputs.
        parts = [batch.inputs] if self.chunk is None else batch.inputs.split(self.chunk)
        first = 0
        for inputs in parts:
            inject = {name: current[first : first + len(inputs)] for name, current in teaching.items()}
            record, state = network.run(inputs, state, masks=batch.masks, inject=inject)
            first += len(inputs)
            yield record


class _Total:
    """The sum over pairs, chunk after chunk; {prefix: trace of the step before} of both sides of an edge."""

    def __init__(self, rule: STDP) -> None:
        self.rule = rule
        self.changes: dict[str, Tensor] = {}
        self.pre: dict[str, Tensor] = {}
        self.post: dict[str, Tensor] = {}

    def add(self, network: Network, record: Record) -> None:
        for prefix, synapse, pre, target in network.edges(record):
            if not weight_names(trainable(synapse)):
                continue
            rule, spikes = self.rule, record[target].spikes
            factor = reverse_trace(spikes, rule.decay_pre).mul_(rule.a_plus)
            first = factor[:1].clone()
            acausal = trace(spikes, rule.decay_post, self.post.get(prefix))
            factor.sub_(acausal, alpha=rule.a_minus)
            if not rule.coincident:
                factor.sub_(spikes, alpha=rule.a_plus - rule.a_minus)
            self._count(prefix, correlate(synapse, pre, factor))
            if prefix in self.pre:
                # Pairs of a spike in this chunk with the inputs of all chunks before it.
                self._count(prefix, correlate(synapse, self.pre[prefix].unsqueeze(0), first.mul_(rule.decay_pre)))
            if rule.chunk is not None:
                self.pre[prefix] = self._carried(as_float(pre, synapse), self.pre.get(prefix))
                self.post[prefix] = acausal[-1]

    def _count(self, prefix: str, change: dict[str, Tensor]) -> None:
        for name in weight_names(change):
            key = prefix + name
            self.changes[key] = self.changes[key].add_(change[name]) if key in self.changes else change[name]

    def _carried(self, pre: Tensor, before: Tensor | None) -> Tensor:
        ages = torch.arange(len(pre) - 1, -1, -1, dtype=pre.dtype, device=pre.device)
        now = torch.tensordot(self.rule.decay_pre**ages, pre, 1)
        return now if before is None else now + self.rule.decay_pre ** len(pre) * before

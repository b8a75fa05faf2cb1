"""Pair-based spike-timing-dependent plasticity, summed over the presentation."""

import math
from collections.abc import Iterator
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count
from spikelearn.network import Network, Record, State, copied_buffers
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.factors import LOCAL, Factors
from spikelearn.plasticity.hebbian.pairs import check_pairs
from spikelearn.plasticity.homeostasis import Fired, Homeostasis, NoHomeostasis
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.plasticity.running import RunningRecord
from spikelearn.plasticity.teachable import TeachableRule, weight_names
from spikelearn.synapses import as_float, correlate, is_linear, longest_delay, trainable, windows
from spikelearn.traces import reverse_trace, trace

#: Where the delay of a connection lies, as seen from its synapse.
Place = Literal["axonal", "dendritic"]


@RULES.register("stdp")
class STDP(TeachableRule):
    r"""All-to-all pair STDP, additive, summed over the presentation.

    $$\Delta w_{ji} = \sum_{t_j > t_i} a_+\, e^{-(t_j - t_i)/\tau_{pre}}
      - \sum_{t_i > t_j} a_-\, e^{-(t_i - t_j)/\tau_{post}}$$

    over all pairs of a presynaptic spike at $t_i$ and a postsynaptic spike at $t_j$. What is computed: with
    $\lambda = e^{-dt/\tau}$ and traces reversed in time, $\Delta w = \sum_t p[t] \otimes s[t]$,
    $p = a_+ (x - z) - a_- (y - z)$, $x[t] = \lambda_{pre}\,x[t+1] + z[t]$, $y[t] = \lambda_{post}\,y[t-1] + z[t]$: one
    correlation a synapse, the input stays raw spikes. A coincident pair counts nothing, or a_+ - a_- with
    ``coincident``. Every weight of every edge learns. Biases have no pre spike: they stay, but for ``homeostasis``. The
    rule sees no target unless ``teacher`` is set: it is unsupervised, and the output neurons' numbers mean no class.

    Args:
        a_plus, a_minus: amplitudes, weight per spike pair.
        tau_pre, tau_post: time constants of the traces, seconds.
        dt: time step, seconds; must be that of the neurons.
        coincident: whether a pair in the same step counts.
        teacher: current injected at every step into the last block, +teacher at the true class and -teacher at
            the others, unit of current; 0: none. Scores are those of a second run without it.
        chunk: number of steps that are run and kept at a time, while states and traces are carried on; None: all of
            them. Memory then does not grow with T, but for the last block where the readout is not its plain rate.
        homeostasis: what brings neurons to a rate besides: "none", "synaptic-scaling", or "threshold", by the biases.
        delays: where the delays d of single connections (``SparseLinear``) lie. "axonal": a presynaptic spike meets the
            synapse d steps after it was sent; "dendritic": at once, and a postsynaptic one d steps late, as in NEST.
            Those of a whole edge are axonal.

    Shapes: s [T, B, in...], z [T, B, out...]; any synapse that ``correlate`` takes and that has one layer of weights.

    Raises:
        ValueError: a time constant not positive, neurons with another dt or that never fire, nothing to learn, a
            teacher on an image-shaped output; a chunk with synapses that are not linear in their input.

    Source: Song, Miller & Abbott, Nature Neuroscience 3, 2000; traces as in Morrison, Diesmann & Gerstner, Biological
    Cybernetics 98, 2008. deviation: updates are summed over a presentation and applied at its end.
    """

    takes_dynamics = True
    # It learns one layer, whose neurons a teacher makes fire at their class; input is spikes, weights are positive, and
    # every neuron's sum to the same, so that none wins all.
    default_settings = {
        "net": "{input}-{output}",
        "bounds": [0.0, 1.0],
        "incoming_norm": 4.0,
        "rule_option": {"teacher": 4.0, "a_minus": 0.0004},
    }
    # Depression that outweighs potentiation, and weights of both signs, keep the neurons from becoming alike.
    fitted_settings = {"incoming_norm": 4.0, "rule_option": {"a_plus": 1e-4, "a_minus": 2e-4}}

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
        homeostasis: Homeostasis = NoHomeostasis(),
        delays: Place = "axonal",
    ) -> None:
        super().__init__(dt=dt, teacher=teacher, homeostasis=homeostasis)
        check_pairs(a_plus, a_minus, tau_pre, tau_post, coincident)
        if chunk is not None:
            check_count("chunk", chunk)
        check_choice("delays", delays, get_args(Place))
        if chunk is not None and delays == "dendritic":
            raise ValueError(
                f"chunk is {chunk}, but dendritic delays pair a spike with later inputs, of other chunks: leave "
                "chunk out"
            )
        self.delays = delays
        self.a_plus, self.a_minus, self.coincident = a_plus, a_minus, coincident
        self.decay_pre, self.decay_post = math.exp(-dt / tau_pre), math.exp(-dt / tau_post)
        self.chunk = chunk

    @property
    def factors(self) -> Factors:
        return LOCAL if self.chunk is not None else LOCAL | {"record"}

    @property
    def requires(self) -> tuple[Need, ...]:
        if self.chunk is None:
            return super().requires
        return *super().requires, Passes("synapses that are linear in their input", self._check_linear)

    def _check_linear(self, network: Network, rule: str) -> None:
        for prefix, synapse in network.synapses().items():
            if not is_linear(synapse):
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
            seen, total, fired = RunningRecord(network), _Total(self), Fired()
            for record in self._records(network, batch, teaching):
                seen.add(record)
                total.add(network, record)
                if self.homeostasis.acts:
                    fired.add(record)
            rates = seen.rates()
            if teaching:
                seen = RunningRecord(network)
                with copied_buffers(network):
                    for record in self._records(network, batch, {}):
                        seen.add(record)
            scores = seen.scores()
        grads = {name: change.div_(-len(batch.targets)) for name, change in total.changes.items()}
        yield self.balanced(Update(grads, scores, buffers=buffers, rates=rates), network, fired, memory)

    def _records(self, network: Network, batch: Batch, teaching: dict[str, Tensor]) -> Iterator[Record]:
        """The run, chunk after chunk."""
        state: State | None = None
        # split() would drop the event lists that are kept with the inputs.
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
            if rule.delays == "dendritic" and longest_delay(synapse):
                pre, spikes = _dendritic(as_float(pre, synapse), spikes, longest_delay(synapse))
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


def _dendritic(pre: Tensor, spikes: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """What meets the weights, and the spikes, with delays up to ``longest`` behind the synapse: [T + D, B, ...] both.

    At step u the neuron's spikes of u - D meet what was sent at u - D + d, where the record has what was sent at
    u - D - d: the windows of a line that begins D steps earlier, the other way round.
    """
    silent = torch.zeros_like(spikes[:1]).expand(longest, *spikes.shape[1:])
    sent = pre[:, :, -1]
    none = torch.zeros_like(sent[:1]).expand(longest, *sent.shape[1:])
    return windows(torch.cat([none, sent, none]), longest).flip(2), torch.cat([silent, spikes])

"""Pair-based spike-timing-dependent plasticity that changes the weights while the network runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from spikelearn.checks import check_shape
from spikelearn.fast_path import is_watched
from spikelearn.network import Activity, Network, Record
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.factors import LOCAL, Factors
from spikelearn.plasticity.hebbian.pairs import PairSTDP, weight_name, weight_names
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.plasticity.running import RunningRecord
from spikelearn.synapses import as_float, as_linear, trainable


@RULES.register("stdp-online")
class OnlineSTDP(PairSTDP):
    r"""Pair STDP whose weights change at every step, so that a change already counts for the next spikes.

    At every step t, in this order: the network steps with the weights as they stand; the traces decay,
    $x \leftarrow \lambda_{pre}\,x$, $y \leftarrow \lambda_{post}\,y$, $\lambda = e^{-dt/\tau}$; with ``coincident`` the
    spikes of the step enter them, $x \leftarrow x + s$, $y \leftarrow y + z$; every weight becomes

    $$w_{ji} \leftarrow \mathrm{clip}\Big(w_{ji} + \frac{1}{B} \sum_b a_+\, z_j\, x_i - a_-\, y_j\, s_i,\
      \mathrm{low},\ \mathrm{high}\Big)$$

    for spikes s that met it and z of its target, both changes first and then the bounds; without ``coincident`` the
    spikes enter the traces now. So a pair in the same step counts nothing, or a_+ - a_- with ``coincident``. Traces
    start at 0, weights within the bounds (what lies outside is cut). The B samples share the weights.

    Every weight of ``nn.Linear`` synapses that is not frozen learns, forward and feedback edges alike: freeze
    lateral inhibition (``requires_grad_(False)``). Biases do not learn. The update is the change over the whole
    presentation, so that the default optimizer, of learning rate 1, leaves the weights where the presentation ended; a
    smaller one applies that fraction of the change. The rule sees no target unless ``teacher`` is set.

    With ``coincident`` it is what BindsNET calls PostPre, with additive traces and the mean over the batch.

    A block of LIF, AdaptiveLIF or IF, with or without feedback to itself, read by its firing rate, goes through a
    compiled loop over events; all else step by step.

    Args:
        a_plus, a_minus: amplitudes, weight per spike pair.
        tau_pre, tau_post: time constants of the traces, seconds.
        low, high: bounds of the weights that learn; infinite: none.
        dt: time step, seconds; must be that of the neurons.
        coincident: whether a pair in the same step counts.
        teacher: current injected at every step into the last block, +teacher at the true class and -teacher at the
            others, unit of current; 0: none. Scores are then those of a run without it, with the weights before.

    Shapes: inputs [T, B, in...]; synapses are ``nn.Linear``, ``nn.Flatten`` may stand in front.

    Raises:
        ValueError: a time constant not positive, low not below high, neurons with another dt or that never fire,
            nothing to learn or something else than ``nn.Linear``, a teacher on an image-shaped output.

    Source: Morrison, Diesmann & Gerstner, Biological Cybernetics 98, 2008, all-to-all pairs; applied at every step as
    in Diehl & Cook, Frontiers in Computational Neuroscience 9, 2015. deviation: the mean of shards is not the batch,
    for weights change within the presentation.
    """

    # As stdp, its bounds inside the rule.
    default_settings = {
        "net": "{input}-{output}",
        "incoming_norm": 4.0,
        "rule_option": {"teacher": 4.0, "a_plus": 0.001, "a_minus": 0.0004},
    }
    # Depression that outweighs potentiation, and weights of both signs, keep the neurons from becoming alike.
    fitted_settings = {"incoming_norm": 4.0, "rule_option": {"a_plus": 1e-4, "a_minus": 2e-4, "low": -1.0}}

    def __init__(
        self,
        a_plus: float = 1e-2,
        a_minus: float = 1e-4,
        tau_pre: float = 20e-3,
        tau_post: float = 20e-3,
        *,
        low: float = 0.0,
        high: float = 1.0,
        dt: float = 1e-3,
        coincident: bool = False,
        teacher: float = 0.0,
    ) -> None:
        super().__init__(a_plus, a_minus, tau_pre, tau_post, dt=dt, coincident=coincident, teacher=teacher)
        for name, value in (("low", low), ("high", high)):
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ValueError(f"{name} is {value!r}, expected a number, or infinity for no bound")
        if not low < high:
            raise ValueError(f"low is {low} and high is {high}, expected low < high")
        self.low, self.high = low, high

    @property
    def factors(self) -> Factors:
        # A teacher's scores are those of a second run, which is recorded.
        return LOCAL | {"record"} if self.teacher else LOCAL

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, Passes("nn.Linear where something learns", _check_linear)

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        network.check_run(batch.inputs, masks=batch.masks)
        yield self.by_events(network, batch) or self.step_by_step(network, batch)

    def by_events(self, network: Network, batch: Batch) -> Update | None:
        """The update by the compiled loop; None where it does not know the network, or products are watched."""
        if batch.masks or is_watched():
            return None
        # Imported when it is first needed: numba takes longer to import than most commands to run.
        from spikelearn.plasticity.hebbian.stdp_online_layer import PairNumbers, known_layer, present_layer

        layer = known_layer(network, batch)
        if layer is None:
            return None
        numbers = PairNumbers(
            self.a_plus, self.a_minus, self.decay_pre, self.decay_post, self.low, self.high, self.coincident
        )
        return present_layer(layer, network, batch, numbers, self.teaching(network, batch))

    def step_by_step(self, network: Network, batch: Batch) -> Update:
        """The update of any network that the rule can train."""
        teaching = self.teaching(network, batch)
        with network.presentation() as buffers:
            scores = network.scores(network.run(batch.inputs, masks=batch.masks)[0]) if teaching else None
            with _private(network, self.low, self.high) as weights:
                seen = self._run(network, batch, teaching, weights)
            scores = seen.scores() if scores is None else scores
        grads = {name: network.get_parameter(name).detach() - weight for name, weight in weights.items()}
        return Update(grads, scores, buffers=buffers, rates=seen.rates())

    def _run(
        self, network: Network, batch: Batch, teaching: dict[str, Tensor], weights: dict[str, Tensor]
    ) -> RunningRecord:
        """Step the network while ``weights``, which it uses, change."""
        seen, state = RunningRecord(network), None
        pre: dict[str, Tensor] = {}
        post: dict[str, Tensor] = {}
        for t, x in enumerate(batch.inputs.unbind(0)):
            inject = {name: current[t] for name, current in teaching.items()}
            record, state = network.step(x, state, masks=batch.masks, inject=inject)
            now = {name: Activity(*(p.unsqueeze(0) for p in a)) for name, a in record.items()}
            seen.add(Record(now, {}, outputs=record.outputs))
            for prefix, synapse, met, target in network.edges(record):
                name = weight_name(prefix, synapse)
                if name in weights:
                    s, z = as_float(met, synapse).flatten(1), record[target].spikes
                    check_shape(f"spikes of {target}", z, (len(s), len(weights[name])), "put nn.Flatten before it")
                    pre[name], seen_pre = self._trace(pre.get(name), s, self.decay_pre)
                    post[name], seen_post = self._trace(post.get(name), z, self.decay_post)
                    weights[name].addmm_(z.t(), seen_pre, alpha=self.a_plus / len(z))
                    weights[name].addmm_(seen_post.t(), s, alpha=-self.a_minus / len(z))
                    weights[name].clamp_(self.low, self.high)
        return seen

    def _trace(self, before: Tensor | None, spikes: Tensor, decay: float) -> tuple[Tensor, Tensor]:
        """The trace with the spikes of this step, and what the weights see of it."""
        decayed = torch.zeros_like(spikes) if before is None else decay * before
        return decayed + spikes, decayed + spikes if self.coincident else decayed


def _check_linear(network: Network, rule: str) -> None:
    for prefix, synapse in network.synapses().items():
        if weight_names(trainable(synapse)) and as_linear(synapse) is None:
            made = " ".join(repr(synapse).split())
            raise ValueError(
                f"{rule} learns nn.Linear, but {prefix[:-1]} is {made}: freeze it with requires_grad_(False), or use "
                "stdp"
            )


@contextmanager
def _private(network: Network, low: float, high: float) -> Iterator[dict[str, Tensor]]:
    """Replace weights that learn by copies within the bounds, by name; on leaving the network has its own back."""
    places: dict[str, tuple[nn.Linear, Tensor]] = {}
    for prefix, synapse in network.synapses().items():
        linear = as_linear(synapse)
        if linear is not None and linear.weight.requires_grad:
            places[weight_name(prefix, synapse)] = (linear, linear.weight)
    copies = {name: weight.detach().clamp(low, high) for name, (_, weight) in places.items()}
    for name, (linear, _) in places.items():
        linear._parameters["weight"] = nn.Parameter(copies[name], requires_grad=False)
    try:
        yield copies
    finally:
        for linear, own in places.values():
            linear._parameters["weight"] = own  # type: ignore[assignment]

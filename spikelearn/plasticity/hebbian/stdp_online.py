"""Pair-based spike-timing-dependent plasticity that changes the weights while the network runs."""

import math
from collections.abc import Iterator
from typing import get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_flag, check_instance
from spikelearn.fast_path import is_watched
from spikelearn.network import Network
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.hebbian.pairs import check_pairs
from spikelearn.plasticity.hebbian.stdp import Place
from spikelearn.plasticity.homeostasis import Fired, Homeostasis, NoHomeostasis
from spikelearn.plasticity.spike_timing.dependences import Additive, Dependence
from spikelearn.plasticity.spike_timing.followed import followed
from spikelearn.plasticity.spike_timing.listed_events import move_listed, takes_events
from spikelearn.plasticity.spike_timing.pairings import AllToAll, Pairing, Sides
from spikelearn.plasticity.spike_timing.stepwise import Seen, StepwiseRule, Traces


@RULES.register("stdp-online")
class OnlineSTDP(StepwiseRule):
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

    ``pairing`` says which spikes make a pair, above all of them; ``dependence`` multiplies potentiation by $f_+(w)$ and
    depression by $f_-(w)$, above 1, of the weight before the step.

    With ``coincident`` it is what BindsNET calls PostPre, with additive traces and the mean over the batch.

    Additive pairs of all with all, both changes added and without a delay, at a block of LIF, AdaptiveLIF or IF, with
    or without feedback to itself, read by its firing rate, go through a compiled loop over events; all else step by
    step.

    Args:
        a_plus, a_minus: amplitudes, weight per spike pair.
        tau_pre, tau_post: time constants of the traces, seconds.
        low, high: bounds of the weights that learn; infinite: none.
        dt: time step, seconds; must be that of the neurons.
        coincident: whether a pair in the same step counts.
        teacher: current injected at every step into the last block, +teacher at the true class and -teacher at the
            others, unit of current; 0: none. Scores are then those of a run without it, with the weights before.
        pairing: which spikes make a pair: "all-to-all", "nearest-symmetric", "nearest-presynaptic", "nearest-reduced".
        dependence: how changes depend on the weight: "additive", "power" (to multiplicative), "power-law".
        in_turn: whether a weight that is potentiated and depressed in one step is cut to the bounds between the two, as
            in NEST's synapses, depression coming last; else both are added first.
        dendritic_delay: steps by which synapses see late that their target fired; NEST's delay is all of this kind.
        delays: where the delays d of single connections (``SparseLinear``) lie. "axonal": a presynaptic spike meets the
            synapse d steps after it was sent; "dendritic": at once, and a postsynaptic one d steps late, as in NEST.
            Those of a whole edge are axonal.
        homeostasis: what brings neurons to a rate besides, once a presentation: "none", "synaptic-scaling", or
            "threshold", by the biases.

    Shapes: inputs [T, B, in...]; synapses are ``nn.Linear``, ``nn.Flatten`` may stand in front.

    Raises:
        ValueError: a time constant not positive, low not below high, neurons with another dt or that never fire,
            nothing to learn or something else than ``nn.Linear``, a teacher on an image-shaped output, bounds between
            which the dependence makes no sense.

    Source: Morrison, Diesmann & Gerstner, Biological Cybernetics 98, 2008, all-to-all pairs; applied at every step as
    in Diehl & Cook, Frontiers in Computational Neuroscience 9, 2015. deviation: the mean of shards is not the batch,
    for weights change within the presentation.
    """

    knows_lists = True
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
        pairing: Pairing = AllToAll(),
        dependence: Dependence = Additive(),
        in_turn: bool = False,
        dendritic_delay: int = 0,
        delays: Place = "axonal",
        homeostasis: Homeostasis = NoHomeostasis(),
    ) -> None:
        super().__init__(
            low=low, high=high, dt=dt, teacher=teacher, dendritic_delay=dendritic_delay, homeostasis=homeostasis
        )
        check_pairs(a_plus, a_minus, tau_pre, tau_post, coincident)
        check_instance("pairing", pairing, Pairing, "for example NearestSymmetric()")
        check_instance("dependence", dependence, Dependence, "for example Power()")
        dependence.check(self.name, low, high)
        check_flag("in_turn", in_turn)
        check_choice("delays", delays, get_args(Place))
        self.in_turn, self.delays = in_turn, delays
        self.a_plus, self.a_minus, self.coincident = a_plus, a_minus, coincident
        self.decay_pre, self.decay_post = math.exp(-dt / tau_pre), math.exp(-dt / tau_post)
        self.pairing, self.dependence, self.places = pairing, dependence, pairing.places

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        network.check_run(batch.inputs, masks=batch.masks)
        yield self.by_events(network, batch, memory) or self.step_by_step(network, batch, memory)

    def moved_by_events(self, seen: Seen, traces: Traces) -> bool:
        plain = type(self.pairing) is AllToAll and type(self.dependence) is Additive
        own = type(self).terms is not OnlineSTDP.terms
        if own or not plain or self.coincident or self.in_turn or not takes_events(seen):
            return False
        x, traces["x"] = followed(traces.get("x"), seen.pre, self.decay_pre)
        y, traces["y"] = followed(traces.get("y"), seen.post, self.decay_post)
        factors = (self.a_plus, -self.a_minus)
        move_listed(seen, x, seen.post, y, bounds=(self.low, self.high), factors=factors)
        return True

    def terms(self, seen: Seen, traces: Traces) -> dict[str, Tensor]:
        sides = Sides(seen.pre, seen.post, self.decay_pre, self.decay_post, self.coincident, seen.pairs)
        causal, acausal = self.pairing.pairs(sides, traces)
        up, down = self.a_plus * causal, self.a_minus * acausal
        parts = self.dependence.parts(seen.weight, up, down, low=self.low, high=self.high, in_turn=self.in_turn)
        return dict(zip(("potentiation", "depression"), parts, strict=True))

    def by_events(self, network: Network, batch: Batch, memory: Memory) -> Update | None:
        """The update by the compiled loop; None where it does not know the network, or products are watched."""
        plain = type(self.pairing) is AllToAll and type(self.dependence) is Additive
        plain = plain and not (self.in_turn or self.dendritic_delay)
        if batch.masks or is_watched() or not plain:
            return None
        # Imported when it is first needed: numba takes longer to import than most commands to run.
        from spikelearn.plasticity.hebbian.stdp_online_layer import PairNumbers, known_layer, present_layer

        layer = known_layer(network, batch)
        if layer is None:
            return None
        numbers = PairNumbers(
            self.a_plus, self.a_minus, self.decay_pre, self.decay_post, self.low, self.high, self.coincident
        )
        update, counts = present_layer(layer, network, batch, numbers, self.teaching(network, batch))
        if not self.homeostasis.acts:
            return update
        fired = Fired()
        fired.add_counts(layer.name, counts, len(batch.inputs))
        return self.balanced(update, network, fired, memory)

"""STDP of triplets of spikes."""

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from spikelearn.checks import check_flag, check_instance, check_positive
from spikelearn.network import Network, Record
from spikelearn.plasticity.base import RULES, Batch, Memory, Update, firing_rates
from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.homeostasis import Fired, Homeostasis, NoHomeostasis
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.plasticity.spike_timing.dependences import Additive, Dependence
from spikelearn.plasticity.spike_timing.followed import Place, followed, mean_product, record_before
from spikelearn.plasticity.spike_timing.stepwise import Seen, StepwiseRule, Traces
from spikelearn.plasticity.spike_timing.triplets import TripletParameters, VisualCortex
from spikelearn.plasticity.teachable import weight_names
from spikelearn.synapses import as_float, correlate, is_linear, trainable


@RULES.register("triplet-stdp")
class TripletSTDP(StepwiseRule):
    r"""Triplet STDP: how much a spike changes a synapse depends on its own neuron's spikes before it as well.

    $$\Delta w_{ji} = k\,z_j\, r_{1,i}\,(A_2^+ + A_3^+\, o_{2,j}) - k\,s_i\, o_{1,j}\,(A_2^- + A_3^-\, r_{2,i})$$

    At every step the traces decay, $r_1$ by $e^{-dt/\tau_+}$, $r_2$ by $e^{-dt/\tau_x}$, $o_1$ by $e^{-dt/\tau_-}$,
    $o_2$ by $e^{-dt/\tau_y}$; the weights change by them; then the presynaptic spikes s enter $r_1$ and $r_2$, the
    postsynaptic ones z enter $o_1$ and $o_2$. So spikes of one step do not see each other, nor themselves. A spike adds
    1, or with nearest-spike pairing sets its traces to 1. Pair STDP, for which the order of two spikes is all, cannot
    tell a high frequency from a low one; here pairs repeated fast potentiate whatever their order.

    Weights change at every step, as in ``stdp-online``: the network steps with them as they stand, the B samples share
    them, bounds cut them, and the update is the change over the whole presentation. Every weight of ``nn.Linear`` that
    is not frozen learns; biases do not. The rule sees no target unless ``teacher`` is set. With ``online`` false the
    weights stand still while a batch is presented, changes are summed and cut to the bounds at its end, and any synapse
    that is linear in its input learns, convolutions too.

    Args:
        parameters: amplitudes and time constants: "visual-cortex" or "hippocampus", each with the options model
            ("full", "minimal") and pairing ("all-to-all", "nearest-spike"), or "given" with numbers of one's own.
        scale: k, factor on all amplitudes, dimensionless.
        low, high: bounds of the weights that learn; infinite: none.
        dt: time step, seconds; must be that of the neurons.
        teacher: current injected at every step into the last block, +teacher at the true class and -teacher at the
            others, unit of current; 0: none. Scores are then those of a run without it, with the weights before.
        dependence: how changes depend on the weight: "additive", "power" (to multiplicative), "power-law".
        online: whether weights change at every step, or else at the end of a presentation.
        in_turn: online, whether a weight that is potentiated and depressed in one step is cut to the bounds between the
            two, as in NEST's synapse, depression coming last; else both are added first.
        dendritic_delay: steps by which synapses see late that their target fired; NEST's delay is all of this kind.
        homeostasis: what brings neurons to a rate besides, once a presentation: "none", "synaptic-scaling", or
            "threshold", by the biases.

    Shapes: inputs [T, B, in...]; synapses are ``nn.Linear``, ``nn.Flatten`` may stand in front.

    Raises:
        ValueError: low not below high, a scale that is not positive, neurons with another dt or that never fire,
            nothing to learn, online something else than ``nn.Linear``, a teacher on an image-shaped output, bounds
            between which the dependence makes no sense.

    Source: Pfister & Gerstner, Journal of Neuroscience 26, 2006, equations 3 and 4, tables 3 and 4. deviation: online,
    the mean of shards is not the batch, for weights change within the presentation.
    """

    knows_lists = True
    places: Mapping[str, Place] = {"r1": "pre", "r2": "pre", "o1": "post", "o2": "post"}
    # As stdp-online; spikes are many in few steps, where the published amplitudes would fill every weight at once.
    default_settings = {
        "net": "{input}-{output}",
        "incoming_norm": 4.0,
        "rule_option": {"teacher": 4.0, "scale": 0.01},
    }
    fitted_settings = {"incoming_norm": 4.0, "rule_option": {"scale": 1e-3, "low": -1.0}}

    def __init__(
        self,
        parameters: TripletParameters = VisualCortex(),
        scale: float = 1.0,
        *,
        low: float = 0.0,
        high: float = 1.0,
        dt: float = 1e-3,
        teacher: float = 0.0,
        dependence: Dependence = Additive(),
        online: bool = True,
        in_turn: bool = False,
        dendritic_delay: int = 0,
        homeostasis: Homeostasis = NoHomeostasis(),
    ) -> None:
        super().__init__(
            low=low, high=high, dt=dt, teacher=teacher, dendritic_delay=dendritic_delay, homeostasis=homeostasis
        )
        check_instance("parameters", parameters, TripletParameters, "for example VisualCortex()")
        check_positive("scale", scale)
        check_instance("dependence", dependence, Dependence, "for example Power()")
        dependence.check(self.name, low, high)
        check_flag("online", online)
        check_flag("in_turn", in_turn)
        if in_turn and not online:
            raise ValueError("in_turn is of changes at every step, but online is false: leave one of them out")
        self.online, self.in_turn, self.walks = online, in_turn, online
        self.parameters, self.scale, self.dependence = parameters, scale, dependence
        fit = parameters.fit
        taus = (parameters.tau_plus, fit.tau_x, parameters.tau_minus, fit.tau_y)
        self.decays = tuple(math.exp(-dt / tau) for tau in taus)

    @property
    def factors(self) -> Factors | None:
        factors = super().factors
        return factors if self.online or factors is None else factors | {"record"}

    @property
    def form_of_synapses(self) -> Need:
        return super().form_of_synapses if self.online else Passes("synapses linear in their input", _check_linear)

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        if self.online:
            yield from super().updates(network, batch, memory, generator)
            return
        teaching = self.teaching(network, batch)
        with network.presentation() as buffers:
            record, _ = network.run(batch.inputs, masks=batch.masks, inject=teaching)
            grads, fired = self._summed(network, record, batch.size), Fired()
            fired.add(record)
            rates = firing_rates(network, record)
            scores = self.untaught_scores(network, batch) if teaching else network.scores(record)
        yield self.balanced(Update(grads, scores, buffers=buffers, rates=rates), network, fired, memory)

    def _summed(self, network: Network, record: Record, samples: int) -> dict[str, Tensor]:
        """{weight: minus its change over a whole record}."""
        grads, fit = {}, self.parameters.fit
        for prefix, synapse, met, target in network.edges(record):
            if not weight_names(trainable(synapse)):
                continue
            pre, post = as_float(met, synapse), self._late(record[target].spikes)
            nearest = self.parameters.pairing == "nearest-spike"
            r1, r2 = (record_before(pre, decay, nearest=nearest) for decay in self.decays[:2])
            o1, o2 = (record_before(post, decay, nearest=nearest) for decay in self.decays[2:])
            causal = correlate(synapse, r1, post * (fit.a2_plus + fit.a3_plus * o2))
            acausal = correlate(synapse, pre * (fit.a2_minus + fit.a3_minus * r2), o1)
            for name in weight_names(causal):
                weight = network.get_parameter(prefix + name).detach()
                up, down = (self.scale / self.averaged_over(samples) * both[name] for both in (causal, acausal))
                change = self.dependence.change(weight, up, down, low=self.low, high=self.high)
                grads[prefix + name] = weight - (weight + change).clamp(self.low, self.high)
        return grads

    def averaged_over(self, batch: int) -> int:
        """By what the sum of the changes of a batch's samples is divided."""
        return batch

    def _late(self, spikes: Tensor) -> Tensor:
        """A record [T, ...] as synapses see it, ``dendritic_delay`` steps late."""
        if not self.dendritic_delay:
            return spikes
        return torch.cat([torch.zeros_like(spikes[: self.dendritic_delay]), spikes[: -self.dendritic_delay]])

    def terms(self, seen: Seen, traces: Traces) -> dict[str, Tensor]:
        sides = (seen.pre, seen.pre, seen.post, seen.post)
        nearest, before = self.parameters.pairing == "nearest-spike", list[Tensor]()
        for name, spikes, decay in zip(("r1", "r2", "o1", "o2"), sides, self.decays, strict=True):
            faded, traces[name] = followed(traces.get(name), spikes, decay, nearest=nearest)
            before.append(faded)
        r1, r2, o1, o2 = before
        fit = self.parameters.fit
        causal = mean_product(seen.post * (fit.a2_plus + fit.a3_plus * o2), r1, seen.pairs)
        acausal = mean_product(o1, seen.pre * (fit.a2_minus + fit.a3_minus * r2), seen.pairs)
        up, down = self.scale * causal, self.scale * acausal
        parts = self.dependence.parts(seen.weight, up, down, low=self.low, high=self.high, in_turn=self.in_turn)
        return dict(zip(("potentiation", "depression"), parts, strict=True))


def _check_linear(network: Network, rule: str) -> None:
    for prefix, synapse in network.synapses().items():
        if weight_names(trainable(synapse)) and not is_linear(synapse):
            made = " ".join(repr(synapse).split())
            raise ValueError(
                f"{rule} traces what meets the weights, but {prefix[:-1]} is not linear in its input: {made}; pool by "
                "the mean, or freeze it"
            )

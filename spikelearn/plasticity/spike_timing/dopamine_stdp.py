"""STDP whose eligibility waits for dopamine."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_positive
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.homeostasis import Homeostasis, NoHomeostasis
from spikelearn.plasticity.spike_timing.followed import Place
from spikelearn.plasticity.spike_timing.reward_pairs import Coincident, RewardedPairs
from spikelearn.plasticity.spike_timing.rewards import Reward, TargetSpikes
from spikelearn.plasticity.spike_timing.stepwise import Seen, Traces


@RULES.register("dopamine-stdp")
class DopamineSTDP(RewardedPairs):
    r"""STDP with an eligibility that dopamine turns into weight; both fade, so that a reward may come seconds late.

    $$\dot w_{ji} = \frac{\gamma}{B} \sum_b c_{ji}\,(n - b_0), \qquad \dot c_{ji} = -\frac{c_{ji}}{\tau_c} + \zeta_{ji}
      \,\delta(t - t_{spike}), \qquad \dot n = -\frac{n}{\tau_n} + \frac{r}{\tau_n}\,\delta(t - t_{reward})$$

    $$\zeta_{ji}[t] = e^{-dt/\tau_+} P^+_i[t-1]\, z_j[t] + e^{-dt/\tau_-} P^-_j[t-1]\, s_i[t]$$

    $$P^+[t] = e^{-dt/\tau_+} P^+[t-1] + A_+ s[t], \qquad P^-[t] = e^{-dt/\tau_-} P^-[t-1] + A_- z[t]$$

    At every step the traces decay, spikes and rewards of the step enter c and n, and the time up to the next step,
    which meets the new weights, is integrated exactly:

    $$w \leftarrow w + \frac{\gamma}{B} \sum_b c\,n\,\tau_s\,(1 - e^{-dt/\tau_s})
      - b_0\,c\,\tau_c\,(1 - e^{-dt/\tau_c}), \qquad \frac{1}{\tau_s} = \frac{1}{\tau_c} + \frac{1}{\tau_n}$$

    The reward r counts dopaminergic spikes, and may be negative; it is one number for each sample, the same for all
    synapses: that of the batch, ``Batch.rewards`` [T, B], or what ``reward`` pays. Dopamine stays in the tissue where
    ``mstdpet``'s reward acts at one step alone, and with a baseline b_0 its absence unlearns. The eligibility is one
    number for each weight and sample.

    Weights change at every step, as in ``stdp-online``: the network steps with them as they stand, the B samples share
    them, ``weight_decay`` and bounds follow each change, and the update is the change over the whole presentation.
    Every weight of ``nn.Linear`` that is not frozen learns; biases do not.

    Args:
        reward: what is paid where the batch brings no rewards: "target-spikes" or "outcome".
        learning_rate: $\gamma$, weight per pair and dopaminergic spike.
        a_plus, a_minus: $A_+$ and $A_-$, dimensionless; the second is negative for depression.
        tau_plus, tau_minus: time constants of the windows, seconds.
        tau_eligibility: $\tau_c$, time constant of the eligibility, seconds.
        tau_dopamine: $\tau_n$, time constant of dopamine, seconds.
        baseline: $b_0$, concentration of dopamine at which nothing is learned, spikes per second.
        coincident: what a pair in the same step counts: "none", 0; "causal", $A_+$: an input fires its target in the
            same step, so it came first; "both", $A_+ + A_-$.
        weight_decay: share of every weight that is lost at every step, in [0, 1).
        low, high: bounds of the weights that learn; infinite: none.
        dt: time step, seconds; must be that of the neurons.
        dendritic_delay: steps by which synapses see late that their target fired; NEST's delay is all of this kind.
        homeostasis: what brings neurons to a rate besides, once a presentation: "none", "synaptic-scaling", or
            "threshold", by the biases.

    Shapes: inputs [T, B, in...]; rewards [T, B]; c [B, out, in], dimensionless; n [B], spikes per second; synapses are
    ``nn.Linear``, ``nn.Flatten`` may stand in front.

    Raises:
        ValueError: a time constant not positive, low not below high, neurons with another dt or that never fire,
            nothing to learn or something else than ``nn.Linear``, no reward for the task.

    Source: Izhikevich, Cerebral Cortex 17, 2007; amplitudes, baseline and exact steps: Potjans, Morrison & Diesmann,
    Frontiers in Computational Neuroscience 4, 2010. deviation: bounds cut the weights after every step, not where an
    event happens; the mean of shards is not the batch, for weights change within the presentation.
    """

    # Presentations are of some ten steps, and the reward is paid at once; the published constants are of seconds.
    default_settings = {
        "net": "{input}-{output}",
        "incoming_norm": 2.0,
        "rule_option": {"a_minus": -1.0, "tau_eligibility": 1e-3, "tau_dopamine": 5e-4, "coincident": "both"},
    }

    places: Mapping[str, Place] = {**RewardedPairs.places, "eligibility": "synapse", "dopamine": "sample"}

    def __init__(
        self,
        reward: Reward = TargetSpikes(delay=0),
        learning_rate: float = 0.01,
        a_plus: float = 1.0,
        a_minus: float = -1.5,
        tau_plus: float = 20e-3,
        tau_minus: float = 20e-3,
        tau_eligibility: float = 1.0,
        tau_dopamine: float = 0.2,
        baseline: float = 0.0,
        *,
        coincident: Coincident = "none",
        weight_decay: float = 0.0,
        low: float = 0.0,
        high: float = 1.0,
        dt: float = 1e-3,
        dendritic_delay: int = 0,
        homeostasis: Homeostasis = NoHomeostasis(),
    ) -> None:
        super().__init__(
            *(reward, learning_rate, a_plus, a_minus, tau_plus, tau_minus),
            coincident=coincident,
            weight_decay=weight_decay,
            low=low,
            high=high,
            dt=dt,
            dendritic_delay=dendritic_delay,
            homeostasis=homeostasis,
        )
        check_positive("tau_eligibility", tau_eligibility, "s")
        check_positive("tau_dopamine", tau_dopamine, "s")
        check_finite("baseline", baseline)
        self.decay_eligibility, self.decay_dopamine = math.exp(-dt / tau_eligibility), math.exp(-dt / tau_dopamine)
        rate = 1.0 / tau_eligibility + 1.0 / tau_dopamine
        self.met = -math.expm1(-dt * rate) / rate
        self.unmet = baseline * tau_eligibility * math.expm1(-dt / tau_eligibility)
        self.per_spike = 1.0 / tau_dopamine

    def terms(self, seen: Seen, traces: Traces) -> dict[str, Tensor]:
        assert seen.reward is not None
        self.follow(seen.pre, seen.post, traces)
        eligibility, dopamine = self.pairs(traces, seen.pairs), self.per_spike * seen.reward.to(seen.weight)
        if "eligibility" in traces:
            eligibility = eligibility + self.decay_eligibility * traces["eligibility"]
            dopamine = dopamine + self.decay_dopamine * traces["dopamine"]
        traces["eligibility"], traces["dopamine"] = eligibility, dopamine
        strength = self.learning_rate / len(seen.pre) * (self.met * dopamine + self.unmet)
        return {"dopamine times eligibility": torch.tensordot(strength, eligibility, 1)}

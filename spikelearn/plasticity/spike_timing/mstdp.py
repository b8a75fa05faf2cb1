"""STDP whose sign a reward decides."""

import torch
from torch import Tensor

from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.homeostasis import Homeostasis, NoHomeostasis
from spikelearn.plasticity.spike_timing.followed import mean_product
from spikelearn.plasticity.spike_timing.reward_pairs import Coincident, RewardedPairs
from spikelearn.plasticity.spike_timing.rewards import Reward, TargetSpikes
from spikelearn.plasticity.spike_timing.stepwise import Seen, Traces


@RULES.register("mstdp")
class MSTDP(RewardedPairs):
    r"""Reward-modulated STDP: the pairs of spikes of a step, times the reward of the next.

    $$w_{ji} \leftarrow w_{ji} + \frac{\gamma}{B} \sum_b r[t]\,\zeta_{ji}[t-1], \qquad
      \zeta_{ji}[t] = P^+_i[t]\, z_j[t] + e^{-dt/\tau_-} P^-_j[t-1]\, s_i[t]$$

    $$P^+[t] = e^{-dt/\tau_+} P^+[t-1] + A_+ s[t], \qquad P^-[t] = e^{-dt/\tau_-} P^-[t-1] + A_- z[t]$$

    The reward r is one number for each sample, the same for all synapses: that of the batch, ``Batch.rewards`` [T, B],
    or what ``reward`` pays. What is paid
    later than a step after the spikes is lost on them; ``mstdpet`` keeps them.

    Weights change at every step, as in ``stdp-online``: the network steps with them as they stand, the B samples share
    them, ``weight_decay`` and bounds follow each change, and the update is the change over the whole presentation.
    Every weight of ``nn.Linear`` that is not frozen learns; biases do not.

    Args:
        reward: what is paid where the batch brings no rewards: "target-spikes" or "outcome".
        learning_rate: $\gamma$, weight per pair and unit of reward.
        a_plus, a_minus: $A_+$ and $A_-$, dimensionless; the second is negative for depression.
        tau_plus, tau_minus: time constants of the windows, seconds.
        coincident: what a pair in the same step counts: "causal", $A_+$: an input fires its target in the same step, so
            it came first; "both", $A_+ + A_-$; "none", 0.
        weight_decay: share of every weight that is lost at every step, in [0, 1).
        low, high: bounds of the weights that learn; infinite: none.
        dt: time step, seconds; must be that of the neurons.
        dendritic_delay: steps by which synapses see late that their target fired; NEST's delay is all of this kind.
        homeostasis: what brings neurons to a rate besides, once a presentation: "none", "synaptic-scaling", or
            "threshold", by the biases.

    Shapes: inputs [T, B, in...]; rewards [T, B]; synapses are ``nn.Linear``, ``nn.Flatten`` may stand in front.

    Raises:
        ValueError: a time constant not positive, low not below high, neurons with another dt or that never fire,
            nothing to learn or something else than ``nn.Linear``, no reward for the task.

    Source: Florian, Neural Computation 19, 2007, MSTDP. deviation: a pair in the same step counts as one of pre before
    post, where he, as BindsNET's program does, counts both orders; the mean of shards is not the batch, for weights
    change within the presentation.
    """

    # Every neuron's weights sum to the same, so that none wins all.
    default_settings = {"net": "{input}-{output}", "incoming_norm": 2.0}

    def __init__(
        self,
        reward: Reward = TargetSpikes(),
        learning_rate: float = 5e-3,
        a_plus: float = 1.0,
        a_minus: float = -1.0,
        tau_plus: float = 20e-3,
        tau_minus: float = 20e-3,
        *,
        coincident: Coincident = "causal",
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

    def terms(self, seen: Seen, traces: Traces) -> dict[str, Tensor]:
        assert seen.reward is not None
        causal = acausal = torch.zeros_like(seen.weight)
        if "pre" in traces:
            reward = self.learning_rate * seen.reward.unsqueeze(1)
            causal = mean_product(reward * traces["post"], traces["met_plus"], seen.pairs)
            acausal = mean_product(reward * traces["met_minus"], traces["pre"], seen.pairs)
        self.follow(seen.pre, seen.post, traces)
        return {"reward of post after pre": causal, "reward of pre after post": acausal}

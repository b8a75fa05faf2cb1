"""STDP that waits in an eligibility for its reward."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.homeostasis import Homeostasis, NoHomeostasis
from spikelearn.plasticity.spike_timing.followed import Place
from spikelearn.plasticity.spike_timing.reward_pairs import Coincident, RewardedPairs
from spikelearn.plasticity.spike_timing.rewards import Reward, TargetSpikes
from spikelearn.plasticity.spike_timing.stepwise import Seen, Traces


@RULES.register("mstdpet")
class MSTDPET(RewardedPairs):
    r"""Reward-modulated STDP with an eligibility trace: what pairs of spikes have done waits for a reward.

    $$w_{ji} \leftarrow w_{ji} + \frac{\gamma}{B} \sum_b r[t]\,e_{ji}[t], \qquad
      e_{ji}[t] = e^{-dt/\tau_e}\, e_{ji}[t-1] + \frac{dt}{\tau_e}\,\zeta_{ji}[t-1]$$

    $$\zeta_{ji}[t] = P^+_i[t]\, z_j[t] + e^{-dt/\tau_-} P^-_j[t-1]\, s_i[t]$$

    $$P^+[t] = e^{-dt/\tau_+} P^+[t-1] + A_+ s[t], \qquad P^-[t] = e^{-dt/\tau_-} P^-[t-1] + A_- z[t]$$

    The reward r is one number for each sample, the same for all synapses: that of the batch, ``Batch.rewards`` [T, B],
    or what ``reward`` pays. It may come late, by about $\tau_e$. The eligibility is one number for each weight and
    sample.

    Weights change at every step, as in ``stdp-online``: the network steps with them as they stand, the B samples share
    them, ``weight_decay`` and bounds follow each change, and the update is the change over the whole presentation.
    Every weight of ``nn.Linear`` that is not frozen learns; biases do not.

    Args:
        reward: what is paid where the batch brings no rewards: "target-spikes" or "outcome".
        learning_rate: $\gamma$, weight per pair and unit of reward.
        a_plus, a_minus: $A_+$ and $A_-$, dimensionless; the second is negative for depression.
        tau_plus, tau_minus: time constants of the windows, seconds.
        tau_eligibility: $\tau_e$, time constant of the eligibility, seconds.
        coincident: what a pair in the same step counts: "causal", $A_+$: an input fires its target in the same step, so
            it came first; "both", $A_+ + A_-$; "none", 0.
        weight_decay: share of every weight that is lost at every step, in [0, 1).
        low, high: bounds of the weights that learn; infinite: none.
        dt: time step, seconds; must be that of the neurons.
        dendritic_delay: steps by which synapses see late that their target fired; NEST's delay is all of this kind.
        homeostasis: what brings neurons to a rate besides, once a presentation: "none", "synaptic-scaling", or
            "threshold", by the biases.

    Shapes: inputs [T, B, in...]; rewards [T, B]; e [B, out, in], dimensionless; synapses are ``nn.Linear``,
    ``nn.Flatten`` may stand in front.

    Raises:
        ValueError: a time constant not positive, low not below high, neurons with another dt or that never fire,
            nothing to learn or something else than ``nn.Linear``, no reward for the task.

    Source: Florian, Neural Computation 19, 2007, MSTDPET. deviation: a pair in the same step counts as one of pre
    before post, where he, as BindsNET's program does, counts both orders; e is dimensionless, the program's is e / dt;
    the mean of shards is not the batch, for weights change within the presentation.
    """

    # As published, a pair in the same step counts for both orders: potentiation alone fills all where inputs are dense.
    # What is paid a step later must not pay the spikes of all steps before: a presentation is of some ten steps.
    default_settings = {
        "net": "{input}-{output}",
        "incoming_norm": 2.0,
        "rule_option": {"coincident": "both", "tau_eligibility": 2e-3, "learning_rate": 0.01},
    }

    places: Mapping[str, Place] = {**RewardedPairs.places, "eligibility": "synapse"}

    def __init__(
        self,
        reward: Reward = TargetSpikes(),
        learning_rate: float = 0.2,
        a_plus: float = 1.0,
        a_minus: float = -1.0,
        tau_plus: float = 20e-3,
        tau_minus: float = 20e-3,
        tau_eligibility: float = 25e-3,
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
        check_positive("tau_eligibility", tau_eligibility, "s")
        self.decay_eligibility, self.share = math.exp(-dt / tau_eligibility), dt / tau_eligibility

    def terms(self, seen: Seen, traces: Traces) -> dict[str, Tensor]:
        assert seen.reward is not None
        paid = torch.zeros_like(seen.weight)
        if "pre" in traces:
            waiting = traces.get("eligibility", torch.zeros((), dtype=paid.dtype, device=paid.device))
            traces["eligibility"] = self.decay_eligibility * waiting + self.share * self.pairs(traces, seen.pairs)
            reward = self.learning_rate / len(seen.pre) * seen.reward
            paid = torch.tensordot(reward, traces["eligibility"], 1)
        self.follow(seen.pre, seen.post, traces)
        return {"reward times eligibility": paid}

"""Options and traces that the rules of rewarded spike pairs have in common."""

import math
from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_finite, check_fraction, check_instance, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.base import Batch, OptimizerChoice
from spikelearn.plasticity.factors import LOCAL, Factors
from spikelearn.plasticity.homeostasis import Homeostasis
from spikelearn.plasticity.spike_timing.followed import Pairs, Place, products
from spikelearn.plasticity.spike_timing.rewards import Given, Payments, Reward
from spikelearn.plasticity.spike_timing.stepwise import StepwiseRule, Traces

#: What a pair in the same step counts: as one of pre before post, as one of both orders, or nothing.
Coincident = Literal["causal", "both", "none"]


class RewardedPairs(StepwiseRule):
    """Traces of both sides of a synapse, and who pays; the subclass says what a reward does to the weights.

    Args:
        reward: what is paid where the batch brings no rewards.
        learning_rate, a_plus, a_minus, tau_plus, tau_minus, coincident, weight_decay, low, high, dt, dendritic_delay,
            homeostasis: as in ``MSTDP``.
    """

    knows_lists = True
    pays = True
    places: Mapping[str, Place] = {"p_plus": "pre", "p_minus": "post"}
    takes = frozenset({"classify", "per-step", "regress"})
    default_optimizer = OptimizerChoice("sgd", 1.0)

    def __init__(
        self,
        reward: Reward,
        learning_rate: float,
        a_plus: float,
        a_minus: float,
        tau_plus: float,
        tau_minus: float,
        *,
        coincident: Coincident,
        weight_decay: float,
        low: float,
        high: float,
        dt: float,
        dendritic_delay: int,
        homeostasis: Homeostasis,
    ) -> None:
        super().__init__(low=low, high=high, dt=dt, dendritic_delay=dendritic_delay, homeostasis=homeostasis)
        check_instance("reward", reward, Reward, "for example TargetSpikes()")
        for name, value in (("learning_rate", learning_rate), ("a_plus", a_plus), ("a_minus", a_minus)):
            check_finite(name, value)
        for name, value in (("tau_plus", tau_plus), ("tau_minus", tau_minus)):
            check_positive(name, value, "s")
        check_choice("coincident", coincident, get_args(Coincident))
        check_fraction("weight_decay", weight_decay, below_one=True)
        self.reward, self.learning_rate, self.coincident = reward, learning_rate, coincident
        self.a_plus, self.a_minus, self.weight_decay = a_plus, a_minus, weight_decay
        self.decay_plus, self.decay_minus = math.exp(-dt / tau_plus), math.exp(-dt / tau_minus)

    @property
    def supervised(self) -> bool:
        return True

    @property
    def factors(self) -> Factors | None:
        """The reward depends on what the output did and on what it should have done."""
        return LOCAL | {"targets", "error"}

    def payments(self, network: Network, batch: Batch) -> Payments:
        return self.reward.payments(network, batch) if batch.rewards is None else Given(batch.rewards)

    def follow(self, pre: Tensor, post: Tensor, traces: Traces) -> None:
        r"""Take the spikes of a step in.

        ``p_plus`` and ``p_minus`` are $P^+$ [B, in] and $P^-$ [B, out] after it; ``met_plus`` and ``met_minus`` what
        the spikes ``pre`` and ``post`` of the step make pairs with.
        """
        sides = (("plus", pre, self.decay_plus, self.a_plus), ("minus", post, self.decay_minus, self.a_minus))
        seen = {"plus": self.coincident != "none", "minus": self.coincident == "both"}
        for side, spikes, decay, amplitude in sides:
            before = traces.get(f"p_{side}")
            faded = torch.zeros_like(spikes) if before is None else decay * before
            traces[f"p_{side}"] = faded + amplitude * spikes
            traces[f"met_{side}"] = traces[f"p_{side}"] if seen[side] else faded
        traces["pre"], traces["post"] = pre, post

    @staticmethod
    def pairs(traces: Traces, pairs: Pairs | None = None) -> Tensor:
        r"""$\zeta_{ji}$ of the last step that was followed, [B, out, in], or of ``pairs`` alone, [B, K, 1]."""
        causal = products(traces["post"], traces["met_plus"], pairs)
        return causal + products(traces["met_minus"], traces["pre"], pairs)

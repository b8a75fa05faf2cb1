"""Identities of rules of the times of spikes, by sums over all spikes before instead of traces."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from spikelearn.network import Block, Network
from spikelearn.neurons import TwoCompartment
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import (
    DECAY,
    SAMPLES,
    STEPS,
    changes,
    compare,
    dense,
    draw,
    identity,
    spikes_for,
)
from spikelearn.plasticity.spike_timing.clopath import Clopath
from spikelearn.plasticity.spike_timing.diehl_cook import PUBLISHED, DiehlCook
from spikelearn.plasticity.spike_timing.dopamine_stdp import DopamineSTDP
from spikelearn.plasticity.spike_timing.mstdp import MSTDP
from spikelearn.plasticity.spike_timing.mstdpet import MSTDPET
from spikelearn.plasticity.spike_timing.triplet_stdp import TripletSTDP
from spikelearn.plasticity.spike_timing.triplets import GivenTriplets
from spikelearn.plasticity.spike_timing.urbanczik_senn import UrbanczikSenn
from spikelearn.plasticity.spike_timing.vogels import Vogels

#: Steps after which windows are 1/e, of both sides of a synapse and of triplets.
PLUS, MINUS, X, Y = 5.0, 12.0, 9.0, 14.0

Spikes = list[Tensor]
Change = Callable[[Spikes, Spikes], Tensor]


@identity("triplet-stdp")
def triplet_stdp() -> None:
    """The change is a sum over pairs and triplets of spikes, and the weights change before the next step."""
    network, batch = dense(6, 5), spikes_for(6, 5)
    taus: dict[str, Any] = {"tau_plus": 1e-3 * PLUS, "tau_minus": 1e-3 * MINUS, "tau_x": 1e-3 * X, "tau_y": 1e-3 * Y}
    parameters = GivenTriplets(0.03, 0.02, 0.05, 0.01, **taus)
    for online in (True, False):
        rule = TripletSTDP(parameters, low=-50.0, high=50.0, online=online)
        compare("triplet-stdp", changes(rule, network, batch), _by_hand(network, batch, _triplets, online=online))


@identity("diehl-cook")
def diehl_cook() -> None:
    """Repeats and rests are one long presentation to triplet STDP, of an input that is raised and goes dark."""
    network, batch = dense(6, 5), spikes_for(6, 5)
    inputs, dark = batch.inputs, torch.zeros_like(batch.inputs[:3])
    whole = Batch(torch.cat([inputs, dark, 1.5 * inputs, dark, 2.0 * inputs, dark]), batch.targets)
    bounds: dict[str, Any] = {"low": -50.0, "high": 50.0, "dt": 1e-3}
    for online in (True, False):
        rule = DiehlCook(rest=3e-3, least_spikes=1_000_000, repeats=2, online=online, **bounds)
        plain = TripletSTDP(PUBLISHED, online=online, **bounds)
        compare("diehl-cook", changes(rule, network, batch), changes(plain, network, whole))


def _triplets(pre: Spikes, post: Spikes) -> Tensor:
    if len(pre) == 1:
        return torch.zeros(post[0].shape[1], pre[0].shape[1], dtype=torch.float64)
    r1, r2, o1, o2 = (_ago(s[:-1], tau, 1) for s, tau in ((pre, PLUS), (pre, X), (post, MINUS), (post, Y)))
    return (post[-1] * (0.03 + 0.05 * o2)).t() @ r1 - o1.t() @ (pre[-1] * (0.02 + 0.01 * r2))


def _ago(spikes: Spikes, tau: float, late: int = 0) -> Tensor:
    """Spikes, each weighed by how long ago it was; the last of them ``late`` steps."""
    total = torch.zeros((), dtype=torch.float64)
    for age, fired in enumerate(reversed(spikes)):
        total = total + math.exp(-(age + late) / tau) * fired
    return total


@identity("mstdp")
def mstdp() -> None:
    """The pairs that end at a step are paid by the reward of the next."""
    network, batch = dense(6, 5), _paid()
    rule = MSTDP(
        learning_rate=0.05,
        a_minus=-0.7,
        tau_plus=1e-3 * PLUS,
        tau_minus=1e-3 * MINUS,
        low=-50.0,
        high=50.0,
        coincident="both",
    )

    def change(pre: Spikes, post: Spikes) -> Tensor:
        pairs = _pairs(pre[:-1], post[:-1])
        return 0.05 * torch.einsum("b,boi->oi", _rewards(batch)[len(pre) - 1], pairs)

    compare("mstdp", changes(rule, network, batch), _by_hand(network, batch, change))


@identity("mstdpet")
def mstdpet() -> None:
    """A reward pays all pairs before it, by how long ago they were."""
    network, batch = dense(6, 5), _paid()
    taus: dict[str, Any] = {"tau_plus": 1e-3 * PLUS, "tau_minus": 1e-3 * MINUS, "tau_eligibility": 1e-3 * X}
    rule = MSTDPET(learning_rate=0.5, a_minus=-0.7, **taus, low=-50.0, high=50.0, coincident="both")

    def change(pre: Spikes, post: Spikes) -> Tensor:
        waiting = [_pairs(pre[:end], post[:end]) for end in range(1, len(pre))]
        reward = 0.5 / X * _rewards(batch)[len(pre) - 1]
        return torch.einsum("b,boi->oi", reward, _ago(waiting or [_pairs([], [])], X))

    compare("mstdpet", changes(rule, network, batch), _by_hand(network, batch, change))


@identity("dopamine-stdp")
def dopamine_stdp() -> None:
    """A reward meets all pairs before it and in its step, by how much of both is left between two steps."""
    network, batch = dense(6, 5), _paid()
    taus: dict[str, Any] = {"tau_plus": 1e-3 * PLUS, "tau_minus": 1e-3 * MINUS}
    taus |= {"tau_eligibility": 1e-3 * X, "tau_dopamine": 1e-3 * Y, "baseline": 30.0}
    rule = DopamineSTDP(learning_rate=0.5, a_minus=-0.7, **taus, coincident="both", low=-50.0, high=50.0)

    def change(pre: Spikes, post: Spikes) -> Tensor:
        both, total = 1 / X + 1 / Y, torch.zeros(5, 6, dtype=torch.float64)
        for age in range(len(pre)):
            pairs = _pairs(pre[: len(pre) - age], post[: len(pre) - age])
            total -= 0.5 * 0.03 * X * (math.exp(-age / X) - math.exp(-(age + 1) / X)) * pairs.sum(0)
            for late in range(len(pre)):
                left = math.exp(-age / X - late / Y) * (1 - math.exp(-both)) / both / Y
                total += 0.5 * left * torch.einsum("b,boi->oi", _rewards(batch)[len(pre) - 1 - late], pairs)
        return total

    compare("dopamine-stdp", changes(rule, network, batch), _by_hand(network, batch, change))


@identity("vogels")
def vogels() -> None:
    """Every pair in either order inhibits by how far apart it is, and every presynaptic spike disinhibits."""
    network, batch = dense(6, 5), spikes_for(6, 5)
    rule = Vogels(0.05, 40.0, 1e-3 * PLUS, low=-50.0, high=50.0)

    def change(pre: Spikes, post: Spikes) -> Tensor:
        alone = 2 * 0.04 * PLUS * pre[-1].sum(0).expand(5, 6)
        if len(pre) == 1:
            return 0.05 * alone
        pairs = post[-1].t() @ _ago(pre[:-1], PLUS, 1) + _ago(post[:-1], PLUS, 1).t() @ pre[-1]
        return 0.05 * (alone - pairs)

    compare("vogels", changes(rule, network, batch), _by_hand(network, batch, change))


@identity("clopath")
def clopath() -> None:
    """Every potential before a step, by how long ago it was, makes what the step's spikes and potential change."""
    network, batch = dense(6, 5), spikes_for(6, 5)
    taus: dict[str, Any] = {"tau_x": 1e-3 * X, "tau_plus": 1e-3 * PLUS, "tau_minus": 1e-3 * MINUS, "tau_mean": 1e-3 * Y}
    rule = Clopath(0.4, 0.02, 0.9, -0.1, **taus, amplitude="mean-square", v_rest=0.2, low=-50.0, high=50.0)
    potentials: Spikes = []

    def change(pre: Spikes, post: Spikes) -> Tensor:
        u = [torch.where(z > 0, rule.spike or 0.0, v) for v, z in zip(potentials, post, strict=True)]
        before = len(u) - 1
        plus, minus = (_ago(u[:-1], tau) * (1 - math.exp(-1 / tau)) + 0.1 for tau in (PLUS, MINUS))
        mean = _ago([(v - 0.2).square() for v in u[:-1]], Y) * (1 - math.exp(-1 / Y)) + 0.04 * math.exp(-before / Y)
        above = (u[-1] - 0.9).relu() * plus.relu()
        depressed = (minus.relu() * mean).expand_as(above).t() @ pre[-1] * 0.02 / rule.u_ref**2
        return 0.4 / X * above.t() @ _ago(pre[:-1], X, 1).expand_as(pre[-1]) - depressed

    compare("clopath", changes(rule, network, batch), _by_hand(network, batch, change, potentials=potentials))


@identity("urbanczik-senn")
def urbanczik_senn() -> None:
    """Every step's surprise has had its share of a weight by how long ago it was; all spikes before make its input."""
    neuron = TwoCompartment(1e-3 * MINUS, 1e-3 * PLUS, coupling=3.0, rate=600.0, slope=2.0)
    network, batch = Network({"b0": Block(nn.Linear(6, 5, bias=False), neuron)}), spikes_for(6, 5)
    draw(network, 0.9)
    rule = UrbanczikSenn(0.3, 1e-3 * X)
    (start,) = (parameter.detach().clone() for parameter in network.parameters())
    kernel = [(math.exp(-age / MINUS) - math.exp(-age / PLUS)) * 10.0 / (MINUS - PLUS) for age in range(STEPS + 1)]
    surprises: Spikes = []
    changed, state = torch.zeros_like(start), None
    for t, spikes in enumerate(batch.inputs):
        with torch.no_grad():
            network.get_parameter("blocks.b0.synapse.weight").copy_(start + changed)
            record, state = network.step(spikes, state)
        predicted = 0.75 * state.neurons["b0"].dendrite
        odds = 0.5 * torch.exp(2.0 * (1.0 - predicted))
        surprise = (record["b0"].spikes - 0.6 / (1.0 + odds)) * 2.0 * odds / (1.0 + odds)
        inputs = torch.stack([kernel[t - before] * s for before, s in enumerate(batch.inputs[: t + 1])]).sum(0)
        surprises.append(surprise.t() @ inputs / SAMPLES)
        shares = [1.0 - math.exp(-(t + 1 - before) / X) for before in range(t + 1)]
        changed = 0.3 * torch.stack([share * of for share, of in zip(shares, surprises, strict=True)]).sum(0)
    with torch.no_grad():
        network.get_parameter("blocks.b0.synapse.weight").copy_(start)
    compare("urbanczik-senn", changes(rule, network, batch), {"blocks.b0.synapse.weight": -changed})


def _paid() -> Batch:
    batch = spikes_for(6, 5)
    drawn = torch.rand(batch.inputs.shape[:2], generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return Batch(batch.inputs, batch.targets, rewards=drawn - 0.3)


def _rewards(batch: Batch) -> Tensor:
    assert batch.rewards is not None
    return batch.rewards


def _pairs(pre: Spikes, post: Spikes) -> Tensor:
    """The pairs that end at the last step, potentiation by 1 and depression by 0.7, [B, out, in]."""
    if not pre:
        return torch.zeros(SAMPLES, 5, 6, dtype=torch.float64)
    causal = torch.einsum("bo,bi->boi", post[-1], _ago(pre, PLUS))
    return causal - 0.7 * torch.einsum("bo,bi->boi", _ago(post, MINUS), pre[-1])


def _by_hand(
    network: Network, batch: Batch, change: Change, *, online: bool = True, potentials: Spikes | None = None
) -> dict[str, Tensor]:
    """Minus the change of the weights of a layer by ``change`` of all spikes so far, step after step.

    The potential of every step, before its reset, is added to ``potentials``, where they are given.
    """
    start, bias = (parameter.detach() for parameter in network.parameters())
    weight, total, v = start, torch.zeros_like(start), torch.zeros(SAMPLES, len(bias), dtype=torch.float64)
    pre: Spikes = []
    post: Spikes = []
    for spikes in batch.inputs:
        v = DECAY * v + spikes @ weight.t() + bias
        if potentials is not None:
            potentials.append(v)
        fired = (v > 1.0).to(v)
        v = v - fired
        pre.append(spikes)
        post.append(fired)
        total = total + change(pre, post) / SAMPLES
        weight = start + total if online else start
    return {"blocks.b0.synapse.weight": -total}

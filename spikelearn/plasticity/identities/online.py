"""Identities of rules that learn step by step."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network
from spikelearn.neurons import LIF, LeakyIntegrator, Sigmoid, Surrogate
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.gradient.bptt import BPTT
from spikelearn.plasticity.identities.base import DECAY, changes, compare, dense, identity, spikes_for
from spikelearn.plasticity.losses import MixedMembrane
from spikelearn.plasticity.three_factor.ostl import OSTL
from spikelearn.plasticity.three_factor.ottt import OTTT
from spikelearn.plasticity.three_factor.ottt_online import OTTTOnline
from spikelearn.plasticity.three_factor.s_tllr import STLLR
from spikelearn.plasticity.three_factor.s_tllr_online import STLLROnline
from spikelearn.plasticity.three_factor.sltt import SLTT
from spikelearn.plasticity.three_factor.sltt_k import SLTTK

#: Share of the squared error in the loss.
SHARE = 0.3

#: Options of traces on both sides of a synapse: decays before, behind, and before the output, and both factors.
BOTH: dict[str, Any] = {"decay": 0.7, "decay_post": 0.4, "decay_read": 0.9, "alpha_pre": 0.8, "alpha_post": -0.6}
#: Steps at the end that learn.
LAST = 3


@identity("ottt")
def ottt() -> None:
    """With one hidden block it is the gradient through all steps, its reset not differentiated."""
    network, batch = _network(6, 8, 4), spikes_for(6, 4)
    network.blocks["b0"].synapse.bias.requires_grad_(False)  # a bias has no trace
    expected = _looped(network, batch, _sigmoid, through_time=True)
    del expected["blocks.b0.synapse.bias"]
    for rule in (OTTT(MixedMembrane(SHARE)), OTTT(MixedMembrane(SHARE), form="step")):
        compare("ottt", changes(rule, network, batch), expected)


@identity("ostl")
def ostl() -> None:
    """Of one hidden block it is ``bptt``, through the reset and the loops of neurons to themselves; deep, ``ottt``."""
    network, batch, rule = _network(6, 8, 4), spikes_for(6, 4), OSTL()
    compare("ostl", changes(rule, network, batch), changes(BPTT(rule.loss, rule.adjoint), network, batch))
    blocks = {name: Block(block.synapse, LIF.per_step(DECAY)) for name, block in network.blocks.items()}
    blocks["b1"] = network.blocks["b1"]
    back = nn.Linear(8, 8, bias=False, dtype=torch.float64)
    with torch.no_grad():
        back.weight.copy_(torch.linspace(-0.8, 0.9, 8).diag())
    looped = Network(blocks, {"loop": Feedback("b0", "b0", back)}, MembraneReadout())
    compare("ostl", changes(rule, looped, batch), changes(BPTT(rule.loss, rule.adjoint), looped, batch))
    deep, adjoint = _network(6, 8, 7, 4), Surrogate(Sigmoid(4.0))
    for name in ("b0", "b1"):
        deep.blocks[name].synapse.bias.requires_grad_(False)  # a bias has no trace
    compare(
        "ostl",
        changes(OSTL(MixedMembrane(SHARE), adjoint), deep, batch),
        changes(OTTT(MixedMembrane(SHARE)), deep, batch),
    )


@identity("ottt-online")
def ottt_online() -> None:
    """Updates that are not applied add up to the change of ``ottt``."""
    network, batch = _network(6, 8, 7, 4), spikes_for(6, 4)
    total: dict[str, Tensor] = {}
    for update in OTTTOnline(MixedMembrane(SHARE)).updates(network, batch, {}, torch.Generator()):
        total = {name: total[name] + grad if name in total else grad for name, grad in update.grads.items()}
    compare("ottt-online", total, changes(OTTT(MixedMembrane(SHARE)), network, batch))


@identity("sltt")
def sltt() -> None:
    """In a deep network it is the gradient in which every membrane's past is held fixed."""
    network, batch, rule = _network(6, 8, 7, 4), spikes_for(6, 4), SLTT(MixedMembrane(SHARE))
    expected = _looped(network, batch, _triangle, through_time=False)
    compare("sltt", changes(rule, network, batch), expected)
    compare("sltt", changes(SLTT(MixedMembrane(SHARE), form="step"), network, batch), expected)


@identity("sltt-k")
def sltt_k() -> None:
    """It is the gradient of the loss at the steps that were drawn, their mean."""
    network, batch = _network(6, 8, 7, 4), spikes_for(6, 4)
    rule = SLTTK(MixedMembrane(SHARE), steps=3)
    drawn = rule.counted(len(batch.inputs), torch.Generator().manual_seed(0)).nonzero().flatten().tolist()
    expected = _looped(network, batch, _triangle, through_time=False, steps=drawn)
    compare("sltt-k", changes(rule, network, batch), expected)
    compare("sltt-k", changes(SLTTK(MixedMembrane(SHARE), steps=3, form="step"), network, batch), expected)


@identity("s-tllr")
def s_tllr() -> None:
    """Its causal term is ``ottt``, with one hidden block the gradient through all steps; both are sums over pairs."""
    network, batch = _network(6, 8, 4), spikes_for(6, 4)
    network.blocks["b0"].synapse.bias.requires_grad_(False)  # a bias has no trace
    loss, adjoint = MixedMembrane(SHARE), Surrogate(Sigmoid(4.0))
    through_time = _looped(network, batch, _sigmoid, through_time=True)
    del through_time["blocks.b0.synapse.bias"]
    deep = _network(6, 8, 7, 4)
    by_pairs, ottt = _pairs(deep, batch), changes(OTTT(loss, adjoint), deep, batch)
    for form in ("sequence", "step"):
        causal = STLLR(loss, adjoint, decay=None, alpha_post=0.0, last_steps=None, form=form)
        compare("s-tllr", changes(causal, network, batch), through_time)
        compare("s-tllr", changes(causal, deep, batch), ottt)
        both = STLLR(loss, adjoint, **BOTH, last_steps=LAST, form=form)
        compare("s-tllr", changes(both, deep, batch), by_pairs)


@identity("s-tllr-online")
def s_tllr_online() -> None:
    """Updates that are not applied add up to the change of ``s-tllr``."""
    network, batch, total = _network(6, 8, 7, 4), spikes_for(6, 4), dict[str, Tensor]()
    loss, adjoint = MixedMembrane(SHARE), Surrogate(Sigmoid(4.0))
    rule = STLLROnline(loss, adjoint, **BOTH, last_steps=LAST)
    for update in rule.updates(network, batch, {}, torch.Generator()):
        total = {name: total[name] + grad if name in total else grad for name, grad in update.grads.items()}
    compare("s-tllr-online", total, changes(STLLR(loss, adjoint, **BOTH, last_steps=LAST), network, batch))


def _network(*sizes: int) -> Network:
    """Dense layers whose last has neither spikes nor a memory."""
    made = dense(*sizes)
    last = list(made.blocks)[-1]
    blocks = {name: made.blocks[name] for name in made.blocks}
    blocks[last] = Block(made.blocks[last].synapse, LeakyIntegrator.per_step(0.0))
    return Network(blocks, readout=MembraneReadout())


def _sigmoid(x: Tensor) -> Tensor:
    share = torch.sigmoid(4.0 * x)
    return 4.0 * share * (1.0 - share)


def _triangle(x: Tensor) -> Tensor:
    return (1.0 - x.abs()).clamp(min=0.0)


def _looped(
    network: Network,
    batch: Batch,
    psi: Callable[[Tensor], Tensor],
    *,
    through_time: bool,
    steps: list[int] | None = None,
) -> dict[str, Tensor]:
    """Gradients of the mixed loss, mean of ``steps`` or of all, by a plain loop over steps and layers."""
    parameters = {name: parameter.detach().requires_grad_() for name, parameter in network.named_parameters()}
    weights, biases = list(parameters.values())[::2], list(parameters.values())[1::2]
    potentials = [torch.zeros(batch.size, len(bias), dtype=torch.float64) for bias in biases]
    losses = []
    for x in batch.inputs:
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            x = x @ weight.t() + bias
            if layer == len(weights) - 1:
                break
            before = potentials[layer] if through_time else potentials[layer].detach()
            v = DECAY * before + x
            fired = (v > 1.0).to(v)
            potentials[layer] = v - fired
            x = fired + psi(v.detach() - 1.0) * (v - v.detach())
        wanted = F.one_hot(batch.targets, x.shape[1]).to(x)
        losses.append((1.0 - SHARE) * F.cross_entropy(x, batch.targets) + SHARE * F.mse_loss(x, wanted))
    chosen = losses if steps is None else [losses[step] for step in steps]
    grads = torch.autograd.grad(torch.stack(chosen).mean(), list(parameters.values()))
    return dict(zip(parameters, grads, strict=True))


class _Seen(NamedTuple):
    """A layer at one step: its input, its output with a graph from the step alone, and its derivative."""

    x: Tensor
    sent: Tensor
    psi: Tensor


def _pairs(network: Network, batch: Batch) -> dict[str, Tensor]:
    """Changes of the mixed loss, mean of the last steps, by a sum over all pairs of steps at every synapse."""
    layers, losses = _by_step(network, batch)
    steps = range(len(losses))[-LAST:]
    value = torch.stack([losses[t] for t in steps]).mean()
    after: dict[str, Tensor] = {}
    for number, seen in enumerate(layers):
        signals = torch.autograd.grad(value, [seen[t].sent for t in steps], retain_graph=True)
        hidden = number < len(layers) - 1
        decay = BOTH["decay" if hidden else "decay_read"]
        weight, bias = torch.zeros(()), torch.zeros(())
        for t, m in zip(steps, signals, strict=True):
            bias = bias + (m * seen[t].psi).sum(0)
            for before in range(t + 1):
                causal = decay ** (t - before) * (m * seen[t].psi).t() @ seen[before].x
                weight = weight + (BOTH["alpha_pre"] if hidden else 1.0) * causal
            for before in range(t if hidden else 0):
                other = BOTH["decay_post"] ** (t - 1 - before) * (m * seen[before].psi).t() @ seen[t].x
                weight = weight + BOTH["alpha_post"] * other
        prefix = f"blocks.b{number}.synapse."
        after |= {f"{prefix}weight": weight.detach(), f"{prefix}bias": bias.detach()}
    return after


def _by_step(network: Network, batch: Batch) -> tuple[list[list[_Seen]], list[Tensor]]:
    """Run a plain loop: every layer at each step, and the mixed loss of each step."""
    synapses = [block.synapse for block in network.blocks.values()]
    layers: list[list[_Seen]] = [[] for _ in synapses]
    potentials = [torch.zeros((), dtype=torch.float64) for _ in synapses]
    losses = []
    for x in batch.inputs:
        for number, synapse in enumerate(synapses):
            arrived, x = x.detach(), synapse(x)
            psi = torch.ones_like(x)
            if number < len(synapses) - 1:
                v = DECAY * potentials[number] + x
                fired, psi = (v > 1.0).to(v).detach(), _sigmoid(v.detach() - 1.0)
                potentials[number] = (v - fired).detach()
                x = fired + psi * (v - v.detach())
            layers[number].append(_Seen(arrived, x, psi))
        wanted = F.one_hot(batch.targets, x.shape[1]).to(x)
        losses.append((1.0 - SHARE) * F.cross_entropy(x, batch.targets) + SHARE * F.mse_loss(x, wanted))
    return layers, losses

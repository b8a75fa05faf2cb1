"""Identities of rules that learn step by step."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import LeakyIntegrator
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import DECAY, changes, compare, dense, identity, spikes_for
from spikelearn.plasticity.losses import MixedMembrane
from spikelearn.plasticity.three_factor.ottt import OTTT
from spikelearn.plasticity.three_factor.ottt_online import OTTTOnline
from spikelearn.plasticity.three_factor.sltt import SLTT
from spikelearn.plasticity.three_factor.sltt_k import SLTTK

#: Share of the squared error in the loss.
SHARE = 0.3


@identity("ottt")
def ottt() -> None:
    """With one hidden block it is the gradient through all steps, its reset not differentiated."""
    network, batch = _network(6, 8, 4), spikes_for(6, 4)
    network.blocks["b0"].synapse.bias.requires_grad_(False)  # a bias has no trace
    expected = _looped(network, batch, _sigmoid, through_time=True)
    del expected["blocks.b0.synapse.bias"]
    for rule in (OTTT(MixedMembrane(SHARE)), OTTT(MixedMembrane(SHARE), form="step")):
        compare("ottt", changes(rule, network, batch), expected)


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

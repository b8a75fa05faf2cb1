"""Identities of three-factor rules whose errors go back through weights of their own."""

import torch

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import changes, compare, dense, identity, spikes_for
from spikelearn.plasticity.identities.by_hand import influence, output_errors, sent_by_hand, unrolled
from spikelearn.plasticity.losses import CrossEntropyMembrane
from spikelearn.plasticity.three_factor.dfa import DFA
from spikelearn.plasticity.three_factor.directional_dfa import DirectionalDFA
from spikelearn.plasticity.three_factor.dkp import DKP
from spikelearn.plasticity.three_factor.drtp import DRTP
from spikelearn.plasticity.three_factor.fa import FA
from spikelearn.plasticity.three_factor.sdfa import SDFA
from spikelearn.plasticity.three_factor.sign_symmetry import SignSymmetry
from spikelearn.plasticity.three_factor.weight_mirror import WeightMirror


@identity("fa")
def fa() -> None:
    """With the weights themselves on the way back it is ``bptt``."""
    network, batch, rule = dense(6, 8, 7, 4), spikes_for(6, 4), FA()
    memory = {}
    for name, drawn in rule.init(network, torch.Generator().manual_seed(0)).items():
        path = name.removeprefix("back_weights.")
        memory[name] = network.get_parameter(f"{path}.weight").detach().clone().view_as(drawn)
    compare("fa", changes(rule, network, batch, memory), unrolled(network, batch))


@identity("sign-symmetry")
def sign_symmetry() -> None:
    """With all weights of a layer of one size, signs say everything: the change is that of ``bptt``."""
    network, batch = dense(6, 8, 7, 4), spikes_for(6, 4)
    with torch.no_grad():
        for size, name in ((0.3, "b1"), (0.4, "b2")):
            weight = network.get_parameter(f"blocks.{name}.synapse.weight")
            weight.copy_(size * weight.sign())
    compare("sign-symmetry", changes(SignSymmetry(), network, batch), unrolled(network, batch))


@identity("dfa")
def dfa() -> None:
    """With one hidden block, and the output's weights on the way back, it is ``bptt``."""
    network, batch, rule = dense(6, 8, 4), spikes_for(6, 4), DFA()
    memory = {"back_weights.b0": network.get_parameter("blocks.b1.synapse.weight").detach().clone()}
    compare("dfa", changes(rule, network, batch, memory), unrolled(network, batch))


@identity("sdfa")
def sdfa() -> None:
    """The signal is the derivative of a sum of spikes, weighted by the signs of the output's errors."""
    network, batch = dense(6, 8, 4), spikes_for(6, 4)
    back = torch.rand(4, 8, generator=torch.Generator().manual_seed(5), dtype=torch.float64) - 0.5
    expected = sent_by_hand(network, batch, output_errors(network, batch).sign() @ back)
    compare("sdfa", changes(SDFA(), network, batch, {"back_weights.b0": back}), expected)


@identity("dkp")
def dkp() -> None:
    """The weights on the way back of the last hidden block get the gradient of the output's own weights."""
    network, batch, rule = dense(6, 8, 7, 4), spikes_for(6, 4), DKP()
    memory = rule.init(network, torch.Generator().manual_seed(0))
    (update,) = rule.updates(network, batch, memory, torch.Generator().manual_seed(0))
    changed = {name: update.own[name] for name in memory if name.endswith("b1")}
    compare("dkp", changed, {"back_weights.b1": unrolled(network, batch)["blocks.b2.synapse.weight"]})
    network = dense(6, 8, 4)
    memory = {"back_weights.b0": network.get_parameter("blocks.b1.synapse.weight").detach().clone()}
    compare("dkp", changes(rule, network, batch, memory), unrolled(network, batch))


@identity("directional-dfa")
def directional_dfa() -> None:
    """By pushes of one neuron at a time, the weights on the way back get the Jacobian itself."""
    network, rule = dense(6, 8, 7, 4), DirectionalDFA()
    one = spikes_for(6, 4).first(1)
    # All pushes as long together as random ones are in the mean, and each in a sample of its own.
    pushes = 15**0.5 * torch.eye(15, dtype=torch.float64)
    draws = {"tangents.b0": pushes[:, :8], "tangents.b1": pushes[:, 8:]}
    batch = Batch(one.inputs.expand(-1, 15, -1).contiguous(), one.targets.expand(15), draws=draws)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    (update,) = rule.updates(network, batch, memory, torch.Generator().manual_seed(0))
    expected = {f"back_weights.b{n}": influence(network, one, n)[0] for n in (0, 1)}
    compare("directional-dfa", {name: -change for name, change in update.own.items()}, expected)
    network, batch = dense(6, 8, 4), spikes_for(6, 4)
    memory = {"back_weights.b0": network.get_parameter("blocks.b1.synapse.weight").detach().clone()}
    compare("directional-dfa", changes(rule, network, batch, memory), unrolled(network, batch))


@identity("weight-mirror")
def weight_mirror() -> None:
    """By noise at one input at a time, weights become those of linear units; with the weights it is ``bptt``."""
    rule, drawn = WeightMirror(CrossEntropyMembrane(), noise=0.7), dense(6, 8, 8, 4)
    units = {name: Block(block.synapse, Rate(Linear())) for name, block in drawn.blocks.items()}
    linear = Network(units, readout=MembraneReadout())
    one, memory = spikes_for(6, 4).first(1), rule.init(linear, torch.Generator().manual_seed(0))
    pushes = 0.7 * 8**0.5 * torch.cat([torch.eye(8), -torch.eye(8)]).double().unsqueeze(1)
    draws = {name.replace("back_weights.", "noise."): pushes for name in memory}
    batch = Batch(one.inputs.expand(-1, 16, -1).contiguous(), one.targets.expand(16), draws=draws)
    (update,) = rule.updates(linear, batch, memory, torch.Generator())
    expected = {
        name: kept - linear.get_parameter(f"{name.removeprefix('back_weights.')}.weight").detach()
        for name, kept in memory.items()
    }
    compare("weight-mirror", update.own, expected)
    network, batch = dense(6, 8, 7, 4), spikes_for(6, 4)
    memory = {
        name: network.get_parameter(f"{name.removeprefix('back_weights.')}.weight").detach().clone()
        for name in WeightMirror().init(network, torch.Generator().manual_seed(0))
    }
    compare("weight-mirror", changes(WeightMirror(), network, batch, memory), unrolled(network, batch))


@identity("drtp")
def drtp() -> None:
    """The signal of the class is the derivative of a sum of spikes; the last block's gradient is that of ``bptt``."""
    network, batch = dense(6, 8, 4), spikes_for(6, 4)
    back = torch.rand(4, 8, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    expected = sent_by_hand(network, batch, back[batch.targets])
    compare("drtp", changes(DRTP(), network, batch, {"back_weights.b0": back}), expected)

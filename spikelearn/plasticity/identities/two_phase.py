"""Identities of the rules of two phases."""

import math

import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import IF
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import changes, compare, identity
from spikelearn.plasticity.two_phase.emstdp import EMSTDP
from spikelearn.plasticity.two_phase.emstdp_loihi import EMSTDPLoihi


@identity("emstdp")
def emstdp() -> None:
    """A relay neuron and an output by hand: the spike counts of the two phases that meet."""
    network = _relays(2)
    inputs = torch.zeros(11, 1, 1, dtype=torch.float64)
    # Phases of five steps. The relay fires with its input, the output a step later.
    inputs[[0, 1, 2, 6, 9]] = 1.0
    one = torch.ones(1, 1, dtype=torch.float64)
    expected = {"blocks.b0.synapse.weight": -2 * (2 - 2) / 5 * one, "blocks.b1.synapse.weight": -2 * (2 - 3) / 5 * one}
    compare("emstdp", changes(EMSTDP(epsilon=100.0), network, Batch(inputs, torch.tensor([0]))), expected)


@identity("emstdp-loihi")
def emstdp_loihi() -> None:
    """One input spike by hand: the output fires for it and for the error, x = 1/16, y = 1 + 1/16, tag 2."""
    rule = EMSTDPLoihi(tau_trace=1e-3 / math.log(2.0), hidden_exponent=4, output_exponent=5)
    inputs = torch.zeros(5, 1, 1, dtype=torch.float64)
    inputs[0] = 1.0
    change = (2**-5 * (17 / 16) - 2**-6 * 2) / 16
    expected = {"blocks.b0.synapse.weight": torch.full((1, 1), -change, dtype=torch.float64)}
    compare("emstdp-loihi", changes(rule, _relays(1), Batch(inputs, torch.tensor([0]))), expected)


def _relays(count: int) -> Network:
    """Single integrate-and-fire neurons in a row, that send on what they get, a step later each."""
    network = Network(
        {f"b{n}": Block(nn.Linear(1, 1, bias=False), IF(inclusive=True), delay=min(n, 1)) for n in range(count)}
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    return network.to(torch.float64)

"""EMSTDP on the chip: traces and tags by hand."""

import math

import pytest
import torch

from spikelearn.plasticity import Batch
from spikelearn.plasticity.two_phase.emstdp_loihi import EMSTDPLoihi
from tests.helpers import only_update
from tests.unit.plasticity.emstdp.networks import F64, chain


def one_spike_on_the_chip(network):
    """Changes after one input spike in five steps, with traces that halve every step."""
    rule = EMSTDPLoihi(tau_trace=1e-3 / math.log(2.0), hidden_exponent=4, output_exponent=5)
    inputs = torch.zeros(5, 1, 1, dtype=F64)
    inputs[0] = 1.0
    update = only_update(rule, network, Batch(inputs, torch.tensor([0])))
    return [-float(grad) for grad in update.grads.values()]


def test_the_chip_by_hand():
    """The output fires with its input, and at step 4 for the error spike of step 2: x = 1/16, y = 1 + 1/16, t = 2."""
    expected = (2**-5 * (17 / 16) - 2**-6 * 2) / 16
    assert one_spike_on_the_chip(chain(1, 1, weights=1.0)) == pytest.approx([expected], rel=1e-12)


def test_the_chip_by_hand_with_a_hidden_layer():
    """Both fire once, at steps 0 and 1; the error comes too late to be answered. Layers differ in their exponent."""
    expected = [(2**-4 / 16 - 2**-5) / 16, (2**-5 / 8 - 2**-6) / 8]
    assert one_spike_on_the_chip(chain(1, 1, 1, weights=1.0)) == pytest.approx(expected, rel=1e-12)


def test_traces_of_a_constant_rate_teach_nothing():
    """By default y is half the tag where a neuron fires at a constant rate."""
    network = chain(1, 1, weights=1.0)
    data = Batch(torch.ones(129, 1, 1, dtype=F64), torch.tensor([0]))
    grads = {
        tau: float(only_update(EMSTDPLoihi(tau_trace=tau), network, data).grads["blocks.a1.synapse.weight"])
        for tau in (None, 64e-3)
    }
    assert grads[64e-3] > 10
    assert abs(grads[None]) < 1e-9

"""STDP in chunks is STDP of the whole presentation."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network, build
from spikelearn.neurons import LIF
from spikelearn.plasticity import STDP, Batch
from tests.helpers import only_update

F64 = torch.float64


def deep(feedback, readout=None):
    torch.manual_seed(0)
    blocks = {
        "a": Block(nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(2, 3, 2)), LIF.per_step(0.8)),
        "b": Block(nn.Sequential(nn.Flatten(), nn.Linear(12, 4)), LIF.per_step(0.8), delay=2),
    }
    back = nn.Sequential(nn.Linear(4, 12, bias=False), nn.Unflatten(1, (3, 2, 2)))
    network = Network(blocks, {"loop": Feedback("b", "a", back.requires_grad_(False))} if feedback else {}, readout)
    with torch.no_grad():
        for block in blocks.values():
            for parameter in block.parameters():
                parameter.mul_(4)
    return network.to(F64)


def images(dtype=F64):
    torch.manual_seed(1)
    return Batch((torch.rand(23, 3, 2, 6, 6) < 0.4).to(dtype), torch.tensor([0, 3, 1]))


@pytest.mark.parametrize("readout", [None, MembraneReadout()])
@pytest.mark.parametrize("chunk", [1, 5, 22, 23, 40])
def test_chunks_add_up(chunk, readout):
    network, data = deep(False, readout), images()
    options = {"a_plus": 0.3, "a_minus": 0.2, "tau_pre": 5e-3, "tau_post": 12e-3}
    whole, chunked = (
        only_update(STDP(**options), network, data),
        only_update(STDP(**options, chunk=chunk), network, data),
    )
    assert set(whole.grads) == {"blocks.a.synapse.1.weight", "blocks.b.synapse.1.weight"}
    assert all(grad.abs().max() > 0.01 for grad in whole.grads.values())
    torch.testing.assert_close(chunked.grads, whole.grads, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(chunked.scores, whole.scores, rtol=1e-14, atol=0)
    assert chunked.rates == pytest.approx(whole.rates, rel=1e-12)


@pytest.mark.parametrize("coincident", [False, True])
def test_chunks_of_feedback_bytes_and_a_teacher(coincident):
    network = Network(
        {"a": Block(nn.Linear(7, 5), LIF.per_step(0.8))}, {"loop": Feedback("a", "a", nn.Linear(5, 5, bias=False))}
    ).to(F64)
    with torch.no_grad():
        network.get_parameter("blocks.a.synapse.weight").mul_(4)
    data = Batch((torch.rand(25, 3, 7) < 0.3).to(torch.uint8), torch.tensor([0, 4, 1]))
    options = {"a_plus": 0.3, "a_minus": 0.2, "coincident": coincident, "teacher": 0.4}
    whole, chunked = only_update(STDP(**options), network, data), only_update(STDP(**options, chunk=4), network, data)
    assert all(grad.abs().max() > 0 for grad in whole.grads.values())
    torch.testing.assert_close(chunked.grads, whole.grads, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(chunked.scores, whole.scores, rtol=1e-14, atol=0)


def test_a_trace_does_not_pass_a_maximum():
    network = build("6x6-MP2-4", input_shape=(1, 6, 6))
    STDP().check(network)
    with pytest.raises(ValueError, match="chunk is 5, but blocks.fc1.synapse is not linear in its input"):
        STDP(chunk=5).check(network)
    with pytest.raises(ValueError, match="chunk is 0, expected a whole number"):
        STDP(chunk=0)

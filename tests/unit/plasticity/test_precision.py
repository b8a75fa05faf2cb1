import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF
from spikelearn.plasticity import BPTT, RULES, Batch


def update(precision, network, inputs):
    targets = torch.arange(inputs.shape[1]) % 2
    return next(iter(BPTT(precision=precision).updates(network, Batch(inputs, targets), {}, torch.Generator())))


def exact_network():
    """Weights of few bits: rounding them to bfloat16 changes nothing."""
    torch.manual_seed(0)
    network = build("12-16-2", lambda: LIF.per_step(0.75))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_((parameter * 64).round() / 32)
    return network


def test_spikes_are_exact_where_weights_are():
    network, inputs = exact_network(), (torch.rand(10, 6, 12) < 0.4).float()
    full, short = (update(precision, network, inputs) for precision in ("float32", "bfloat16"))
    assert full.rates["fc2"] > 0
    assert full.rates == short.rates
    assert full.loss == short.loss
    for name, grad in full.grads.items():
        assert short.grads[name].dtype == torch.float32
        torch.testing.assert_close(short.grads[name], grad, rtol=0.05, atol=0.02 * float(grad.abs().max()))
        assert not short.grads[name].equal(grad), "errors are rounded"


def test_potentials_keep_their_precision():
    """A current of 1 + 2**-9 is rounded to 1, but what is summed on the membrane is not."""
    synapse = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        synapse.weight.fill_(1.0 + 2.0**-9)
    network = Network({"out": Block(synapse, LIF.per_step(0.5, v_threshold=10.0))})
    with torch.autocast("cpu", torch.bfloat16):
        record, _ = network.run(torch.ones(12, 1, 1).mul(torch.ones(12, 1, 1)))
    assert record.output.v.dtype == torch.float32
    assert record.output.v.flatten().tolist() == [2.0 - 0.5**t for t in range(12)]


def test_an_unknown_precision_is_named():
    with pytest.raises(ValueError, match="precision is 'bf16'"):
        RULES.make("bptt", {"precision": "bf16"})

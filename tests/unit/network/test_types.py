"""Networks of any floating type take inputs of any: they are converted to the type of the parameters."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, TraceReadout, build
from spikelearn.neurons import IF, LIF, AdaptiveLIF, CubaLIF, SilentLeakLIF
from spikelearn.plasticity import BPTT, Batch

NEURONS = {"lif": LIF, "if": IF, "cuba": CubaLIF, "adaptive": AdaptiveLIF, "silent-leak": SilentLeakLIF}
NETS = {
    "dense": ("4096-64-6", (4096,)),
    "conv": ("4C3-P2-MP2-6C3-SP2-6", (2, 24, 24)),
    "feedback": ("40-24(F24)-6", (40,)),
}
TYPES = [torch.float64, torch.float16, torch.bfloat16]
INPUTS = {
    "float": torch.Tensor.float,
    "double": torch.Tensor.double,
    "half": torch.Tensor.half,
    "bytes": lambda x: x.to(torch.uint8),
    "constant": lambda x: x[0].float().expand(x.shape),
}


def check(network, x, dtype):
    """Everything that a run, a step and a gradient make has the network's type; returns the run's spikes."""
    with torch.no_grad():
        record, state = network.run(x)
        network.run(x, state, output_only=True)
        one, after = network.step(x[0], state)
        network.step(x[1], after)
    for seen in (*record.values(), *one.values()):
        assert {seen.spikes.dtype, seen.v.dtype} == {dtype}
    assert all(tensor.dtype == dtype or not tensor.is_floating_point() for tensor in state.tensors().values())
    scores = network.with_adjoint("atan")(x)
    assert scores.dtype == dtype
    scores.square().sum().backward()
    assert all(p.grad.dtype == dtype and bool(p.grad.isfinite().all()) for p in network.parameters())
    return record.output.spikes


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("neuron", NEURONS)
def test_any_type_of_network_takes_any_type_of_input(dtype, net, neuron):
    if net == "conv" and neuron not in ("lif", "cuba"):
        pytest.skip("the synapse is the same")
    torch.manual_seed(0)
    text, shape = NETS[net]
    made = build(text, NEURONS[neuron], input_shape=shape).to(dtype)
    binary = torch.rand(4, 4, *shape) < 0.1
    found = {kind: check(made, convert(binary), dtype) for kind, convert in INPUTS.items()}
    for kind in ("double", "half", "bytes"):
        # Sums of events and dense sums round differently, which moves a few spikes of short types.
        assert float((found[kind] != found["float"]).float().mean()) < 0.05


def test_a_network_of_two_types():
    blocks = {"a": Block(nn.Linear(6, 8).double(), LIF.per_step()), "b": Block(nn.Linear(8, 3), LIF.per_step())}
    network = Network(blocks)
    record, _ = network.run(torch.ones(5, 2, 6))
    assert (record["a"].v.dtype, record["b"].v.dtype) == (torch.float64, torch.float32)
    torch.testing.assert_close(record["b"].v, torch.stack([r["b"].v for r, _ in network.stream(torch.ones(5, 2, 6))]))


@pytest.mark.parametrize("dtype", [torch.float32, *TYPES], ids=str)
def test_masks_injections_and_readouts_of_another_type(dtype):
    network = build("6-8(F8)-3", readout=TraceReadout()).to(dtype)
    masks = {"inputs": torch.ones(4, 6), "fc1": 2 * torch.ones(4, 8).double(), "fc2.synapse": torch.ones(4, 3).bool()}
    inject = {"fc2": torch.ones(5, 4, 3, dtype=torch.float64)}
    record, _ = network.run(torch.rand(5, 4, 6), masks=masks, inject=inject)
    assert {part.dtype for seen in record.values() for part in seen} == {dtype}
    assert network.scores(record).dtype == dtype


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_a_rule_on_another_type(dtype):
    network = build("4096-64-6").to(dtype)
    batch = Batch((torch.rand(4, 4, 4096) < 0.1).to(torch.uint8), torch.arange(4))
    (update,) = BPTT().updates(network, batch, {}, torch.Generator())
    assert all(grad.dtype == dtype and bool(grad.isfinite().all()) for grad in update.grads.values())

"""Spikes as bytes: the same run as with floating point, in a quarter of the memory."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Network, build
from spikelearn.neurons import LIF, ATan, Surrogate
from tests.helpers import lifted

F64 = torch.float64
SURROGATE = Surrogate(ATan())


def dense(delay=0):
    torch.manual_seed(0)
    return lifted(build("6-8-3", lambda: LIF.per_step(0.8), delay=delay), 5.0)


def late():
    """The input itself arrives late, so bytes are in a delay line."""
    torch.manual_seed(0)
    return lifted(
        Network(
            {"a": Block(nn.Linear(6, 8), LIF.per_step(0.8), delay=2), "b": Block(nn.Linear(8, 3), LIF.per_step(0.8))}
        ),
        5.0,
    )


def feedback():
    torch.manual_seed(0)
    blocks = {
        "a": Block(nn.Linear(6, 8), LIF.per_step(0.8), delay=2),
        "b": Block(nn.Linear(8, 3), LIF.per_step(0.8), delay=1),
    }
    return lifted(Network(blocks, {"back": Feedback("b", "a", nn.Linear(3, 8))}), 5.0)


def conv():
    torch.manual_seed(0)
    return lifted(build("P2-3C3-P2-5", lambda: LIF.per_step(0.7), input_shape=(2, 12, 12)), 5.0)


def without_weights():
    """The first synapse has no weights whose type could be taken."""
    torch.manual_seed(0)
    return lifted(
        Network({"a": Block(nn.Identity(), LIF.per_step(0.8)), "b": Block(nn.Linear(6, 3), LIF.per_step(0.8))}), 5.0
    )


CASES = {
    "dense": (dense, (6,)),
    "delays": (lambda: dense(2), (6,)),
    "late": (late, (6,)),
    "feedback": (feedback, (6,)),
    "conv": (conv, (2, 12, 12)),
    "identity": (without_weights, (6,)),
}


@pytest.fixture(params=CASES)
def case(request):
    make, shape = CASES[request.param]
    torch.manual_seed(1)
    return make(), torch.rand(9, 4, *shape) < 0.5


def assert_same(one, two):
    for name, seen in one.items():
        for part, other in zip(seen, two[name], strict=True):
            assert part.equal(other.to(part.dtype)), name
        assert two[name].spikes.dtype == two[name].v.dtype == F64
    for name, met in one.feedback.items():
        assert met.equal(two.feedback[name])


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8])
def test_run_stream_and_step(case, dtype):
    network, spikes = case
    reference, state = network.run(spikes.to(F64))
    assert reference.output.spikes.sum() > 0
    record, after = network.run(spikes.to(dtype))
    assert_same(reference, record)
    for name, neuron in state.neurons.items():
        assert all(one.equal(two) for one, two in zip(neuron, after.neurons[name], strict=True))
    # Half a run in bytes goes on from half a run in floating point, and the other way round.
    for first, second in ((dtype, F64), (F64, dtype)):
        start, middle = network.run(spikes[:4].to(first))
        rest, _ = network.run(spikes[4:].to(second), middle)
        for name, seen in reference.items():
            assert torch.cat([start[name].spikes, rest[name].spikes]).equal(seen.spikes)
    streamed = torch.stack([now.output.spikes for now, _ in network.stream(spikes.to(dtype))])
    torch.testing.assert_close(streamed, reference.output.spikes)
    state, stepped = None, []
    for now in spikes.to(dtype).unbind(0):
        record, state = network.step(now, state)
        stepped.append(record.output.spikes)
    torch.testing.assert_close(torch.stack(stepped), reference.output.spikes)


def test_masks_and_gradients(case):
    network, spikes = case
    torch.manual_seed(2)
    masks = {"inputs": 2.0 * (torch.rand(spikes.shape[1:]) < 0.5).to(F64)}
    found = []
    for inputs in (spikes.to(F64), spikes.to(torch.uint8)):
        record, _ = network.run(inputs, masks=masks, adjoint=SURROGATE)
        found.append((record, torch.autograd.grad(record.output.spikes.sum(), list(network.parameters()))))
    assert_same(found[0][0], found[1][0])
    assert all(one.equal(two) for one, two in zip(found[0][1], found[1][1], strict=True))
    assert any(grad.abs().max() > 0 for grad in found[0][1])


def test_a_byte_record_stays_the_bytes_that_were_given():
    inputs = (torch.rand(9, 4, 6) < 0.5).to(torch.uint8)
    record, _ = dense().run(inputs)
    assert record["fc1"].pre.data_ptr() == inputs.data_ptr()
    assert record["fc1"].pre.dtype == torch.uint8


@pytest.mark.parametrize("masks", [{}, {"inputs": torch.ones(4, 6, dtype=F64)}])
def test_a_constant_image_of_bytes_is_stored_once(masks):
    image = torch.rand(4, 6) < 0.5
    network = dense()
    record, _ = network.run(image.expand(9, 4, 6), masks=masks)
    assert record["fc1"].pre.stride(0) == 0
    assert_same(network.run(image.to(F64).expand(9, 4, 6), masks=masks)[0], record)


def test_other_types_and_values_are_named():
    network = dense()
    for run in (network.run, lambda inputs: network.step(inputs[0]), lambda inputs: next(network.stream(inputs))):
        with pytest.raises(ValueError, match="inputs have type torch.int32, expected floating point, or spikes as by"):
            run(torch.ones(5, 2, 6, dtype=torch.int32))
        with pytest.raises(ValueError, match="inputs are bytes up to 2, expected spikes, 0 or 1"):
            run(torch.full((5, 2, 6), 2, dtype=torch.uint8))

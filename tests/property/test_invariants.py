"""Invariants under random shapes and inputs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spikelearn.network import Block, Feedback, Network
from spikelearn.neurons import LIF
from spikelearn.synapses import correlate, drive, transpose

F64 = torch.float64
few = settings(max_examples=25, deadline=None)


@st.composite
def conv_cases(draw):
    groups = draw(st.sampled_from([1, 2]))
    kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    torch.manual_seed(draw(st.integers(0, 10**6)))
    synapse = nn.Conv2d(
        2 * groups, 2 * groups, kernel, stride, padding=draw(st.integers(0, 2)), dilation=draw(st.integers(1, 2)), groups=groups
    ).to(F64)  # fmt: skip
    pre = torch.rand(draw(st.integers(1, 4)), draw(st.integers(1, 3)), 2 * groups, 7, 6, dtype=F64)
    return synapse, pre, torch.randn_like(drive(synapse, pre).detach())


@few
@given(conv_cases())
def test_correlate_is_the_finite_difference(case):
    synapse, pre, post = case
    found = correlate(synapse, pre, post)["weight"]
    direction = torch.randn_like(synapse.weight)
    with torch.no_grad():
        kept = synapse.weight.clone()
        values = []
        for sign in (1, -1):
            synapse.weight.copy_(kept + sign * 1e-3 * direction)
            values.append((drive(synapse, pre) * post).sum())
        synapse.weight.copy_(kept)
    torch.testing.assert_close((found * direction).sum(), (values[0] - values[1]) / 2e-3, rtol=1e-8, atol=1e-8)


@few
@given(conv_cases())
def test_drive_and_transpose_are_adjoint(case):
    synapse, pre, post = case
    with torch.no_grad():
        linear = drive(synapse, pre) - drive(synapse, torch.zeros_like(pre))
    torch.testing.assert_close((linear * post).sum(), (pre * transpose(synapse, pre, post)).sum())


@st.composite
def networks(draw):
    torch.manual_seed(draw(st.integers(0, 10**6)))
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=4))
    reset = draw(st.sampled_from(["to_value", "subtract"]))
    blocks = {
        f"b{n}": Block(nn.Linear(sizes[n], sizes[n + 1]), LIF.per_step(0.8, reset=reset), delay=draw(st.integers(0, 3)))
        for n in range(len(sizes) - 1)
    }
    last = list(blocks)[-1]
    feedback = {"f": Feedback(last, "b0", nn.Linear(sizes[-1], sizes[1]))} if draw(st.booleans()) else {}
    network = Network(blocks, feedback).to(F64)
    with torch.no_grad():
        for p in network.parameters():
            p.mul_(4)
    return network, (torch.rand(draw(st.integers(2, 8)), 3, sizes[0]) < 0.5).to(F64)


@few
@given(networks(), st.data())
def test_a_split_run_is_one_run(case, data):
    network, inputs = case
    at = data.draw(st.integers(1, len(inputs) - 1))
    whole, _ = network.run(inputs)
    first, state = network.run(inputs[:at])
    second, _ = network.run(inputs[at:], state)
    for name, seen in whole.items():
        assert seen.spikes.equal(torch.cat([first[name].spikes, second[name].spikes]))


@few
@given(networks())
def test_run_is_step(case):
    network, inputs = case
    whole, _ = network.run(inputs)
    state = None
    for t, now in enumerate(inputs):
        record, state = network.step(now, state)
        for name, seen in whole.items():
            assert seen.spikes[t].equal(record[name].spikes)


@few
@given(networks())
def test_samples_do_not_meet(case):
    network, inputs = case
    order = torch.tensor([2, 0, 1])
    whole, _ = network.run(inputs)
    permuted, _ = network.run(inputs[:, order])
    assert all(permuted[name].spikes.equal(seen.spikes[:, order]) for name, seen in whole.items())


@few
@given(networks(), st.integers(1, 4))
def test_silence_before_the_input_only_shifts_a_network_without_bias(case, shift):
    network, inputs = case
    for synapse in [b.synapse for b in network.blocks.values()] + [f.synapse for f in network.feedback.values()]:
        synapse.bias = None
    late, _ = network.run(torch.cat([torch.zeros(shift, *inputs.shape[1:], dtype=F64), inputs]))
    soon, _ = network.run(inputs)
    assert all(late[name].spikes[shift:].equal(seen.spikes) for name, seen in soon.items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(dtype):
    network = Network({"a": Block(nn.Linear(3, 2), LIF())}).to(dtype)
    record, state = network.run(torch.rand(4, 2, 3, dtype=dtype))
    assert {record["a"].spikes.dtype, record["a"].v.dtype, state.neurons["a"].v.dtype} == {dtype}

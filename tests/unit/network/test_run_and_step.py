"""A run of a whole sequence, its steps one by one, and a stream give the same."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Feedforward, Network, build
from spikelearn.neurons import LIF
from spikelearn.synapses import SparseLinear
from spikelearn.synapses.releases import TsodyksMarkram
from tests.unit.network.networks import BPTT_ADJOINT, F64, feedback_network, forward_network, scaled


def conv_network():
    return scaled(build("3C3-P2-4C2p1-6-5", lambda: LIF.per_step(0.7), input_shape=(2, 8, 8)), 6.0)


def single_delays():
    """Delays of single connections on all kinds of edges."""
    torch.manual_seed(1)

    def listed(size_in, size_out, delays, **options):
        return SparseLinear.fixed_probability(size_in, size_out, 0.7, delays=delays, bias=False, **options)

    blocks = {
        "a": Block(listed(6, 8, (0, 4)), LIF.per_step(0.8), delay=1),
        "b": Block(listed(8, 7, (1, 3)), LIF.per_step(0.8, reset="subtract")),
    }
    feedback = {"loop": Feedback("b", "b", listed(7, 7, (0, 5), others=True))}
    joined = {"skip": Feedforward("inputs", "b", listed(6, 7, (2, 3)))}
    return scaled(Network(blocks, feedback, feedforward=joined), 2.5)


def short_term():
    """Short-term plasticity on all kinds of edges, beside delays of both kinds."""
    torch.manual_seed(1)
    blocks = {
        "a": Block(nn.Linear(6, 8), LIF.per_step(0.8), release=TsodyksMarkram(0.6, 5e-3, 20e-3)),
        "b": Block(nn.Linear(8, 7), LIF.per_step(0.8), delay=2, release=TsodyksMarkram(0.6, 5e-3)),
    }
    depressed = SparseLinear.fixed_probability(7, 8, 0.9, delays=(0, 3), bias=False)
    feedback = {"back": Feedback("b", "a", depressed, release=TsodyksMarkram(torch.linspace(0.2, 1.0, 7)))}
    joined = {"skip": Feedforward("inputs", "b", nn.Linear(6, 7), release=TsodyksMarkram())}
    return scaled(Network(blocks, feedback, feedforward=joined), 4.0)


CASES = {
    "dense": (forward_network, (6,)),
    "delays": (lambda: forward_network(delay=2), (6,)),
    "feedback": (feedback_network, (6,)),
    "conv": (conv_network, (2, 8, 8)),
    "single delays": (single_delays, (6,)),
    "short-term plasticity": (short_term, (6,)),
}


@pytest.fixture(params=CASES)
def case(request):
    make, shape = CASES[request.param]
    return make(), (torch.rand(9, 4, *shape) < 0.4).to(F64)


def stepped(network, inputs, state=None, **options):
    records = []
    for now in inputs:
        record, state = network.step(now, state, **options)
        records.append(record)
    return records, state


def assert_states_equal(one, two):
    for name in one.neurons:
        torch.testing.assert_close(one.neurons[name], two.neurons[name])
    torch.testing.assert_close(dict(one.delay_lines), dict(two.delay_lines))
    torch.testing.assert_close(dict(one.sent), dict(two.sent))
    torch.testing.assert_close(one.releases, two.releases)


def test_run_is_step_by_step(case):
    network, inputs = case
    record, end = network.run(inputs)
    records, state = stepped(network, inputs)
    for name, seen in record.items():
        assert seen.spikes.sum() > 0, f"{name} is silent: the test would show nothing"
        for part, value in seen._asdict().items():
            torch.testing.assert_close(
                value, torch.stack([getattr(r[name], part) for r in records]), msg=f"{name} {part}"
            )
    for name, met in record.feedback.items():
        torch.testing.assert_close(met, torch.stack([r.feedback[name] for r in records]))
    assert_states_equal(end, state)


def test_a_stream_is_the_run(case):
    network, inputs = case
    record, end = network.run(inputs)
    seen, states = zip(*network.stream(inputs), strict=True)
    assert len(seen) == len(inputs)
    for name, whole in record.items():
        assert whole.spikes.sum() > 0, f"{name} is silent: the test would show nothing"
        for part, value in whole._asdict().items():
            torch.testing.assert_close(torch.stack([getattr(now[name], part) for now in seen]), value)
    for name, met in record.feedback.items():
        torch.testing.assert_close(torch.stack([now.feedback[name] for now in seen]), met)
    assert_states_equal(end, states[-1])


def test_a_stream_of_a_constant_input_maps_it_once(case):
    network, inputs = case
    if any(edge.dynamic for edge in network.places.values()):
        pytest.skip("what meets the weights is not constant")
    network.requires_grad_(False)
    calls = []
    next(iter(network.blocks.values())).synapse.register_forward_hook(lambda *_: calls.append(1))
    image = inputs[0]
    record, _ = network.run(image.expand(inputs.shape))
    calls.clear()
    streamed = [now.output.spikes for now, _ in network.stream(image.expand(inputs.shape))]
    # Feedback needs the shapes of all blocks, which one silent step shows.
    assert len(calls) == (2 if network.feedback else 1)
    assert record.output.spikes.sum() > 0
    torch.testing.assert_close(torch.stack(streamed), record.output.spikes)


@pytest.mark.parametrize("make", [feedback_network, lambda: forward_network(delay=1)])
def test_a_masked_stream_from_a_state_is_the_masked_run(make):
    network = make()
    inputs = (torch.rand(12, 4, 6) < 0.4).to(F64)
    masks = {
        "inputs": torch.rand(4, 6).to(F64).round(),
        "a": 2 * torch.rand(4, 8).to(F64).round(),
        "b.synapse": 2 * torch.rand(4, 7).to(F64).round(),
    }
    if network.feedback:
        masks["feedback.back"] = 2 * torch.rand(4, 8).to(F64).round()
    _, middle = network.run(inputs[:5], masks=masks)
    record, end = network.run(inputs[5:], middle, masks=masks)
    seen, states = zip(*network.stream(inputs[5:], middle, masks=masks), strict=True)
    for name, whole in record.items():
        torch.testing.assert_close(torch.stack([now[name].spikes for now in seen]), whole.spikes)
        torch.testing.assert_close(torch.stack([now[name].pre for now in seen]), whole.pre)
    assert_states_equal(end, states[-1])
    plain = torch.stack([now.output.spikes for now, _ in network.stream(inputs[5:], middle)])
    assert not plain.equal(record.output.spikes)


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_stream_that_is_left_can_be_gone_on_with(case, at):
    """Every step hands over the state after it."""
    network, inputs = case
    whole, end = network.run(inputs)
    states = [state for _, state in network.stream(inputs)]
    rest, last = network.run(inputs[at:], states[at - 1])
    for name in whole:
        torch.testing.assert_close(rest[name].spikes, whole[name].spikes[at:])
    assert_states_equal(end, last)


def test_a_stream_says_at_once_what_is_wrong():
    network = build("6-3")
    for call in (
        lambda: network.stream(torch.rand(5, 6)),
        lambda: network.stream(torch.rand(5, 2, 6), masks={"fc2": torch.ones(2)}),
        lambda: network.stream(torch.rand(5, 2, 6), build("6-4-3").run(torch.rand(5, 2, 6))[1]),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()


@pytest.mark.parametrize("ends", ["at the end", "early"])
def test_a_stream_gives_batch_norm_its_mode_back(ends):
    network = build("6-5-4-3", batch_norm=True)
    stream = network.stream(torch.rand(5, 2, 6))
    next(stream)
    if ends == "early":
        stream.close()
    else:
        list(stream)
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_split_run_is_one_run(case, at):
    network, inputs = case
    whole, end = network.run(inputs)
    first, middle = network.run(inputs[:at])
    second, last = network.run(inputs[at:], middle)
    for name in whole:
        torch.testing.assert_close(whole[name].spikes, torch.cat([first[name].spikes, second[name].spikes]))
        torch.testing.assert_close(whole[name].pre, torch.cat([first[name].pre, second[name].pre]))
    assert_states_equal(end, last)


def test_gradients_of_run_and_step_agree(case):
    network, inputs = case
    parameters = list(network.parameters())
    record, _ = network.run(inputs, adjoint=BPTT_ADJOINT)
    records, _ = stepped(network, inputs, adjoint=BPTT_ADJOINT)
    readout = torch.randn_like(record.output.spikes)
    together = torch.autograd.grad((record.output.spikes * readout).sum(), parameters)
    apart = torch.autograd.grad(
        sum((r.output.spikes * w).sum() for r, w in zip(records, readout, strict=True)), parameters
    )
    assert any(g.abs().max() > 0 for g in together)
    torch.testing.assert_close(together, apart)

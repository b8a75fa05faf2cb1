"""A memory budget changes how a gradient is computed, not the gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network, RateReadout, TraceReadout, build
from spikelearn.neurons import IF, LIF, TSSL, AdaptiveLIF, ATan, CubaLIF, LeakyIntegrator, Surrogate
from spikelearn.plasticity import (
    BPTT,
    Batch,
    CrossEntropy,
    CrossEntropyMembrane,
    CrossEntropyRate,
    MSECount,
    ReadoutOnly,
    VanRossum,
)
from spikelearn.plasticity.gradient.base import gradient_update
from spikelearn.plasticity.gradient.byte_budget import MIB, ByteBudget, sizes_of
from spikelearn.plasticity.gradient.checkpointing import checkpointed_update
from spikelearn.plasticity.requires import trainable_names
from tests.helpers import lifted

F64 = torch.float64
ADJOINT = Surrogate(ATan())
STEPS, SAMPLES = 11, 4


def dense(neuron=lambda: LIF.per_step(0.8), **options):
    return lambda: lifted(build("6-8-7-3", neuron, **options))


def looped():
    blocks = {
        "a": Block(nn.Linear(6, 8), LIF.per_step(0.8), delay=2),
        "b": Block(nn.Linear(8, 7), CubaLIF.per_step(0.8, 0.5, reset="subtract"), delay=1),
        "c": Block(nn.Linear(7, 3), LIF.per_step(0.5)),
    }
    edges = {"back": Feedback("c", "a", nn.Linear(3, 8)), "loop": Feedback("b", "b", nn.Linear(7, 7, bias=False))}
    return lifted(Network(blocks, edges))


def frozen_bottom():
    network = dense()()
    network.blocks["fc1"].requires_grad_(False)
    return network


CASES = {
    "lif": (dense(), CrossEntropyRate(), (6,)),
    "subtract": (dense(lambda: IF(1.0, reset="subtract")), MSECount(), (6,)),
    "long delays": (dense(delay=4), CrossEntropyRate(), (6,)),
    "two states": (dense(lambda: CubaLIF.per_step(0.8, 0.6)), CrossEntropyRate(), (6,)),
    "adaptive": (dense(lambda: AdaptiveLIF.per_step(0.8, 0.9)), CrossEntropyRate(), (6,)),
    "feedback": (looped, CrossEntropyRate(), (6,)),
    "potentials": (dense(output=LeakyIntegrator.per_step), CrossEntropyMembrane(), (6,)),
    "linear readout": (dense(readout=RateReadout(nn.Linear(3, 3))), CrossEntropy(), (6,)),
    "potential readout": (dense(readout=MembraneReadout(nn.Linear(3, 3))), CrossEntropy(), (6,)),
    "trace": (dense(lambda: CubaLIF(5e-3, 3e-3, r=5.0), readout=TraceReadout()), VanRossum(pattern="1"), (6,)),
    "reparametrised": (
        lambda: lifted(build("6-8(F8)-3", lambda: LIF.per_step(0.8), spectral_feedback=True)),
        CrossEntropyRate(),
        (6,),
    ),
    "frozen bottom": (frozen_bottom, CrossEntropyRate(), (6,)),
    "conv": (
        lambda: lifted(build("3C3-P2-5-3", lambda: LIF.per_step(0.7), input_shape=(2, 8, 8)), 3.0),
        CrossEntropyRate(),
        (2, 8, 8),
    ),
    "batch norm in eval mode": (
        lambda: lifted(build("6-8-3", lambda: LIF.per_step(0.8), batch_norm=True)).eval(),
        CrossEntropyRate(),
        (6,),
    ),
}


def problem(name, masked=False, dtype=F64):
    make, loss, shape = CASES[name]
    torch.manual_seed(0)
    network = make()
    inputs = (torch.rand(STEPS, SAMPLES, *shape) < 0.6).to(dtype)
    masks = {}
    if masked:
        hidden = next(iter(network.blocks))
        size = network.shapes(inputs[0])[hidden]
        masks = {
            "inputs": 1.25 * (torch.rand(SAMPLES, *shape) < 0.8).to(F64),
            hidden: 1.25 * (torch.rand(SAMPLES, *size) < 0.8).to(F64),
        }
    return network, loss, Batch(inputs, torch.arange(SAMPLES) % 3, masks)


def assert_same(one, two):
    assert one.grads.keys() == two.grads.keys()
    for name, grad in one.grads.items():
        torch.testing.assert_close(two.grads[name], grad, rtol=1e-12, atol=1e-12, msg=name)
        assert not two.grads[name].requires_grad
    torch.testing.assert_close(two.scores, one.scores, rtol=0, atol=1e-12)
    torch.testing.assert_close(two.loss, one.loss, rtol=1e-12, atol=1e-12)
    assert not two.scores.requires_grad
    assert not two.loss.requires_grad
    assert two.rates == pytest.approx(one.rates, abs=1e-12)
    assert one.buffers.keys() == two.buffers.keys()
    assert all(value.equal(two.buffers[name]) for name, value in one.buffers.items())


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12, deadline=None)
@given(chunk=st.integers(1, STEPS), masked=st.booleans(), dtype=st.sampled_from([F64, torch.uint8]))
def test_gradients_do_not_depend_on_the_chunk(name, chunk, masked, dtype):
    network, loss, batch = problem(name, masked, dtype)
    names = trainable_names(network)
    plain = gradient_update(network, batch, loss, ADJOINT, names)
    assert all(grad.abs().max() > 0 for key, grad in plain.grads.items() if "gain" not in key), "nothing was tested"
    before = {key: value.clone() for key, value in network.state_dict().items()}
    in_chunks = checkpointed_update(network, batch, loss, ADJOINT, names, chunk)
    assert_same(plain, in_chunks)
    assert in_chunks.metrics == {"chunk": chunk}
    assert all(value.equal(before[key]) for key, value in network.state_dict().items())
    assert trainable_names(network) == names


def test_the_reset_is_differentiated_through_chunks_too():
    network, loss, batch = problem("lif")
    adjoint = Surrogate(ATan(), reset_gradient=True)
    names = trainable_names(network)
    assert_same(
        gradient_update(network, batch, loss, adjoint, names),
        checkpointed_update(network, batch, loss, adjoint, names, 3),
    )


def test_a_constant_image():
    network, loss, batch = problem("lif")
    batch = Batch(batch.inputs[0].expand(STEPS, SAMPLES, 6), batch.targets)
    names = trainable_names(network)
    assert_same(
        gradient_update(network, batch, loss, ADJOINT, names),
        checkpointed_update(network, batch, loss, ADJOINT, names, 4),
    )


def bytes_for(rule, network, batch, chunk):
    sizes = sizes_of(network, batch, rule.adjoint, rule.learned(network))
    return STEPS * (sizes.step + sizes.output) if chunk == STEPS else sizes.of_chunks(STEPS, chunk)


@pytest.mark.parametrize("kind", [BPTT, ReadoutOnly])
@pytest.mark.parametrize("name", ["lif", "feedback", "long delays"])
def test_rules_take_the_longest_chunk_that_fits(kind, name):
    network, loss, batch = problem(name)
    plain = kind(loss)
    (expected,) = plain.updates(network, batch, {}, torch.Generator())
    for chunk in (2, 5):
        least = bytes_for(plain, network, batch, chunk)
        rule = kind(loss, memory_budget=least / MIB)
        (update,) = rule.updates(network, batch, rule.init(network, torch.Generator()), torch.Generator())
        assert update.metrics["chunk"] >= chunk
        assert bytes_for(rule, network, batch, int(update.metrics["chunk"])) <= least
        assert_same(expected, update)
    (whole,) = kind(loss, memory_budget=1e3).updates(network, batch, {}, torch.Generator())
    assert whole.metrics["chunk"] == STEPS
    assert all(grad.equal(whole.grads[key]) for key, grad in expected.grads.items())


def test_the_chunk_does_not_depend_on_values():
    network, _, batch = problem("lif")
    names, budget = trainable_names(network), bytes_for(BPTT(), network, batch, 4) / MIB
    silent = Batch(torch.zeros_like(batch.inputs), batch.targets)
    chosen = {ByteBudget(budget).chunk(network, data, ADJOINT, names) for data in (batch, silent)}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(-3.0)
    chosen.add(ByteBudget(budget).chunk(network, batch, ADJOINT, names))
    assert len(chosen) == 1


def test_what_is_kept_is_counted():
    """784-400-10: a step keeps the input in floating point, the spikes and potentials of 400 and of 10 neurons."""
    network = build("784-400-10", LIF.per_step)
    inputs = (torch.rand(20, 8, 784) < 0.5).to(torch.uint8)
    sizes = sizes_of(network, Batch(inputs, torch.arange(8)), ADJOINT, trainable_names(network))
    kept = 8 * 4 * (784 + 2 * 400 + 2 * 10)
    assert kept <= sizes.step <= 3 * kept
    assert sizes.state == 8 * 4 * 410
    beside_output = [sizes.least(steps) - steps * sizes.output for steps in (1000, 4000)]
    assert 1.9 < beside_output[1] / beside_output[0] < 2.1
    last = trainable_names(network)[2:]
    only = sizes_of(network, Batch(inputs, torch.arange(8)), ADJOINT, last)
    assert only.step < sizes.step - 8 * 4 * 784, "hidden blocks that do not learn keep no graph"


class Noisy(LIF):
    def step(self, state, current, spike_function):
        return super().step(state, current + torch.rand_like(current), spike_function)


class ReadsPre(RateReadout):
    def read(self, output):
        return output.pre.mean(0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BPTT(memory_budget=0), r"memory_budget is 0, expected a positive number \(MiB\)"),
        (lambda: BPTT(memory_budget=1e-4).updates, "at least 0.0"),
        (lambda: BPTT(adjoint=TSSL(), memory_budget=1.0), r"TSSL\('element'.* needs the whole sequence at once"),
    ],
)
def test_mistakes_are_named(make, message):
    network, _, batch = problem("two states")

    def attempt():
        rule = make()
        rule = rule if isinstance(rule, BPTT) else rule.__self__
        list(rule.updates(network, batch, rule.init(network, torch.Generator()), torch.Generator()))

    with pytest.raises(ValueError, match=message):
        attempt()


def test_batch_statistics_are_refused():
    network = build("6-8-3", batch_norm=True)
    with pytest.raises(ValueError, match="block 'fc1' has a batch norm with the statistics of all steps"):
        BPTT(memory_budget=1.0).init(network, torch.Generator())
    looped = build("6-8(F8)-3", batch_norm=True)
    looped.blocks["fc1"].eval()
    BPTT(memory_budget=1.0).init(looped, torch.Generator())


def test_what_would_go_wrong_silently_is_refused():
    torch.manual_seed(0)
    noisy = lifted(
        Network({"a": Block(nn.Linear(6, 8), Noisy.per_step(0.8)), "b": Block(nn.Linear(8, 3), LIF.per_step())})
    )
    batch = Batch(torch.rand(STEPS, SAMPLES, 6, dtype=F64), torch.arange(SAMPLES) % 3)
    with pytest.raises(ValueError, match="a neuron or synapse draws noise"):
        checkpointed_update(noisy, batch, CrossEntropyRate(), ADJOINT, trainable_names(noisy), 3)
    reading = lifted(build("6-8-3", readout=ReadsPre()))
    with pytest.raises(ValueError, match="what met the last block's weights is not kept"):
        checkpointed_update(reading, batch, CrossEntropyRate(), ADJOINT, trainable_names(reading), 3)
    plain = lifted(build("6-8-3"))
    plain.register_parameter("unused", nn.Parameter(torch.zeros(2, dtype=F64)))
    with pytest.raises(ValueError, match="does not depend on parameter 'unused'"):
        checkpointed_update(plain, batch, CrossEntropyRate(), ADJOINT, trainable_names(plain), 3)

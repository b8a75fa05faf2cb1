"""Traps that other simulators have fallen into: work that grows with T squared, and numbers too small to be normal."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from spikelearn.network import Block, Feedback, Network, build
from spikelearn.neurons import LIF, AdaptiveLIF, ATan, CubaLIF, Surrogate
from spikelearn.plasticity import BPTT, Batch
from spikelearn.traces import low_pass, reverse_trace, trace, weighted_rate

ADJOINT = Surrogate(ATan())


class Entries(TorchDispatchMode):
    """Counts the entries of every tensor that an operation makes."""

    def __init__(self):
        super().__init__()
        self.made = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        # Views share memory with what they are views of.
        if isinstance(found, torch.Tensor) and not function.is_view:
            self.made += found.numel()
        return found


def looped(neuron):
    torch.manual_seed(0)
    blocks = {"a": Block(nn.Linear(6, 8), neuron(), delay=2), "b": Block(nn.Linear(8, 3), neuron(), delay=1)}
    return Network(blocks, {"back": Feedback("b", "a", nn.Linear(3, 8))})


def backward_of_a_run(network):
    def entries(steps):
        inputs = torch.rand(steps, 4, 6).requires_grad_()
        record, _ = network.run(inputs, adjoint=ADJOINT)
        outputs = record.output.spikes.sum() + record.output.v.sum()
        with Entries() as counted:
            torch.autograd.grad(outputs, [inputs, *network.parameters()])
        return counted.made

    return entries


def backward_of_a_sequence(neuron):
    def entries(steps):
        current = torch.rand(steps, 4, 6).requires_grad_()
        # A view is what a synapse hands over.
        spikes, v, _ = ADJOINT.sequence(neuron, neuron.initial_state(current[0]), 1.0 * current)
        with Entries() as counted:
            torch.autograd.grad(spikes.sum() + v.sum(), current)
        return counted.made

    return entries


def backward_of(function):
    def entries(steps):
        record = torch.rand(steps, 4, 6).requires_grad_()
        found = function(1.0 * record, 0.9).sum()
        with Entries() as counted:
            torch.autograd.grad(found, record)
        return counted.made

    return entries


def whole_update(rule, network, **options):
    def entries(steps):
        batch = Batch((torch.rand(steps, 4, 6) < 0.5).to(torch.uint8), torch.arange(4) % 3)
        with Entries() as counted:
            list(rule(steps).updates(network(), batch, {}, torch.Generator()))
        return counted.made

    return entries


LINEAR_IN_TIME = {
    "run, feedback and delays": lambda: backward_of_a_run(looped(lambda: LIF.per_step(0.8))),
    "run, feedback, two states": lambda: backward_of_a_run(looped(lambda: CubaLIF.per_step(0.8, 0.7))),
    "run, no feedback": lambda: backward_of_a_run(build("6-8-3", lambda: AdaptiveLIF.per_step(0.8), delay=1)),
    "sequence, lif": lambda: backward_of_a_sequence(LIF.per_step(0.8)),
    "sequence, cuba-lif": lambda: backward_of_a_sequence(CubaLIF.per_step(0.8, 0.7)),
    "sequence, adaptive-lif": lambda: backward_of_a_sequence(AdaptiveLIF.per_step(0.8)),
    "trace": lambda: backward_of(trace),
    "reverse_trace": lambda: backward_of(reverse_trace),
    "low_pass": lambda: backward_of(low_pass),
    "weighted_rate": lambda: backward_of(weighted_rate),
    "bptt": lambda: whole_update(lambda _: BPTT(), lambda: looped(lambda: LIF.per_step(0.8))),
    "bptt in chunks": lambda: whole_update(
        lambda steps: BPTT(memory_budget=steps * 4e-4), lambda: build("6-8-3", lambda: LIF.per_step(0.8))
    ),
}


@pytest.mark.parametrize("name", LINEAR_IN_TIME)
def test_work_grows_with_time_not_with_its_square(name):
    """A loop over x[t] of a record that needs gradients makes a full-size tensor of zeros for every step."""
    entries = LINEAR_IN_TIME[name]()
    first, second, third = entries(32), entries(64), entries(96)
    assert third - second <= 1.02 * (second - first), "from 64 to 96 steps costs more than from 32 to 64"


def test_the_trap_would_be_seen():
    def entries(steps):
        record = torch.rand(steps, 4, 6).requires_grad_()
        total = sum(record[t].sum() for t in range(steps))
        with Entries() as counted:
            torch.autograd.grad(total, record)
        return counted.made

    first, second, third = entries(32), entries(64), entries(96)
    assert third - second > 1.5 * (second - first)


SILENT = """
import torch
from spikelearn.cli import main

try:
    main(["impairments"])
except SystemExit:
    pass

from spikelearn.network import build
from spikelearn.neurons import LIF, CubaLIF
from spikelearn.traces import trace

assert torch.get_num_threads() == 2
many = torch.full((1 << 20,), 1e-39)
assert not (0.9 * many).any(), "some thread keeps denormal numbers"
for neuron in (lambda: LIF.per_step(0.9), lambda: CubaLIF.per_step(0.9, 0.9)):
    network = build("6-8-3", neuron, bias=False)
    inputs = torch.zeros(1500, 2, 6)
    inputs[0] = 1.0
    record, state = network.run(inputs)
    v = record["fc1"].v.detach()
    assert v[0].any()
    assert not ((v != 0) & (v.abs() < torch.finfo(torch.float32).tiny)).any()
    assert not any(tensor.any() for tensor in state.tensors().values()), "it is not at rest"
faded = trace(inputs[:, 0], 0.9)
assert faded[0].all() and not faded[-1].any()
print("at rest")
"""


def test_a_silent_network_comes_to_rest_in_every_thread_of_a_run():
    """v 0.9^T is denormal after 830 steps, and by rounding never 0, unless the processor flushes such numbers."""
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot flush denormal numbers")
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2"}
    found = subprocess.run([sys.executable, "-c", SILENT], capture_output=True, text=True, env=environment)
    assert found.stdout.endswith("at rest\n"), found.stderr


def test_the_library_leaves_the_processor_as_it_is():
    """A library that changed how the whole process rounds would change results that are not its own."""
    assert (torch.full((4,), 1e-39) * 0.5).all()

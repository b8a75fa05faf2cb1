import mmap
import platform
import subprocess
import sys

import pytest
import torch

from spikelearn.measure import PeakMemory, payload_bytes
from spikelearn.measure import memory as module
from spikelearn.network import build
from spikelearn.neurons import LIF
from spikelearn.plasticity import BPTT, STDP, Batch, ReadoutOnly, Rule, Update
from spikelearn.training import Training, learn

MIB = 2**20


def touch(size):
    """Use memory that goes back to the system, as what is freed to an allocator may not."""
    with mmap.mmap(-1, size) as pages:
        pages[:: mmap.PAGESIZE] = b"1" * (size // mmap.PAGESIZE)


@pytest.mark.skipif(sys.platform != "linux", reason="the mark is reset through /proc")
def test_the_peak_of_a_block_is_its_own():
    with PeakMemory() as large:
        touch(192 * MIB)
    with PeakMemory() as small:
        touch(96 * MIB)
    assert large.method == small.method == "resident"
    for found, size in ((large, 192 * MIB), (small, 96 * MIB)):
        assert 0.9 * size < found.rise_bytes < 1.2 * size
        assert found.peak_bytes > found.rise_bytes
        assert found.reason == ""


KEPT = """
import torch
from spikelearn.allocator import keep_freed_memory
from spikelearn.measure import PeakMemory
keep_freed_memory()
for size in (1 << 24, 1 << 26, 1 << 24):
    with PeakMemory() as found:
        torch.ones(size)
    print(found.peak_bytes)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_what_an_earlier_block_freed_does_not_count():
    run = subprocess.run([sys.executable, "-c", KEPT], check=True, capture_output=True, text=True)
    small, large, again = map(int, run.stdout.split())
    assert large - small > 160 * MIB
    assert abs(again - small) < 16 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="the mark is reset through /proc")
def test_a_pause_does_not_count_and_what_was_before_it_does():
    with PeakMemory() as found:
        touch(64 * MIB)
        with found.paused():
            touch(256 * MIB)
        touch(16 * MIB)
    assert 0.9 * 64 * MIB < found.rise_bytes < 1.5 * 64 * MIB


@pytest.mark.parametrize(("marks", "peak"), [((100, 100), None), ((100, 140), 140)])
def test_without_a_reset_only_a_mark_that_rose_is_told(monkeypatch, marks, peak):
    left = list(marks)
    monkeypatch.setattr(module, "_reset_resident_peak", lambda: False)
    monkeypatch.setattr(module, "_high_water", lambda: left.pop(0))
    with PeakMemory() as found:
        pass
    assert found.method == "high-water"
    assert found.peak_bytes == peak
    assert found.rise_bytes is None
    assert ("fresh one" in found.reason) == (peak is None)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_it_is_the_allocators():
    with PeakMemory("cuda") as found:
        torch.ones(4 * MIB, device="cuda")
    assert found.rise_bytes == 16 * MIB


def parts():
    torch.manual_seed(0)
    network = build("784-100-10", LIF.per_step)
    return network, Batch((torch.rand(6, 20, 784) < 0.1).float(), torch.randint(0, 10, (20,)))


def payload(rule, network, batch, optimizers=()):
    return payload_bytes(network, rule, batch, {}, torch.Generator(), optimizers)


def test_bptt_keeps_potentials_and_what_met_the_weights():
    """Potentials of both blocks, spikes of the hidden one; inputs and weights are there anyway; loss: [20, 10] twice."""
    network, batch = parts()
    found = payload(BPTT(), network, batch)
    weights = 4 * (785 * 100 + 101 * 10)
    kept = 4 * 6 * 20 * (100 + 100 + 10)
    assert (found.weights, found.gradients, found.memory, found.optimizer) == (weights, weights, 0, 0)
    assert kept <= found.saved <= kept + 4 * 20 * 10 * 3
    assert found.live >= found.saved


def test_frozen_blocks_keep_nothing_for_the_backward_pass():
    network, batch = parts()
    found, whole = payload(ReadoutOnly(), network, batch), payload(BPTT(), network, batch)
    assert whole.saved - found.saved == 4 * 6 * 20 * 100, "the hidden potentials"
    assert found.gradients == 4 * 101 * 10


def test_a_rule_without_a_backward_pass_saves_nothing_but_has_records():
    network, batch = parts()
    found = payload(STDP(), network, batch)
    assert found.saved == 0
    assert found.live >= 2 * 4 * 6 * 20 * 110


def test_the_state_of_the_optimizer():
    network, batch = parts()
    training = Training.start(network, BPTT())
    assert payload(BPTT(), network, batch, [training.optimizer]).optimizer == 0
    learn(training, batch)
    found = payload(BPTT(), network, batch, [training.optimizer])
    assert found.optimizer == 2 * found.weights + 4 * len(list(network.parameters())), "two means, and a step each"


class Allocating(Rule):
    def __init__(self, held):
        self.held = held

    def updates(self, network, batch, memory, generator):
        first = torch.zeros(MIB)
        if not self.held:
            del first
        torch.zeros(MIB).view(-1).add_(1.0)
        yield Update({}, torch.zeros(len(batch.targets), 10))


def test_what_is_freed_counts_no_more():
    network, batch = parts()
    assert payload(Allocating(held=True), network, batch).live == 8 * MIB
    assert payload(Allocating(held=False), network, batch).live < 5 * MIB

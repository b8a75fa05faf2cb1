"""Shares of a batch, and processes that torchrun started or did not start."""

import sys

import pytest
import torch

from spikelearn.measure import evaluate
from spikelearn.plasticity import STDP, Batch
from spikelearn.training import (
    Processes,
    fit,
    joined,
    mean_over_processes,
)
from spikelearn.training.parallel.reduction import averaged
from spikelearn.training.parallel.sharing import evaluate_together
from tests.agreement.process_cases import CASES, loader, training_for


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shares_make_the_batch(count):
    whole = loader()
    shares = [list(whole.shared_out(rank, count, fill=True).epoch(1, 1)) for rank in range(count)]
    bare = [list(whole.shared_out(rank, count).epoch(1, 1)) for rank in range(count)]
    for number, batch in enumerate(whole.epoch(1, 1)):
        assert whole.size(number + 1) == len(batch.targets)
        parts = [each[number] for each in shares]
        assert all(len(part.targets) >= 1 for part in parts)
        if len(batch.targets) >= count:
            assert torch.cat([part.inputs for part in parts], dim=1).equal(batch.inputs)
            assert torch.cat([part.targets for part in parts]).equal(batch.targets)
    assert sum(len(part.targets) for each in bare for part in each) == 8


@pytest.mark.parametrize("sizes", [(3, 4), (1, 0, 0), (2, 2, 3)])
def test_shards_weigh_by_their_samples(sizes):
    """Processes played one after the other: the mean of what each hands over is the update of the batch."""
    rule, network = STDP(0.02, 0.01), training_for(CASES["stdp-0-float64"]).network
    inputs = (torch.rand(10, sum(sizes), 6) < 0.5).double()
    targets = torch.arange(sum(sizes)) % 2
    (whole,) = rule.updates(network, Batch(inputs, targets), {}, torch.Generator())
    handed, begin = [], 0
    for size in sizes:
        part = slice(begin, begin + size) if size else slice(1)
        (update,) = rule.updates(network, Batch(inputs[:, part], targets[part]), {}, torch.Generator())
        averaged(update, lambda tensors: handed.append(tensors) or dict(tensors), size * len(sizes) / sum(sizes), count=True)  # fmt: skip
        begin += size
    for name, grad in whole.grads.items():
        mean = sum(tensors[f"grads.{name}"] for tensors in handed) / len(sizes)
        torch.testing.assert_close(mean, grad, rtol=1e-12, atol=1e-14)
    assert sum(float(tensors["samples"]) for tensors in handed) == sum(sizes)


def test_evaluated_alone_is_evaluate():
    network = training_for(CASES["bptt-0-float64"]).network
    assert evaluate_together(Processes(), network, loader()) == evaluate(network, loader())


def test_without_a_group_it_says_so():
    with pytest.raises(ValueError, match="no process group"):
        mean_over_processes({"a": torch.ones(1)})


def test_a_batch_smaller_than_the_processes_is_refused():
    with pytest.raises(ValueError, match="a batch of 7 has no sample for each of 8 processes"):
        fit(training_for(CASES["bptt-0-float64"]), loader(), epochs=1, processes=Processes(0, 8))


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Processes().device("cuda:3") == "cuda:3"
    assert Processes(5, 8, 1).device("cuda") == "cuda:1"
    assert Processes(5, 8, 1).device("cpu") == "cpu"
    with pytest.raises(ValueError, match="take one device each"):
        Processes(5, 8, 1).device("cuda:0")
    with pytest.raises(ValueError, match="this machine has 2 of them and more processes"):
        Processes(6, 8, 2).device("cuda")


def test_joined_without_torchrun_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined() as processes:
        assert processes.alone
        assert processes.first


def test_half_an_environment_is_named(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ValueError, match="WORLD_SIZE is 2, but LOCAL_RANK, LOCAL_WORLD_SIZE, .* is not set"):
        with joined():
            pass


def test_a_missing_library_is_named(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE"):
        monkeypatch.setenv(name, "2")
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(ValueError, match=r"pip install 'spikelearn\[distributed\]'"):
        with joined():
            pass

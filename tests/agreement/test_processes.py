"""Two processes on half the batch each are one process on the whole."""

import os

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from spikelearn.network import build
from spikelearn.plasticity import BPTT, STDP, Batch
from spikelearn.seeding import generator_for
from spikelearn.training import Training, learn, mean_over_processes

RULES = {"bptt": BPTT, "stdp": lambda: STDP(1e-2, 1e-2)}


def trained(rule, rank=0, world=1):
    network = build("6-8-2", generator=generator_for(0)).double()
    training = Training.start(network, RULES[rule]())
    if world > 1:
        training.reduce = mean_over_processes
    for number in range(3):
        inputs = (torch.rand(10, 6, 6, generator=generator_for(1, number)) < 0.6).double()
        targets = torch.arange(6) % 2
        part = slice(rank * 6 // world, (rank + 1) * 6 // world)
        learn(training, Batch(inputs[:, part], targets[part]))
    return network.state_dict()


def work(rank, rule, file, out):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    torch.save(trained(rule, rank, 2), f"{out}.{rank}")
    dist.barrier()
    # gloo's threads sometimes abort the process while the interpreter shuts down; the work is done and saved.
    os._exit(0)


@pytest.mark.parametrize("rule", RULES)
def test_two_processes_are_one(tmp_path, rule):
    mp.spawn(work, (rule, str(tmp_path / "meet"), str(tmp_path / "weights")), nprocs=2)
    whole = trained(rule)
    for rank in range(2):
        part = torch.load(tmp_path / f"weights.{rank}", weights_only=True)
        for name, value in whole.items():
            torch.testing.assert_close(part[name], value, rtol=1e-10, atol=1e-12)


def test_without_a_group_it_says_so():
    with pytest.raises(ValueError, match="no process group"):
        mean_over_processes({"a": torch.ones(1)})

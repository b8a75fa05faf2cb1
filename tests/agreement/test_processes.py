"""Two processes on half the batch each are one process on the whole."""

import os

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from spikelearn.network import TraceReadout, build
from spikelearn.neurons import CubaLIF
from spikelearn.plasticity import BPTT, STDP, TSSLBP, Batch, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import Training, learn, mean_over_processes

PLAIN = {"optimizer": OptimizerChoice("sgd", 1e-3), "constraints": (), "clip": float("inf")}

#: A rule and the options of its training: with clipping and AdamW the size of a sum over the batch would not show.
CASES = {
    "bptt": [(BPTT, {})],
    "stdp": [(lambda: STDP(1e-2, 1e-2), {})],
    "tssl-bp": [(TSSLBP, {}), (TSSLBP, PLAIN)],
}


def network_for(rule):
    if rule != "tssl-bp":
        return build("6-8-2", generator=generator_for(0)).double()
    return build(
        "6-8-2",
        lambda: CubaLIF(5e-3, 3e-3, r=20.0, discretisation="euler"),
        readout=TraceReadout(tau_syn=3e-3),
        generator=generator_for(0),
    ).double()


def trained(rule, rank=0, world=1):
    weights = {}
    for case, (make, options) in enumerate(CASES[rule]):
        network = network_for(rule)
        training = Training.start(network, make(), **options)
        if world > 1:
            training.reduce = mean_over_processes
        for number in range(3):
            inputs = (torch.rand(10, 6, 6, generator=generator_for(1, number)) < 0.6).double()
            targets = torch.arange(6) % 2
            part = slice(rank * 6 // world, (rank + 1) * 6 // world)
            learn(training, Batch(inputs[:, part], targets[part]))
        weights |= {f"{case} {name}": value for name, value in network.state_dict().items()}
    return weights


def work(rank, rule, file, out):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    torch.save(trained(rule, rank, 2), f"{out}.{rank}")
    dist.barrier()
    # gloo's threads sometimes abort the process while the interpreter shuts down; the work is done and saved.
    os._exit(0)


@pytest.mark.parametrize("rule", CASES)
def test_two_processes_are_one(tmp_path, rule):
    mp.spawn(work, (rule, str(tmp_path / "meet"), str(tmp_path / "weights")), nprocs=2)
    whole, before = trained(rule), network_for(rule).state_dict()
    assert any(not value.equal(before[name.split()[1]]) for name, value in whole.items())
    for rank in range(2):
        part = torch.load(tmp_path / f"weights.{rank}", weights_only=True)
        for name, value in whole.items():
            torch.testing.assert_close(part[name], value, rtol=1e-10, atol=1e-12)


def test_without_a_group_it_says_so():
    with pytest.raises(ValueError, match="no process group"):
        mean_over_processes({"a": torch.ones(1)})

"""Several processes that share every batch are one process on the whole."""

import os
import signal

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from spikelearn.network import build
from spikelearn.plasticity import BPTT, TSSLBP, Batch
from spikelearn.seeding import generator_for
from spikelearn.training import (
    Interrupted,
    NonFiniteUpdate,
    Processes,
    ProcessLost,
    RunFolder,
    Training,
    fit,
    learn,
    load_checkpoint,
    mean_over_processes,
)
from spikelearn.training.parallel.sharing import evaluate_together
from tests.agreement.process_cases import ALIKE, CASES, DIFFERENT, EPOCHS, ROUNDING, loader, training_for
from tests.conformance.cases import RuleCase


def trained(case, folder, processes):
    """Weights, memory and metrics behind three updates an epoch, and what an evaluation finds."""
    training = training_for(case)
    data = loader(case.task)
    fit(training, data, epochs=case.epochs, watched=data, folder=RunFolder(folder), processes=processes)
    found = evaluate_together(processes, training.network, data)
    state = {**training.network.state_dict(), **{f"memory.{k}": v for k, v in training.memory.items()}}
    return {
        "state": state,
        "evaluation": {**vars(found), "task": str(found.task)},
        "generator": training.generator.get_state(),
    }


class _Troubled(BPTT):
    """BPTT that does something in its third batch."""

    def __init__(self, trouble):
        super().__init__()
        self.left, self.trouble = 3, trouble

    def updates(self, network, batch, memory, generator):
        self.left -= 1
        for update in super().updates(network, batch, memory, generator):
            if self.left == 0:
                self.trouble(update)
            yield update


def _nan(update):
    next(iter(update.grads.values())).fill_(float("nan"))


def _interrupt(update):
    os.kill(os.getpid(), signal.SIGINT)


def _fail(update):
    raise ValueError("the disk is full")


def troubled(trouble, folder, processes):
    """How a training ends in which the second process alone has a trouble."""
    training = training_for(CASES["bptt-0-float64"])
    training.rule = _Troubled(trouble if processes.rank == 1 else lambda update: None)
    try:
        fit(training, loader(), epochs=EPOCHS, folder=RunFolder(folder), processes=processes)
    except (Interrupted, NonFiniteUpdate, ProcessLost, ValueError) as error:
        return [type(error).__name__, str(error)]


def counted_reductions(network, rule, inputs):
    """(bytes, all-reduces) of one update."""
    sent, plain = [], dist.all_reduce

    def all_reduce(tensor, *arguments, **options):
        sent.append(tensor.nbytes)
        return plain(tensor, *arguments, **options)

    training = Training.start(network, rule)
    training.reduce = mean_over_processes
    inputs = (torch.rand(10, 2, inputs) < 0.2).float()
    dist.all_reduce = all_reduce
    try:
        learn(training, Batch(inputs, torch.tensor([0, 1])))
    finally:
        dist.all_reduce = plain
    return [sum(sent), len(sent)]


def own_loop(processes):
    """A loop of one's own: learn on equal shards, reduced over the group."""
    training = training_for(CASES["bptt-0-float64"])
    training.reduce = mean_over_processes if processes.count > 1 else training.reduce
    for number in range(3):
        inputs = (torch.rand(10, 6, 6, generator=generator_for(1, number)) < 0.6).double()
        part = slice(processes.rank * 6 // processes.count, (processes.rank + 1) * 6 // processes.count)
        learn(training, Batch(inputs[:, part], (torch.arange(6) % 2)[part]))
    return training.network.state_dict()


def is_alike(name):
    return name.rsplit("-", 2)[0] in ALIKE


def work_alike(rank, file, out):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    torch.save(
        {name: trained(CASES[name], out / name, Processes(rank, 2, rank)) for name in filter(is_alike, CASES)},
        out / f"{rank}.pt",
    )
    dist.destroy_process_group()


def work(rank, file, out):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    processes = Processes(rank, 2, rank)
    found = {name: trained(case, out / name, processes) for name, case in CASES.items() if not is_alike(name)}
    found["own loop"] = own_loop(processes)
    found["one name"] = processes.from_first(lambda: f"by {rank}")
    found["reductions"] = counted_reductions(build("784-400-10"), BPTT(), 784)
    found["reductions of a sum"] = counted_reductions(RuleCase("tssl-bp").network(), TSSLBP(), 6)
    found["integers"] = mean_over_processes(
        {"n": torch.tensor(2 + 2 * rank), "half": torch.tensor([1.0 + rank]).half()}
    )
    found["nan"] = troubled(_nan, out / "nan", processes)
    found["interrupt"] = troubled(_interrupt, out / "interrupt", processes)
    found["fail"] = troubled(_fail, out / "fail", processes)
    dist.destroy_process_group()
    torch.save(found, out / f"{rank}.pt")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """What two processes found, and their folder."""
    return found_by(work, tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def pair_alike(tmp_path_factory):
    return found_by(work_alike, tmp_path_factory.mktemp("alike"))


def found_by(working, out):
    mp.spawn(working, (str(out / "meet"), out), nprocs=2)
    return [torch.load(out / f"{rank}.pt", weights_only=True) for rank in range(2)], out


def rows(folder):
    changing = ("seconds", "samples_per_second")
    return [{k: v for k, v in row.items() if k not in changing} for row in RunFolder(folder).read_metrics()]


def numbers(row):
    return {k: v for k, v in row.items() if isinstance(v, int | float)}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if is_alike(name) else ()) for name in CASES]
)
def test_two_processes_are_one(tmp_path, request, name):
    found, out = request.getfixturevalue("pair_alike" if is_alike(name) else "pair")
    case = CASES[name]
    whole = trained(case, tmp_path, Processes())
    rtol = ROUNDING[case.dtype]
    before = training_for(case).network.state_dict()
    assert any(not value.equal(whole["state"][name]) for name, value in before.items()), "nothing was learned"
    far = []
    for key, value in whole["state"].items():
        assert found[0][name]["state"][key].equal(found[1][name]["state"][key]), "the processes drifted apart"
        other = found[0][name]["state"][key]
        far.append(float((other - value).abs().max() / value.abs().max().clamp_min(1e-30)))
    if name.rsplit("-", 2)[0] in DIFFERENT:
        rates = [[row["rates"] for row in rows(folder)] for folder in (tmp_path, out / name)]
        assert max(far) > rtol or rates[0] != rates[1], "they are alike: take it off the list"
        return
    assert max(far) <= rtol
    assert found[0][name]["generator"].equal(whole["generator"])
    for one, two in zip(rows(tmp_path), rows(out / name), strict=True):
        assert numbers(two) == pytest.approx(numbers(one), rel=100 * rtol)
        assert two["rates"] == pytest.approx(one["rates"], rel=100 * rtol)
        assert two["metrics"].keys() == one["metrics"].keys()
    for rank in range(2):
        there = found[rank][name]["evaluation"]
        rates = whole["evaluation"]["rates"]
        assert there.pop("rates") == pytest.approx(rates, rel=100 * rtol)
        if "mse" in there["measures"]:
            assert there.pop("measures") == pytest.approx(whole["evaluation"]["measures"], rel=100 * rtol)
        assert there == {k: whole["evaluation"][k] for k in there}


def test_a_loop_of_ones_own(pair):
    whole = own_loop(Processes())
    for rank in range(2):
        for name, value in whole.items():
            torch.testing.assert_close(pair[0][rank]["own loop"][name], value, rtol=1e-10, atol=1e-12)


def test_one_all_reduce_an_update(pair):
    weights = 784 * 400 + 400 + 400 * 10 + 10
    assert pair[0][0]["reductions"] == [4 * (weights + 1), 1], "the loss travels with the gradients"
    small = 6 * 8 + 8 * 2  # no biases
    assert pair[0][0]["reductions of a sum"] == [4 * (small + 2), 1], "and so does the number of samples"


def test_what_the_first_made_is_in_all(pair):
    assert [found["one name"] for found in pair[0]] == ["by 0", "by 0"]


def test_integers_and_short_types_keep_their_type(pair):
    for found in pair[0]:
        assert found["integers"]["n"].equal(torch.tensor(3))
        assert found["integers"]["half"].equal(torch.tensor([1.5]).half())


def test_a_nan_in_one_ends_both_alike(pair):
    assert pair[0][0]["nan"] == pair[0][1]["nan"]
    assert pair[0][0]["nan"][0] == "NonFiniteUpdate"
    assert "epoch 1, batch 3 of 3" in pair[0][0]["nan"][1]


def test_a_wish_to_stop_in_one_is_granted_in_both(pair):
    found, out = pair
    assert found[0]["interrupt"] == found[1]["interrupt"]
    assert found[0]["interrupt"][1].startswith("stopped in epoch 1 of 2, after batch 3")
    assert load_checkpoint(out / "interrupt" / "checkpoint.pt")["position"]["batch"] == 3


def test_an_error_in_one_ends_the_other(pair):
    assert pair[0][1]["fail"] == ["ValueError", "the disk is full"]
    assert pair[0][0]["fail"][0] == "ProcessLost"
    assert "process 0 of 2 lost the others (Connection closed by peer" in pair[0][0]["fail"][1]
    assert (pair[1] / "fail" / "checkpoint.pt").exists()


def test_what_two_began_one_resumes(tmp_path, pair):
    """From the checkpoint of the stop in the third batch, one process goes on to where one would have come."""
    whole, resumed = training_for(CASES["bptt-0-float64"]), training_for(CASES["bptt-0-float64"])
    fit(whole, loader(), epochs=EPOCHS)
    resumed.rule = _Troubled(lambda update: None)
    fit(resumed, loader(), epochs=EPOCHS, folder=RunFolder(pair[1] / "interrupt"), resume=True)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(resumed.network.state_dict()[name], value, rtol=1e-10, atol=1e-12)

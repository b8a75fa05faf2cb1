"""Simulations: the same spikes as runs, states that are gone on from, recordings that are whole up to their cut."""

import os
import shutil
import signal

import numpy as np
import pytest
import torch

from spikelearn import Batch, build
from spikelearn.cli.app import run
from spikelearn.neurons import AdaptiveLIF
from spikelearn.plasticity import BPTT, MSTDP, Given, OnlineSTDP
from spikelearn.simulation import Current, Poisson, PoissonCounts, Recording, Regular, Simulation, read_plan

PLAN = [
    "fc1:spikes",
    "fc1:v:0-2,5:every=3",
    "fc1:weight:1:every=20",
    "inputs:spikes",
    "fc1:a:every=7",
    "fc1:threshold:every=7",
    "fc2:spikes",
]


def network(net="12-8(F8)-4", neuron=lambda: AdaptiveLIF.per_step(0.9, 0.95)):
    made = build(net, neuron, bias=False, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for weight in made.parameters():
            weight.abs_()
    return made


def simulation(rule=None, **options):
    return Simulation(network(), Poisson(200.0), rule, samples=2, seed=3, chunk=10, **options)


def kept(path):
    """All that a recording holds."""
    there = Recording(path)
    items = {}
    for item in there.plan:
        spikes = item.variable == "spikes"
        items[item.name] = there.spikes(item.place) if spikes else there.values(item.place, item.variable)[:2]
    return there.steps, items


def same(one, other):
    assert one[0] == other[0]
    for name, columns in one[1].items():
        assert len(columns[0])
        for mine, theirs in zip(columns, other[1][name], strict=True):
            assert mine.dtype == theirs.dtype
            assert np.array_equal(mine, theirs), name


@pytest.mark.parametrize("net", ["12-8-4", "12-8(F8)-4"])
def test_without_a_rule_it_is_a_run(net, tmp_path):
    made = network(net)
    simulated = Simulation(made, Poisson(200.0), samples=2, chunk=16)
    with simulated.record(tmp_path / "r.h5", ["fc1:spikes", "fc1:v", "fc2:spikes"]) as recording:
        simulated.run(50e-3, recording)
    with torch.no_grad():
        record, _ = made.run(simulated.source.at(0, 50, simulated.place))
    read = Recording(tmp_path / "r.h5").record()
    assert record["fc1"].spikes.sum() > 10
    assert torch.equal(read["fc1"].spikes, record["fc1"].spikes.byte())
    assert torch.equal(read["fc1"].v, record["fc1"].v)


def test_with_a_rule_it_is_the_presentation_of_training():
    rule, batch_of = OnlineSTDP(0.05, 0.04), torch.zeros(2, dtype=torch.int64)
    simulated = simulation(rule)
    inputs, made = simulated.source.at(0, 45, simulated.place), network()
    (update,) = rule.updates(made, Batch(inputs, batch_of), {}, torch.Generator())
    simulated.run(45e-3)
    for name, grad in update.grads.items():
        expected = made.get_parameter(name).detach() - grad
        assert grad.abs().max() > 0.01
        torch.testing.assert_close(simulated.network.get_parameter(name).detach(), expected, rtol=0, atol=1e-6)


def test_a_simulation_that_was_killed_and_went_on_has_the_same_bytes(tmp_path):
    whole, rule = simulation(OnlineSTDP(0.05, 0.04, dendritic_delay=2)), OnlineSTDP(0.05, 0.04, dendritic_delay=2)
    with whole.record(tmp_path / "whole.h5", PLAN) as recording:
        whole.run(60e-3, recording)
    killed = simulation(rule)
    recording = killed.record(tmp_path / "open.h5", PLAN)
    for step in killed.chunks(60, recording):
        if step == 30:
            state = killed.state_dict()
        if step == 50:
            break
    shutil.copy(tmp_path / "open.h5", tmp_path / "killed.h5")  # what a kill leaves: a file that nobody closed
    recording.close()
    steps, seen = kept(tmp_path / "killed.h5")
    assert steps == 50
    assert seen["fc1/spikes"][0].max() <= 49
    again = simulation(OnlineSTDP(0.05, 0.04, dendritic_delay=2))
    again.load_state_dict(state)
    with again.record(tmp_path / "killed.h5", PLAN, resume=True) as recording:
        assert Recording(tmp_path / "killed.h5").steps == 30  # also while it is written
        again.run(30e-3, recording)
    same(kept(tmp_path / "whole.h5"), kept(tmp_path / "killed.h5"))
    for name, value in whole.state_dict()["network"].items():
        assert torch.equal(value, again.state_dict()["network"][name])


def test_ctrl_c_stops_behind_a_chunk_and_resume_goes_on(tmp_path, monkeypatch, capsys):
    chunks = Simulation.chunks

    def interrupted(self, *arguments):
        for step in chunks(self, *arguments):
            if step == 1000:
                os.kill(os.getpid(), signal.SIGINT)
            yield step

    def simulated(folder):
        words = ["simulate", "20-10(F10)", "--input", "poisson:rate=50", "--seconds", "2", "--rule", "stdp-online"]
        return run([*words, "--out", str(folder), "--record", "fc1:spikes", "fc1:weight:every=500"])

    assert simulated(tmp_path / "whole") == 0
    with monkeypatch.context() as patched:
        patched.setattr(Simulation, "chunks", interrupted)
        assert simulated(tmp_path / "stopped") == 130
    assert Recording(tmp_path / "stopped" / "recording.h5").steps == 1000
    assert run(["simulate", "--resume", str(tmp_path / "stopped")]) == 0
    same(*(kept(tmp_path / name / "recording.h5") for name in ("whole", "stopped")))
    assert (tmp_path / "whole" / "state.ckpt").read_bytes() == (tmp_path / "stopped" / "state.ckpt").read_bytes()
    assert simulated(tmp_path / "whole") == 2
    assert "--resume" in capsys.readouterr().err


def test_what_is_drawn_does_not_depend_on_how_it_is_asked_for():
    place = simulation().place
    for source in (Poisson(100.0), PoissonCounts(3e3), Current(0.5, 0.2), Regular(70.0)):
        whole = source.at(0, 250, place)
        parts = [source.at(first, 50, place) for first in range(0, 250, 50)]
        assert torch.equal(whole, torch.cat(parts))
        assert torch.equal(whole[37:90], source.at(37, 53, place))
    spikes = Poisson(100.0).at(0, 5000, place).double()
    assert spikes.mean() == pytest.approx(-np.expm1(-0.1), rel=0.02)
    assert Regular(70.0).at(0, 1000, place).sum(0).unique().tolist() == [70]


def test_tables_and_values(tmp_path):
    simulated = simulation(OnlineSTDP(0.05, 0.04))
    with simulated.record(tmp_path / "r.h5", PLAN) as recording:
        simulated.run(60e-3, recording)
    there = Recording(tmp_path / "r.h5")
    spikes, v, weight = (there.frame("fc1", name) for name in ("spikes", "v", "weight"))
    assert list(spikes) == ["time", "sample", "neuron"]
    assert v.neuron.unique().tolist() == [0, 1, 2, 5]
    assert v.time.iloc[-1] == pytest.approx(57e-3)
    assert weight.post.unique().tolist() == [1]
    first = there.values("fc1", "weight", last=1)
    assert first.values.shape == (1, 12)
    adapted, threshold = there.values("fc1", "a"), there.values("fc1", "threshold")
    assert adapted.step.tolist() == list(range(0, 60, 7))
    assert np.allclose(threshold.values, 1.0 + 0.2 * adapted.values)
    assert threshold.values.max() > 1.2


def test_spike_trains_of_neo(tmp_path):
    neo = pytest.importorskip("neo")
    simulated = simulation()
    with simulated.record(tmp_path / "r.h5", ["fc1:spikes"]) as recording:
        simulated.run(60e-3, recording)
    there = Recording(tmp_path / "r.h5")
    trains, events = there.spike_trains("fc1", 1, size=8), there.spikes("fc1")
    assert all(isinstance(train, neo.SpikeTrain) for train in trains)
    for number, train in enumerate(trains):
        mine = events.step[(events.neuron == number) & (events.sample == 1)] * there.dt
        assert np.allclose(train.rescale("s").magnitude, mine)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (["fc9:spikes"], "names 'fc9'"),
        (["fc1:w"], "no variable 'w'"),
        (["fc1:v:8"], "neuron 8 of fc1, expected 0 to 7"),
        (["fc1:spikes::every=2"], "expected BLOCK:VARIABLE"),
        (["fc1:spikes:every=2"], "leave out every"),
        (["fc1:v", "fc1:v:1"], "fc1/v twice"),
        (["fc1:v:5-2"], "a number or FIRST-LAST"),
        (["inputs:weight"], "names the edge 'inputs'"),
        (["fc1:v:every=0"], "every of"),
    ],
)
def test_plans_that_cannot_be_kept(plan, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        simulation().record(tmp_path / "r.h5", plan)
    assert not (tmp_path / "r.h5").exists()


def test_a_plan_is_written_as_it_is_read():
    assert [str(item) for item in read_plan(PLAN)][0] == "fc1:spikes"
    assert read_plan(map(str, read_plan(PLAN))) == read_plan(PLAN)


def test_what_cannot_be_simulated():
    with pytest.raises(ValueError, match="does not change weights at every step"):
        Simulation(network(), "silence", BPTT())
    with pytest.raises(ValueError, match="nobody pays"):
        Simulation(network(), "silence", MSTDP())
    with pytest.raises(ValueError, match="expected"):
        Simulation(network(), "poison:rate=2")
    with pytest.raises(ValueError, match="inputs have shape"):
        Simulation(network(), torch.zeros(5, 2, 11), input_shape=(12,))
    other = Simulation(network("12-9-4"), "silence")
    with pytest.raises(ValueError, match="another network"):
        other.load_state_dict(simulation().state_dict())


def test_rewards_are_paid_by_the_step_of_the_simulation():
    rewards = torch.zeros(60, 2)
    rewards[35] = 1.0
    paid = simulation(MSTDP(learning_rate=0.1), payments=Given(rewards))
    before = {name: value.clone() for name, value in paid.network.named_parameters()}
    paid.run(30e-3)
    assert all(torch.equal(value, before[name]) for name, value in paid.network.named_parameters())
    paid.run(10e-3)
    assert not all(torch.equal(value, before[name]) for name, value in paid.network.named_parameters())


def test_a_recording_of_something_else_is_refused(tmp_path):
    (tmp_path / "r.h5").write_bytes(b"no")
    with pytest.raises(ValueError, match="no recording"):
        Recording(tmp_path / "r.h5")
    with pytest.raises(ValueError, match="does not exist"):
        Recording(tmp_path / "s.h5")

"""The bench against other libraries: its arithmetic, its files, and tiny runs of what it times."""

import json
import statistics
import sys
from importlib.util import find_spec

import pytest
import torch

from benchmarks.peers.__main__ import main
from benchmarks.peers.agreement import TWINS, Disagreement, gradient_difference
from benchmarks.peers.candidates import available, candidate
from benchmarks.peers.compare import Row, compare
from benchmarks.peers.growth import draw_sweep, sweep
from benchmarks.peers.libraries import Floor, SnnTorch, SpikingJelly
from benchmarks.peers.measure import interleaved, paired, quantile
from benchmarks.peers.one import memory_of, status_mib
from benchmarks.peers.ours import FORMS, Ours, without_events
from benchmarks.peers.report import draw, read_json, show, write_json
from benchmarks.peers.stdp import Ours as OursSTDP
from benchmarks.peers.stdp import Task, check_against, driven_by, interpreters
from benchmarks.peers.workloads import WORKLOADS, weights_of
from spikelearn import events

TINY = {name: WORKLOADS[name].at(steps=6, batch=4) for name in WORKLOADS}
TINY_TASK = Task(inputs=60, neurons=12, steps=80, samples=2, threshold=1.0, inhibition=1.0)


def _row(**changes):
    values = {
        "workload": "b", "activity": 0.13, "batch": 128, "steps": 25, "peer": "snntorch", "form": "bytes",
        "ratio_median": 3.0, "ratio_low": 2.5, "ratio_high": 3.25, "ours_ms": 10.0, "peer_ms": 30.0, "rounds": 9, "threads": 2,
    }  # fmt: skip
    return Row(**{**values, **changes})


def test_ratios_are_paired_by_round():
    found = paired([1.0, 10.0, 2.0], [3.0, 20.0, 8.0])  # ratios 3, 2, 4; the ratio of the medians would be 4
    assert found.median == 3.0
    assert (found.one_ms, found.other_ms) == (2.0, 8.0)
    assert found.low == pytest.approx(2.2)
    assert found.high == pytest.approx(3.8)


def test_quantiles_agree_with_the_standard_library():
    values = sorted([5.0, 1.0, 4.0, 2.5, 9.0, 3.0, 7.0])
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    assert [quantile(values, share / 10) for share in range(1, 10)] == pytest.approx(tenths)


@pytest.mark.parametrize(("one", "other"), [([], []), ([1.0], [1.0, 2.0])])
def test_ratios_of_unequal_rounds_are_refused(one, other):
    with pytest.raises(ValueError, match="rounds of one"):
        paired(one, other)


class _Noted:
    def __init__(self, name, order):
        self.name, self.order = name, order

    def prepare(self):
        self.order.append(f"prepare {self.name}")

    def step(self):
        self.order.append(self.name)
        return 5.0 if self.name == "b" else None


def test_candidates_take_turns_of_two_steps_and_the_first_moves_on():
    order = []
    times = interleaved({name: _Noted(name, order) for name in "abc"}, 4, warm_up=1)
    ran = [name for name in order if not name.startswith("prepare")]
    assert "".join(ran) == "ccaabb" + "aabbcc" + "bbccaa" + "ccaabb" + "aabbcc"
    assert order[0::2] == [f"prepare {name}" for name in ran]
    assert times["b"] == [5.0] * 4  # its own account
    assert all(0.0 < took < 1000.0 for took in times["a"])


@pytest.mark.parametrize(("rounds", "candidates"), [(0, {"a": None}), (1, {})])
def test_nothing_to_time_is_refused(rounds, candidates):
    with pytest.raises(ValueError, match="at least one of both"):
        interleaved(candidates, rounds)


def test_everybody_gets_the_same_weights_and_inputs():
    ours, floor = Ours(TINY["b"], 0.2), Floor(TINY["b"], 0.2)
    own = weights_of([block.synapse for block in ours.network.blocks.values()])
    assert torch.equal(ours.inputs.float(), floor.inputs)
    assert torch.equal(own[0].weight, floor.weights[0].weight)
    assert torch.equal(own[1].bias, floor.weights[1].bias)


def test_every_step_meets_a_tensor_without_events_unless_they_are_given():
    new, kept = Ours(TINY["b"], 0.1), Ours(TINY["b"], 0.1, "events-given")
    before = new.inputs, kept.inputs
    new.prepare()
    kept.prepare()
    assert new.inputs is not before[0]
    assert kept.inputs is before[1]


def test_the_dense_form_has_no_events_and_leaves_all_as_it_was():
    record = Ours(WORKLOADS["b"], 0.1, "float").inputs
    with without_events():
        assert events.events_of(record) is None
    assert events.events_of(record) is not None


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_of_our_input_give_the_same_gradients(form):
    one, other = Ours(TINY["c"], 0.2, form), Ours(TINY["c"], 0.2, "float")
    one.step()
    other.step()
    for ours, expected in zip(one.gradients(), other.gradients(), strict=True):
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("peer", TWINS)
def test_gradients_of_peers_are_ours(workload, peer):
    if TWINS[peer].peer.missing():
        pytest.skip(f"{peer} is not installed")
    assert gradient_difference(peer, TINY[workload], 0.2) < 1e-4


@pytest.mark.skipif(find_spec("snntorch") is None, reason="snntorch is not installed")
def test_other_gradients_are_refused(monkeypatch):
    monkeypatch.setattr(SnnTorch, "scale", 1.5)
    with pytest.raises(Disagreement, match="snntorch"):
        gradient_difference("snntorch", TINY["b"], 0.2)


@pytest.mark.skipif(find_spec("snntorch") is None, reason="snntorch is not installed")
def test_a_comparison_gives_a_row_for_every_peer_and_form():
    said = []
    rows = compare(TINY["b"], 0.2, ["snntorch", "floor"], ["bytes", "dense"], rounds=2, say=said.append)
    assert [(row.form, row.peer) for row in rows] == [
        ("bytes", "snntorch"), ("bytes", "floor"), ("dense", "snntorch"), ("dense", "floor"),
    ]  # fmt: skip
    assert "largest difference" in said[0]
    for row in rows:
        assert row.ratio_low <= row.ratio_median <= row.ratio_high
        assert len(row.rates) == 2
    assert rows[0].gradient_difference < 1e-4
    assert rows[1].gradient_difference is None
    assert rows[0].versions["snntorch"].startswith("1.")


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="snntorch"):
        available(["snntorhc"])
    with pytest.raises(ValueError, match="bytes"):
        candidate("byte", TINY["a"], 0.1)
    with pytest.raises(ValueError, match="width"):
        WORKLOADS["c"].at(width=20)


def test_a_missing_peer_is_left_out_aloud(monkeypatch):
    monkeypatch.setattr(SpikingJelly, "module", "no_such_module_here")
    there, reasons = available(["spikingjelly", "floor"])
    assert there == ["floor"]
    assert "spikingjelly is left out" in reasons[0]
    assert "pip install" in reasons[0]


def test_rows_come_back_from_their_file(tmp_path):
    rows = [_row(), _row(peer="floor", extra={"sweep": "steps", "value": 25})]
    write_json(rows, tmp_path / "rows.json")
    plain = json.loads((tmp_path / "rows.json").read_text())
    assert plain[1]["sweep"] == "steps"
    assert {"workload", "activity", "batch", "steps", "peer", "ratio_median", "ours_ms", "peer_ms"} <= plain[0].keys()
    assert read_json(tmp_path / "rows.json") == rows
    assert list(tmp_path.iterdir()) == [tmp_path / "rows.json"]


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "rows.json").write_text('[{"mib": 3}]')
    with pytest.raises(ValueError, match="--json"):
        read_json(tmp_path / "rows.json")


def test_the_picture_is_drawn_from_rows(tmp_path, capsys):
    rows = [_row(), _row(peer="norse", ratio_median=0.9, ratio_low=0.7), _row(workload="d", peer="brian2")]
    draw(rows, tmp_path / "bars.png")
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")
    show(rows)
    assert "3.00 (2.50-3.25)" in capsys.readouterr().out
    with pytest.raises(ValueError, match="none of a peer"):
        draw([_row(peer="floor")], tmp_path / "bars.png")


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("steps", (3, 6)),
        pytest.param("activity", (0.1, 0.3), marks=pytest.mark.slow),
        pytest.param("width", (16, 32), marks=pytest.mark.slow),
    ],
)
def test_a_sweep_has_a_point_a_value_and_is_drawn(tmp_path, what, values):
    rows = sweep(what, TINY["b"], ["floor"], ["bytes"], 1, values, say=lambda _: None)
    assert [row.extra["value"] for row in rows] == list(values)
    assert rows[1].steps == (6 if what == "steps" else TINY["b"].steps)
    draw_sweep(rows, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--peers", "nobody"], "peer is 'nobody'"),
        (["--rounds", "0"], "expected at least 1"),
        (["--workload", "z"], "invalid choice"),
        (["--sweep", "width", "--workload", "c", "--peers", "floor"], "no width"),
        (["--sweep", "steps", "--memory"], "not allowed"),
        (["--sweep", "steps", "--workload", "a", "b"], "expected one of a, b and c"),
        (["--from", "nowhere.json"], "nowhere.json"),
    ],
)
def test_wrong_arguments_end_in_a_sentence(arguments, said, capsys):
    threads = torch.get_num_threads()
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--threads", str(threads)])
    assert stopped.value.code not in (0, None)
    assert said in str(stopped.value.code) + capsys.readouterr().err


def test_the_command_measures_and_writes(tmp_path, capsys):
    common = ["--threads", str(torch.get_num_threads()), "--workload", "b", "--peers", "floor"]
    main(
        [*common, "--steps", "4", "--batch", "2", "--rounds", "1", "--activity", "0.2", "--json", f"{tmp_path}/a.json"]
    )
    (row,) = read_json(tmp_path / "a.json")
    assert (row.peer, row.steps, row.batch, row.activity) == ("floor", 4, 2, 0.2)
    assert "without neurons" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_counts_what_a_step_takes():
    class Taking:
        def prepare(self):
            pass

        def step(self):
            torch.ones(32 << 18).sum()

    assert status_mib("VmRSS") > 10
    assert memory_of(Taking()) == pytest.approx(32.0, abs=3.0)


def test_our_online_stdp_is_its_equations():
    task = TINY_TASK
    found = OursSTDP(task).check()
    weights, spikes = task.weights().double(), task.spikes().flatten(0, 1)[:, 0].double()
    v, z, y = torch.zeros(3, task.neurons, dtype=torch.float64)
    x, fired = torch.zeros(task.inputs, dtype=torch.float64), 0.0
    decay, fade = (
        torch.exp(torch.tensor(-1.0 / tau, dtype=torch.float64)) for tau in (task.tau_membrane, task.tau_trace)
    )
    for s in spikes:
        v = decay * v + s @ weights - task.inhibition * (z.sum() - z)
        z = (v > task.threshold).double()
        v, x, y, fired = v * (1 - z), fade * x + s, fade * y + z, fired + float(z.sum())
        weights = (weights + task.a_plus * torch.outer(x, z) - task.a_minus * torch.outer(s, y)).clamp(0, 1)
    assert fired > 5
    assert found["spikes"] == pytest.approx(fired)
    assert found["change"] == pytest.approx(float((weights - task.weights().double()).mean()), rel=1e-3)


def test_another_stdp_is_refused():
    own = {"spikes": 100.0, "change": 1e-3}
    check_against(own, {"spikes": 95.0, "change": 1.05e-3}, "peer", lambda _: None)
    with pytest.raises(Disagreement, match="change of peer"):
        check_against(own, {"spikes": 100.0, "change": -1e-3}, "peer", lambda _: None)


def test_a_driver_that_fails_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr("benchmarks.peers.stdp.DRIVERS", tmp_path)
    (tmp_path / "broken.py").write_text("raise SystemExit('no such library')")
    with pytest.raises(RuntimeError, match="no such library"), driven_by(sys.executable, "broken.py", TINY_TASK):
        pass


def test_a_driver_answers_line_by_line(monkeypatch, tmp_path):
    monkeypatch.setattr("benchmarks.peers.stdp.DRIVERS", tmp_path)
    (tmp_path / "echo.py").write_text(
        "import json, sys\nprint('noise')\nprint(json.dumps({'version': '1'}), flush=True)\n"
        "for line in sys.stdin:\n    print(json.dumps({'ms': float(len(line.strip()))}), flush=True)\n"
    )
    with driven_by(sys.executable, "echo.py", TINY_TASK) as peer:
        assert peer.about == {"version": "1"}
        assert peer.step() == 4.0


def test_libraries_without_an_interpreter_are_left_out_aloud():
    named = {"bindsnet": "/some/python", "brian2": None, "nest": None}
    found, reasons = interpreters(named, sys.executable)
    assert found["bindsnet"] == "/some/python"
    for name in ("brian2", "nest"):
        assert (name in found) != any(f"--{name}-python" in reason for reason in reasons)


@pytest.mark.skipif(find_spec("nest") is None, reason="NEST is not in this environment")
def test_nest_has_our_spikes_and_the_same_change_again():
    """Of every round anew: what a round leaves in synapses is entered before the next."""
    task = Task(samples=2)
    own = OursSTDP(task).check()
    with driven_by(sys.executable, "nest_stdp.py", task) as peer:
        first = peer.ask("check")
        assert peer.step() > 0.0
        assert peer.ask("check") == first
    check_against(own, first, "nest", lambda _: None)

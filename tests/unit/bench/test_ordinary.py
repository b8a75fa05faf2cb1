"""The ordinary network beside the arms."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from spikelearn.bench.analyse.results import read_results
from spikelearn.bench.analyse.summary import summarise
from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run import ordinary
from spikelearn.bench.run.ordinary import (
    TRIED,
    found_lr,
    ordinary_network,
    read_ordinary,
    record_names,
    run_ordinary,
    train_ordinary,
)
from spikelearn.bench.run.trial_folder import FORMAT
from spikelearn.documents import sealed, write_json
from spikelearn.report import write_report
from spikelearn.report.findings import findings_of
from spikelearn.runs import settings_from
from tests.unit.bench.made import facts_of, write_comparison

SETTINGS = settings_from({"net": "64-32-10", "steps": 2, "epochs": 3, "data_fraction": 0.5, "batch": 32})


def test_the_layers_are_those_of_the_string():
    dense = ordinary_network("784-400-10", (1, 28, 28))
    assert [type(module) for module in dense] == [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear]
    assert [tuple(p.shape) for p in dense.parameters()] == [(400, 784), (400,), (10, 400), (10,)]
    conv = ordinary_network("4C5s2p2-P2-6C3-MP2-20(F20)-10", (1, 28, 28))
    kinds = [
        nn.Conv2d,
        nn.ReLU,
        nn.AvgPool2d,
        nn.Conv2d,
        nn.ReLU,
        nn.MaxPool2d,
        nn.Flatten,
        nn.Linear,
        nn.ReLU,
        nn.Linear,
    ]
    assert [type(module) for module in conv] == kinds
    assert (conv[0].stride, conv[0].padding) == ((2, 2), (2, 2))
    assert conv(torch.rand(3, 1, 28, 28)).shape == (3, 10)
    assert ordinary_network("12-5-3", (12,))(torch.rand(2, 12)).shape == (2, 3)


def test_the_seed_alone_decides_the_weights():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one, same, other = (ordinary_network("8-4-2", (8,), seed) for seed in (3, 3, 4))
    assert torch.random.get_rng_state().equal(before)
    assert one[0].weight.equal(same[0].weight)
    assert not one[0].weight.equal(other[0].weight)


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="'9C5-10' does not fit samples of shape \\(1, 3, 3\\)"):
        ordinary_network("9C5-10", (1, 3, 3))


def test_it_learns_and_its_record_holds_together():
    record = train_ordinary(SETTINGS, 1e-2)
    assert record == {**train_ordinary(SETTINGS, 1e-2), "seconds": record["seconds"]}
    assert record["accuracy"] > 0.85
    assert sum(row[c] for c, row in enumerate(record["confusion"])) == round(360 * record["accuracy"])
    assert (record["test_samples"], record["train_samples"], record["parameters"]) == (360, 648, 64 * 32 + 32 + 330)


def test_a_better_learning_rate_is_found_on_held_out_samples(monkeypatch):
    assert found_lr(SETTINGS) > 1e-3  # three epochs are few
    seen = []

    def trained(settings, lr, train, test):
        seen.append((lr, len(test.indices), test.dataset.split))
        return torch.eye(2)

    monkeypatch.setattr(ordinary, "_trained", trained)
    assert found_lr(SETTINGS.model_copy(update={"validation": 0.0})) == min(TRIED)
    assert [lr for lr, *_ in seen] == list(TRIED)
    assert {(count, split) for _, count, split in seen} == {(70, "train")}


def test_what_has_ended_is_not_run_again(tmp_path, monkeypatch):
    settings = [SETTINGS.model_copy(update={"seed": seed, "epochs": 1}) for seed in (0, 1)]
    run_ordinary(settings, tmp_path, search=False)
    names = record_names(settings, False)
    records, notes = read_ordinary(tmp_path, names)
    assert [record.seed for record in records] == [0, 1]
    assert notes == []
    assert not set(names) & set(record_names(settings, True))
    (tmp_path / names[1]).write_text('{"format": 1, "accu')
    records, notes = read_ordinary(tmp_path, [*names, "ordinary/none.json", 3])
    assert [record.seed for record in records] == [0]
    assert notes == ["ordinary networks without results, of 3: 2 (the same command trains them)"]
    calls = []
    monkeypatch.setattr(ordinary, "train_ordinary", lambda one, lr: calls.append((one.seed, lr)) or {"accuracy": 1.0})
    run_ordinary(settings, tmp_path, search=False)
    assert calls == [(1, 1e-3)]


def test_a_file_of_one_s_own_has_its_record_beside_the_others(tmp_path):
    inputs, targets = np.random.default_rng(0).random((60, 5, 12), dtype="float32"), np.arange(60) % 2
    halves = {"train_inputs": inputs[:40], "test_inputs": inputs[40:]}
    np.savez(tmp_path / "own.npz", **halves, train_targets=targets[:40], test_targets=targets[40:])
    own = {"data": f"file:{tmp_path / 'own.npz'}", "data_option": {"sequence": True}, "net": "12-4-2", "steps": 5}
    settings = [settings_from({**own, "epochs": 1})]
    run_ordinary(settings, tmp_path / "out", search=False)
    (record,), notes = read_ordinary(tmp_path / "out", record_names(settings, False))
    assert (record.test_samples, notes) == (20, [])
    assert [path.suffix for path in (tmp_path / "out" / "ordinary").iterdir()] == [".json"]


def test_a_stop_is_granted_between_batches(monkeypatch):
    class Asked:
        asked = True

    monkeypatch.setattr(ordinary, "stop_on_signals", lambda: nullcontext(Asked()))
    with pytest.raises(ordinary.Interrupted):
        train_ordinary(SETTINGS)


def test_a_plan_names_it(tmp_path):
    plan = plan_from(
        {"rules": ["bptt"], "seeds": 2, "reference_network": "mlp", "data": ["digits"], "nets": ["64-9-10"]}
    )
    assert [(one.net, one.seed, one.test_curve) for one in plan.ordinary()] == [
        ("64-9-10", 0, True),
        ("64-9-10", 1, True),
    ]
    assert plan_from({"rules": ["bptt"]}).ordinary() == []
    with pytest.raises(ValueError, match="reference_network in the plan is 'cnn'"):
        plan_from({"reference_network": "cnn"})


def test_it_stands_beside_the_arms_and_outside_the_tests(tmp_path):
    write_comparison(tmp_path, seeds=range(3), epochs=4)
    alone = summarise(read_results(tmp_path))
    index = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "ordinary").mkdir()
    index["ordinary"] = []
    for seed in range(3):
        index["ordinary"].append(f"ordinary/{seed}.json")
        record = {
            "format": FORMAT, "data": "digits", "net": "64-100-10", "seed": seed, "accuracy": 0.985 + 0.001 * seed,
            "test_samples": 539, "train_samples": 1258, "epochs": 4, "batch": 64, "lr": 0.003, "searched": True,
            "parameters": 7510,
        }  # fmt: skip
        write_json(tmp_path / "ordinary" / f"{seed}.json", sealed(record))
    write_json(tmp_path / "index.json", sealed(index))
    results = read_results(tmp_path)
    beside = summarise(results)
    assert [row.difference for row in beside.tables[0].rows] == [row.difference for row in alone.tables[0].rows]
    assert beside.tables[0].ordinary.accuracy.mean == pytest.approx(98.6)
    (told,) = [finding.text for finding in findings_of(results, beside) if finding.kind == "ordinary"]
    assert "98.60 % (98.35 to 98.85, 3 seeds)" in told
    written = write_report(tmp_path)
    row = next(line for line in written["md"].read_text().splitlines() if line.startswith("| ordinary network"))
    assert "| – | 98.60 ± 0.10 |" in row
    assert "not spiking, not tested" in row
    page = written["html"].read_text()
    assert "Adam, lr 0.003 (the best of 0.0003, 0.001, 0.003, 0.01, 0.03 on held-out training samples)" in page
    facts = facts_of(page)
    assert {chart["section"]: chart["level"] for chart in facts["charts"]} == {
        "cost": 98.6, "curves": 98.6, "rates": None, "silent": None, "alignment": None
    }  # fmt: skip

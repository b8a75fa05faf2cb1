"""The benchmark of authors' programs by its own parts: a stand-in plays the program."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks.authors.__main__ import main
from benchmarks.authors.cases import CASES, PROGRAMS, Case
from benchmarks.authors.compare import checked, compare, counted, driver_of, largest_difference
from benchmarks.peers.agreement import Disagreement
from spikelearn.runs import read_preset

#: A program that infers as Torch2PC does, all values at once; FACTOR of the loss is 1 where it is right.
STAND_IN = """
import torch

def PCInfer(model, loss, inputs, targets, kind, eta, n):
    assert kind == "Strict"
    with torch.no_grad():
        values = [inputs]
        for layer in model[:-1]:
            values.append(layer(values[-1]))
    for _ in range(n):
        leaves = [value.detach().requires_grad_() for value in values]
        predicted = [layer(leaf) for layer, leaf in zip(model, leaves)]
        errors = [mu - leaf for mu, leaf in zip(predicted, leaves[1:])]
        energy = sum(0.5 * error.square().sum() for error in errors) + FACTOR * loss(predicted[-1], targets)
        slopes = torch.autograd.grad(energy, [*leaves[1:], predicted[-1]])
        values = [inputs, *(leaf - eta * slope for leaf, slope in zip(leaves[1:], slopes))]
    errors = [*errors, slopes[-1]]
    sum((error.detach() * layer(value)).sum() for error, layer, value in zip(errors, model, values)).backward()
"""
TINY = Case(
    "torch2pc",
    "64-12-9-10 on digits",
    "pc/mnist",
    options={
        "net": "64-12-9-10",
        "data": "digits",
        "neuron_option": {"activation": "tanh"},
        "batch": 8,
        "rule_option": {"nudging": 1 / 8},
    },
)


@pytest.fixture
def program(tmp_path):
    def made(factor):
        (tmp_path / "TorchSeq2PC.py").write_text(STAND_IN.replace("FACTOR", str(factor)))
        return str(tmp_path)

    return made


@pytest.mark.parametrize(("exactly", "least", "most"), [(False, 1e-12, 1e-4), (True, 0.0, 1e-12)])
def test_a_program_is_compared_and_timed(program, exactly, least, most):
    row = compare(replace(TINY, exactly=exactly), program(1.0), rounds=3)
    assert least <= row.difference <= most
    assert (row.batch, row.rounds) == (8, 3)
    assert row.ours_ms > 0.0
    assert row.theirs_ms > 0.0
    assert row.ratio_low <= row.ratio <= row.ratio_high
    assert "64-12-9-10 on digits" in row.told()


def test_a_program_that_computes_something_else_is_not_timed(program):
    with pytest.raises(Disagreement, match=r"64-12-9-10 on digits: gradients differ by .*, expected at most 1e-04"):
        compare(TINY, program(1.01), rounds=1)


def test_what_a_broken_program_wrote_is_told(tmp_path):
    (tmp_path / "TorchSeq2PC.py").write_text("raise RuntimeError('no such device')")
    with pytest.raises(RuntimeError, match="no such device"):
        compare(TINY, str(tmp_path), rounds=1)


def test_differences_are_shares_of_the_largest_value_of_a_tensor():
    theirs = {"a": np.array([1.0, -4.0]), "b": np.array([0.5])}
    assert largest_difference({"a": np.array([1.2, -4.0]), "b": np.array([0.5])}, theirs) == pytest.approx(0.05)
    assert np.isnan(largest_difference({"a": np.array([1.0, np.nan]), "b": np.array([0.5])}, theirs))
    assert np.isinf(largest_difference({"a": np.ones(1), "b": np.ones(1)}, {"a": np.zeros(1), "b": np.ones(1)}))


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ({"a": np.ones(2)}, {"b": np.ones(2)}, "expected the same tensors"),
        ({"a": np.ones(2)}, {"a": np.ones(3)}, "has the shape"),
        ({"a": np.ones(2)}, {"a": np.zeros(2)}, "changes nothing shows nothing"),
    ],
)
def test_tensors_that_cannot_be_compared(ours, theirs, message):
    with pytest.raises(Disagreement, match=message):
        largest_difference(ours, theirs)


def test_not_a_number_is_no_agreement():
    with pytest.raises(Disagreement, match="differ by nan"):
        checked(TINY, {"a": np.array([np.nan])}, {"a": np.ones(1)})


def test_parameters_of_rounding_alone_are_not_compared():
    case = Case("torch2pc", "", "pc/mnist", noise=("bias",))
    ours, theirs = {"w": np.ones(1), "bias": np.array([1e-9])}, {"w": np.ones(1), "bias": np.array([-1e-9])}
    assert checked(case, ours, theirs) == 0.0


def test_counted_are_the_second_steps_behind_the_warm_up():
    # Two rounds before, two counted; each is two steps.
    assert counted([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) == [5.0, 7.0]


def test_every_case_has_a_recipe_and_a_driver():
    for case in CASES:
        assert case.program in PROGRAMS
        read_preset(case.preset)
        import_module(driver_of(case.program))
    assert {case.program for case in CASES} == set(PROGRAMS)


def test_what_is_not_named_is_left_out_and_said(capsys, tmp_path: Path):
    assert main(["--json", str(tmp_path / "rows.json")]) == 0
    said = capsys.readouterr().out
    assert all(
        f"name a copy of {repository} with --{program} FOLDER" in said for program, repository in PROGRAMS.items()
    )
    assert json.loads((tmp_path / "rows.json").read_text())["rows"] == []

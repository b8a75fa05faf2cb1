"""Every registered rule trains by its name alone: what it needs is filled in."""

import json

import pytest

from spikelearn.cli.app import run
from spikelearn.datasets import digits
from spikelearn.datasets.digits import split_digits
from spikelearn.plasticity import RULES
from spikelearn.runs import needs_of


@pytest.fixture
def few_test_images(monkeypatch):
    """Digits with 40 test images: testing, twice, took longer than training on a few."""

    def few(split):
        return tuple(part[:40] if split == "test" else part for part in split_digits(split))

    monkeypatch.setattr(digits, "split_digits", few)


def trained_and_read_back(rule, folder, capsys, *flags):
    """Accuracies of a run by the name of its rule, as training and as ``evaluate`` give them, and what was said."""
    out = str(folder / "run")
    assert run(["train", "--rule", rule, "--data", "digits", *flags, "--json", "--out", out]) == 0
    said = capsys.readouterr()
    assert run(["evaluate", out, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    return json.loads(said.out)["test_accuracy"], again["test_accuracy"], said.err


@pytest.mark.usefixtures("few_test_images")
@pytest.mark.parametrize("rule", list(RULES))
def test_a_little(rule, tmp_path, capsys):
    first, again, said = trained_and_read_back(rule, tmp_path, capsys, "--epochs", "1", "--data-fraction", "0.05")
    assert first == again
    assert (f"filled in for {rule}: --" in said) == bool(needs_of(rule, "digits"))


@pytest.mark.slow
@pytest.mark.parametrize("rule", list(RULES))
def test_all_samples_for_two_epochs(rule, tmp_path, capsys):
    first, again, _ = trained_and_read_back(rule, tmp_path, capsys, "--epochs", "2")
    assert first == again
    assert first > 0.15, "one in ten by chance"


@pytest.mark.parametrize("rule", list(RULES))
def test_its_needs_are_listed(rule, capsys):
    assert run(["rules", rule]) == 0
    told = capsys.readouterr().out
    made = RULES.make(rule)
    for need in made.requires:
        assert str(need) in told
    own = made.default_own_optimizer
    assert f"optimizer of its own weights: {own}" in told if own else "of its own weights" not in told
    assert run(["rules", rule, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[rule]["needs"] == list(map(str, RULES.make(rule).requires))


def test_what_a_synapse_needs_is_shown(capsys):
    assert run(["locality", "drtp", "bptt", "kernel-proxy", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    needs = {name: {factor for factor, needed in row["depends"].items() if needed} for name, row in told.items()}
    assert needs == {
        "drtp": {"pre", "post", "targets", "record"},
        "bptt": {"pre", "post", "targets", "error", "weights", "record"},
        "kernel-proxy": {"pre", "post", "targets", "record"},
    }
    assert told["bptt"]["operations"] == 1.0
    assert told["drtp"]["operations"] < 1.0
    assert run(["locality", "drtp"]) == 0
    assert "drtp" in capsys.readouterr().out
    assert run(["locality", "dftp"]) == 2
    assert "did you mean" in capsys.readouterr().err

"""A rule is four places: one file, one import line, one identity and one case row; nothing else is asked for."""

import filecmp
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.copied_package import copy_package

ROOT = Path(__file__).parents[2]
FAMILY = "spikelearn/plasticity"

RULE = r'''
"""The delta rule on firing rates."""

import torch
import torch.nn.functional as F

from spikelearn.plasticity.base import RULES, OptimizerChoice, Rule, Update, firing_rates
from spikelearn.synapses import correlate


@RULES.register("delta")
class Delta(Rule):
    r"""The last block learns from the error of its rates: $\Delta W \propto (y - \bar z) \otimes \bar s$.

    Shapes: inputs [T, B, ...], targets [B], z in spikes per step.

    Source: Widrow & Hoff, IRE WESCON Convention Record 4, 1960.
    """

    default_optimizer = OptimizerChoice("sgd", 1.0)

    @torch.no_grad()
    def updates(self, network, batch, memory, generator):
        with network.presentation() as buffers:
            record, _ = network.run(batch.inputs, masks=batch.masks)
            (prefix, synapse, pre, name), *_ = [e for e in network.edges(record) if e[3] == list(network.blocks)[-1]]
            rate = record[name].spikes.mean(0, keepdim=True)
            error = (rate - F.one_hot(batch.targets, rate.shape[2])) / len(batch.targets)
            grads = correlate(synapse, pre.to(rate).mean(0, keepdim=True), error)
            scores, rates = network.scores(record), firing_rates(network, record)
        yield Update({prefix + key: g for key, g in grads.items()}, scores, buffers=buffers, rates=rates)
'''

IMPORT = "from spikelearn.plasticity.delta import Delta\n"

IDENTITY = '''

@identity("delta")
def delta() -> None:
    """Rates minus targets meet the rates of the inputs, sample by sample."""
    from spikelearn.plasticity.delta import Delta

    network, batch = dense(6, 4), spikes_for(6, 4)
    rates = network.run(batch.inputs)[0].output.spikes.mean(0)
    errors = [rate - (torch.arange(4) == y).double() for rate, y in zip(rates, batch.targets, strict=True)]
    weight = sum(torch.outer(e, s.mean(0)) for e, s in zip(errors, batch.inputs.unbind(1), strict=True)) / SAMPLES
    expected = {"blocks.b0.synapse.weight": weight, "blocks.b0.synapse.bias": sum(errors) / SAMPLES}
    compare("delta", changes(Delta(), network, batch), expected)
'''

ROW = 'RULES["delta"] = [RuleCase("delta", lr=1.0, covers="last")]\n'

#: {file: (what is put before its text, and behind it)}; a fifth is what no rule may need.
PLACES = {
    f"{FAMILY}/delta.py": ("", RULE.lstrip()),
    f"{FAMILY}/__init__.py": ("", IMPORT),
    f"{FAMILY}/identities/hebbian.py": ("", IDENTITY),
    "tests/conformance/cases.py": ("", ROW),
}

#: One process, which imports once: the tests, then the commands.
PROGRAM = """
import pytest
assert pytest.main({tests}) == 0
from spikelearn.cli.app import run
assert [run(c) for c in {commands}] == [0, 0]
"""


def run(folder, *command):
    """What a Python process prints that finds the copied package, and no other."""
    settings = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=settings, capture_output=True, text=True)
    assert not done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def changed(folder):
    """Files of the copy that the original lacks or that differ from it."""
    found = []
    for part in ("spikelearn", "tests"):
        for path in (folder / part).rglob("*.py"):
            name = str(path.relative_to(folder))
            if not (ROOT / name).is_file() or not filecmp.cmp(path, ROOT / name, shallow=False):
                found.append(name)
    return set(found)


def test_a_rule_of_four_places_conforms_trains_and_is_compared(tmp_path):
    body = RULE.partition("@RULES")[2].strip().splitlines()
    assert len([line for line in body if line.strip()]) < 30
    copy_package(ROOT / "spikelearn", tmp_path / "spikelearn")
    for part in ("tests/conformance", "tests/architecture"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tests/__init__.py", "tests/helpers.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name, (before, behind) in PLACES.items():
        path = tmp_path / name
        path.write_text(before + (path.read_text() if path.exists() else "") + behind)
    assert len(PLACES) == 4
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\npythonpath = .\n")
    suite = (
        *(f"conformance/test_{name}.py" for name in ("rules", "learning", "identities")),
        "architecture/test_docstrings.py",
    )
    kept = ("-v", "-p", "no:cacheprovider", "-k", "delta or has_a_case or has_an_identity")
    small = ("--net", "64-10", "--steps", "8", "--epochs", "2", "--out", "run")
    fast = ("net=64-8-10", "steps=4", "epochs=1", "data-fraction=0.1")
    plan = ("--rules", "readout-only", "delta", "--seeds", "1", "--set", *fast, "--out", "out", "--jobs", "1", "--json")
    commands = ["train", "--rule", "delta", "--data", "digits", *small], ["compare", *plan]
    tests = [*(f"tests/{file}" for file in suite), *kept]
    said = run(tmp_path, "-c", PROGRAM.format(tests=tests, commands=commands))
    for test in ("test_learns_two_patterns[delta-0]", "meets_its_identity[delta]", "test_units_are_given[rule-delta]"):
        assert f"{test} PASSED" in said
    assert "SKIPPED" not in said
    result = json.loads(said.splitlines()[-1])
    assert json.loads((tmp_path / "run" / "result.json").read_text())["test_accuracy"] > 0.5
    assert (result["finished"], result["failed"], result["notes"]) == (2, 0, {})
    assert changed(tmp_path) == set(PLACES)

"""The ledger of comparisons records what tests compared, by the largest difference, and nothing of tests that fail."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden import files

ROOT = Path(__file__).parents[2]

TESTS = """
import numpy as np
import torch
from spikelearn import BPTT, Batch, build

def test_close():
    torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.002]), atol=1e-2, rtol=0)
    np.testing.assert_allclose([3.0], [3.0])

def test_rule():
    network = build("4-3", input_shape=(4,))
    update = next(iter(BPTT().updates(network, Batch(torch.ones(2, 2, 4), torch.tensor([0, 1])), {}, torch.Generator())))
    torch.testing.assert_close(update.grads, update.grads)

def test_wrong():
    torch.testing.assert_close(torch.zeros(1), torch.ones(1))
"""


def test_what_is_recorded(tmp_path):
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_some.py").write_text(TESTS)
    (folder / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        "--fidelity",
        "found.json",
    ]
    quiet = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "tests"], cwd=tmp_path, capture_output=True, text=True, env=quiet)
    assert done.returncode == 1, done.stdout + done.stderr
    rows = json.loads((tmp_path / "found.json").read_text())
    assert set(rows) == {"tests/test_some.py::test_close", "tests/test_some.py::test_rule"}
    close, rule = rows.values()
    assert close["compared"] == 3
    assert close["largest"] == pytest.approx(0.002 / 2.002, rel=1e-3)
    assert rule["rules"] == ["bptt"]
    assert rule["largest"] == 0.0


def test_a_golden_file_that_was_changed_is_refused_and_a_new_one_taken(tmp_path, monkeypatch):
    (tmp_path / "one.npz").write_bytes(b"a")
    listed = tmp_path / "checksums.txt"
    listed.write_text("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  one.npz\n")
    monkeypatch.setattr(files, "CHECKSUMS", listed)
    files.check_unchanged(tmp_path / "one.npz")
    (tmp_path / "new.npz").write_bytes(b"b")
    files.check_unchanged(tmp_path / "new.npz")
    (tmp_path / "one.npz").write_bytes(b"b")
    with pytest.raises(AssertionError, match="was changed"):
        files.check_unchanged(tmp_path / "one.npz")


def test_the_stored_ledger_names_tests_that_are_there():
    stored = json.loads((ROOT / "docs/data/fidelity.json").read_text("utf-8"))
    assert len(stored) > 200
    for path in {name.partition("::")[0] for name in stored}:
        assert (ROOT / path).is_file(), f"{path} is gone: write the ledger anew with make fidelity"
    assert all(row["largest"] is None or row["largest"] < 1e-3 for row in stored.values())

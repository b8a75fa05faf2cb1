"""The examples, moved into the package as they stand, go through its conformance tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.copied_package import copy_package

ROOT = Path(__file__).parents[2]

#: {file: subpackage, its name there, class, line in the table of cases}
MOVED = {
    "rule": ("plasticity", "broadcast", "Broadcast", 'RULES["broadcast"] = [RuleCase("broadcast")]'),
    "neuron": (
        "neurons",
        "resting_lif",
        "RestingLIF",
        'NEURONS["resting-lif"] = [lambda: RestingLIF.per_step(0.8)]',
    ),  # fmt: skip
    "dataset": ("datasets", "moving_bars", "MovingBars", 'DATASETS["moving-bars"] = DatasetCase(MovingBars)'),
}


@pytest.mark.slow
def test_moved_into_the_package_they_conform(tmp_path):
    copy_package(ROOT / "spikelearn", tmp_path / "spikelearn")
    for folder in ("tests/conformance", "tests/architecture"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    cases = tmp_path / "tests" / "conformance" / "cases.py"
    for file, (part, name, kind, case) in MOVED.items():
        shutil.copy(ROOT / "examples" / "extend" / f"{file}.py", tmp_path / "spikelearn" / part / f"{name}.py")
        package = tmp_path / "spikelearn" / part / "__init__.py"
        imported = f"from spikelearn.{part}.{name} import {kind}\n"
        package.write_text(package.read_text() + imported)
        cases.write_text(imported + cases.read_text() + case + "\n")
    (tmp_path / "tests" / "__init__.py").touch()
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\npythonpath = .\n")
    command = [sys.executable, "-m", "pytest", "-v", "tests/conformance", "tests/architecture/test_layers.py", "-k"]
    done = subprocess.run(
        [*command, "broadcast or resting or moving or layer or import or has_a_case"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert not done.returncode, done.stdout[-3000:]
    for name in ("broadcast-0", "resting-lif-0", "moving-bars-train"):
        assert f"[{name}] PASSED" in done.stdout
    assert "SKIPPED" not in done.stdout

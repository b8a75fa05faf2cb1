import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

import spikelearn
from spikelearn import compiled

PACKAGE = Path(spikelearn.__file__).parent

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from own_kernels import outer
print(outer(1.0))
"""
OWN = """
from spikelearn.compiled import kernel
from inner_kernels import inner

@kernel
def outer(x):
    return inner(x) + 1.0
"""
INNER = """
from spikelearn.compiled import kernel

@kernel
def inner(x):
    return x * {}
"""


def test_every_module_with_kernels_is_looked_at():
    holders = {p for p in PACKAGE.rglob("*.py") if re.search(r"^@kernel|import intrinsic$", p.read_text(), re.M)}
    named = {p for pattern in compiled.KERNEL_FILES for p in PACKAGE.rglob(pattern)}
    assert holders <= named


def test_a_kernel_is_compiled_anew_when_one_that_it_calls_has_changed(tmp_path):
    """The package is copied: what counts is its own files."""
    shutil.copytree(PACKAGE, tmp_path / "spikelearn", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "spikelearn" / "own_kernels.py").write_text(OWN.replace("inner_kernels", "spikelearn.inner_kernels"))
    found = []
    for factor in (2, 3):
        (tmp_path / "spikelearn" / "inner_kernels.py").write_text(INNER.format(factor))
        program = PROGRAM.replace("own_kernels", "spikelearn.own_kernels")
        command = [sys.executable, "-c", program, str(tmp_path)]
        found.append(float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout))
    assert found == [3.0, 4.0]


def test_arrays_share_memory_and_threads_are_torch_s():
    tensor = torch.zeros(3, requires_grad=True)
    compiled.array(tensor)[1] = 2.0
    assert tensor.tolist() == [0.0, 2.0, 0.0]
    assert isinstance(compiled.array(tensor), np.ndarray)
    assert 1 <= compiled.share_threads() <= torch.get_num_threads()

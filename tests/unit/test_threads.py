import os
import subprocess
import sys

import pytest
import torch

import spikelearn.threads as module
from spikelearn.threads import said_number, threads, wait_briefly

HOW = "import os, spikelearn; print({name: os.environ.get(name) for name in ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')})"

TRAINED = """
import torch
from spikelearn import BPTT, Digits, Loader, Training, build, fit
torch.set_num_threads(1)
fit(Training.start(build("64-20-10", input_shape=(1, 8, 8)), BPTT()), Loader(Digits("train"), 5, 512), epochs=1)
import numba
print(torch.get_num_threads(), numba.threading_layer())
"""


def imported(program, **environment):
    own = {name: value for name, value in os.environ.items() if name not in module.SAID} | environment
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=own, check=True).stdout


def test_openmp_is_told_how_to_wait_before_torch_is_loaded_and_not_after():
    assert imported(HOW) == f"{{'GOMP_SPINCOUNT': '{module.SPINS}', 'OMP_WAIT_POLICY': None}}\n"
    said = {}
    assert "torch" in sys.modules
    assert not wait_briefly(said)
    assert said == {}


@pytest.mark.parametrize("name", module.SAID)
def test_what_the_user_says_about_waiting_stands(name, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    said = {name: "ACTIVE"}
    assert not wait_briefly(said)
    assert said == {name: "ACTIVE"}


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("4,2", 4), (" 2 ", 2), ("", None), ("0", None), ("many", None), ("-1", None)]
)
def test_the_environment_s_number_of_threads(text, number):
    assert said_number({"OMP_NUM_THREADS": text}) == number
    assert said_number({}) is None


def test_threads_are_set_inside_and_as_before_afterwards():
    before = torch.get_num_threads()
    with threads(before + 1) as count:
        assert torch.get_num_threads() == count == before + 1
    assert torch.get_num_threads() == before
    with threads(None) as count:
        assert count == before


def test_a_container_s_limit_counts_unless_the_environment_says_a_number(monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 1)
    with threads(3):
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        module.no_more_than_cores()
        assert torch.get_num_threads() == 3
        monkeypatch.delenv("OMP_NUM_THREADS")
        module.no_more_than_cores()
        assert torch.get_num_threads() == 1


def test_compiled_kernels_leave_torch_its_number_of_threads():
    """When numba starts its threads, it tells GNU OpenMP, which torch asks too, to use all of them."""
    assert imported(TRAINED, NUMBA_NUM_THREADS="2").startswith("1 ")

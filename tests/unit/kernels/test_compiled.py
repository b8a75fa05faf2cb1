import os
import re
import shutil
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import Timeout
from numba.core.compiler_lock import global_compiler_lock

import spikelearn
from spikelearn.kernels import calling, compiled

PACKAGE = Path(spikelearn.__file__).parent

#: Processes that are forked from one which has imported what takes seconds, and has done nothing with it.
FORKED = """
import os, sys, time, traceback
from pathlib import Path
import numba, torch
folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
sys.dont_write_bytecode = True

def forked(work, *given):
    number = os.fork()
    if number:
        return number
    try:
        work(*given)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

def ended(number):
    assert os.waitpid(number, 0)[1] == 0
"""
CHANGED = f"""
{FORKED}
def outer():
    from spikelearn.kernels.own import outer
    print(outer(1.0))

inner = folder / "spikelearn/kernels/inner.py"
text = inner.read_text()
for factor in "23":
    inner.write_text(text.replace("{{}}", factor))
    ended(forked(outer))
"""
OWN = """
from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.inner import inner

@kernel
def outer(x):
    return inner(x) + 1.0
"""
INNER = """
from spikelearn.kernels.compiled import kernel

@kernel
def inner(x):
    return x * {}
"""


def said_by(program, folder):
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder, timeout=100
    ).stdout.split()


def test_every_module_with_kernels_is_looked_at():
    holders = {p for p in PACKAGE.rglob("*.py") if re.search(r"^@kernel|import intrinsic$", p.read_text(), re.M)}
    watched = {p for folder in compiled.FOLDERS for p in (PACKAGE / folder).rglob("*.py")}
    assert holders <= watched


def test_a_kernel_is_compiled_anew_when_one_that_it_calls_has_changed(tmp_path):
    """The package is copied: what counts is its own files."""
    shutil.copytree(PACKAGE, tmp_path / "spikelearn", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "spikelearn" / "kernels"
    (folder / "own.py").write_text(OWN)
    (folder / "inner.py").write_text(INNER)
    assert said_by(CHANGED, tmp_path) == ["3.0", "4.0"]


@pytest.mark.slow
def test_a_kernel_of_a_file_elsewhere_is_compiled_anew_when_that_file_has_changed(tmp_path):
    found = []
    for factor in (2, 30):
        (tmp_path / "elsewhere.py").write_text(INNER.format(factor))
        command = [sys.executable, "-c", "from elsewhere import inner; print(inner(1.0))"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
        found.append(float(done.stdout))
    assert found == [2.0, 30.0]


def test_arrays_share_memory_and_threads_are_torch_s():
    tensor = torch.zeros(3, requires_grad=True)
    calling.array(tensor)[1] = 2.0
    assert tensor.tolist() == [0.0, 2.0, 0.0]
    assert isinstance(calling.array(tensor), np.ndarray)
    assert 1 <= calling.share_threads() <= torch.get_num_threads()


def test_what_two_processes_compile_for_different_types_is_both_kept(tmp_path, monkeypatch):
    """The second one comes when the first has read the index and not yet written it."""
    (tmp_path / "twice_kernels.py").write_text("def twice(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    from twice_kernels import twice

    one, other = (compiled.kernel(twice)._cache._cache_file for _ in range(2))
    second = threading.Thread(target=other.save, args=("of other types", "the second's code"))
    save_index = one._save_index

    def interrupted(index):
        second.start()
        second.join(0.3)
        save_index(index)

    one._save_index = interrupted
    one.save("of some types", "the first's code")
    second.join()
    kept = compiled.kernel(twice)._cache._cache_file
    assert kept.load("of some types") == "the first's code"
    assert kept.load("of other types") == "the second's code"


SLOWLY = f"""
{FORKED}
import numba.core.event as event
from spikelearn.kernels.compiled import kernel
from slow_kernels import slow

class Count(event.Listener):
    def on_start(self, _):
        print("compiled")
        time.sleep(2)  # the other process comes meanwhile
    def on_end(self, _): ...

def thrice(name):
    made = kernel(slow)
    event.register("numba:compile", Count())
    (folder / name).touch()
    while not all((folder / name).exists() for name in "ab"):
        time.sleep(0.01)
    assert made(2.0) == 6.0

for number in [forked(thrice, name) for name in "ab"]:
    ended(number)
"""


def test_a_kernel_that_two_processes_need_is_compiled_by_one(tmp_path):
    (tmp_path / "slow_kernels.py").write_text("def slow(x):\n    return 3 * x\n")
    assert said_by(SLOWLY, tmp_path) == ["compiled"]


def test_numba_s_lock_is_taken_before_the_files_and_both_are_held_while_compiling(tmp_path, monkeypatch):
    """A thread that compiles would else wait for the files of one that waits for numba."""
    path, acquire, before = str(tmp_path / "kernel.lock"), compiled.FileLock.acquire, []

    def noted(lock, *given, **options):
        before.append(global_compiler_lock.is_locked())
        return acquire(lock, *given, **options)

    def compiling(signature):
        assert global_compiler_lock.is_locked()
        with pytest.raises(Timeout):
            acquire(compiled.FileLock(path), timeout=0)
        return signature

    monkeypatch.setattr(compiled.FileLock, "acquire", noted)
    assert compiled._compiled_once(compiling, path)("its types") == "its types"
    assert before == [True]
    assert not global_compiler_lock.is_locked()


def test_a_kernel_whose_folder_takes_no_locks_is_compiled_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "thrice_kernels.py").write_text("def thrice(x):\n    return 3 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    from thrice_kernels import thrice

    made = compiled.kernel(thrice)

    def refuse(*_, **__):
        raise NotImplementedError("no locks here")

    monkeypatch.setattr(compiled.FileLock, "acquire", refuse)
    assert made(2.0) == 6.0


#: Under each threading layer, a process of its own that computes and then forks others.
FORKING = """
import multiprocessing, os, sys, threading
import torch
from spikelearn import BPTT, Digits, Loader, Training, build, fit
assert "numba" not in sys.modules, "its layer is read from the environment when it is imported"

def train(seed):
    torch.manual_seed(seed)
    network = build("64-20-10", input_shape=(1, 8, 8))
    fit(Training.start(network, BPTT(), seed=seed), Loader(Digits("train"), 5, 512), epochs=1)
    return [float(p.detach().sum()) for p in network.parameters()]

def forking():
    torch.set_num_threads(2)
    torch.randn(2_000_000).exp().sum()
    threads = [threading.Thread(target=train, args=(seed,)) for seed in range(3)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    before = train(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        try:
            found = pool.map_async(train, [0, 1]).get(60)
        except RuntimeError as error:
            return str(error)
    assert torch.allclose(torch.tensor(found[0]), torch.tensor(before), atol=1e-4), (found, before)
    assert found[0] != found[1]
    assert train(0) == before, "the parent goes on as before"
    return "trained"

for layer in sys.argv[1:]:
    if not os.fork():
        if layer != "default":
            os.environ["NUMBA_THREADING_LAYER"] = layer
        said = ""
        try:
            said = forking()
        finally:
            print(layer, said, flush=True)
            os._exit(not said)
    assert os.wait()[1] == 0
"""


@pytest.fixture(scope="module")
def forking():
    """{threading layer: what becomes of processes that are forked}."""
    layers = ["workqueue"] + ["default"] * (find_spec("numba.np.ufunc.omppool") is not None)
    own = {name: value for name, value in os.environ.items() if name != "NUMBA_THREADING_LAYER"}
    own["NUMBA_NUM_THREADS"] = "4"  # more than are used
    command = [sys.executable, "-c", FORKING, *layers]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, env=own)
    assert done.returncode == 0, done.stdout
    assert "Terminating" not in done.stdout
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.startswith(tuple(layers)))


def test_threads_that_can_be_forked_train_there_and_several_at_once(forking):
    assert forking["workqueue"] == "trained"


def test_a_forked_process_whose_threads_cannot_be_forked_says_so(forking):
    if "default" not in forking:
        pytest.skip("numba has no threads of OpenMP here")
    assert (
        "forked from one that has computed with GNU OpenMP, whose threads it has not: start processes with spawn"
        in forking["default"]
    )

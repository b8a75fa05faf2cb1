"""Kernels compiled on first use and kept on disk."""

import gc
import inspect
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, overload

import numba
import torch
from filelock import FileLock
from numba.core.compiler_lock import global_compiler_lock

from spikelearn.kernels.calling import share_threads
from spikelearn.kernels.doors import Door
from spikelearn.kernels.sharing import EVERY

#: Folders of the package that hold kernels, and what is compiled into them.
FOLDERS = ("kernels", "fused")

#: Seconds for which a kernel's files on disk are waited for, while another process has them.
LOCK_WAIT = 60.0

NOTHING: Mapping[str, str] = {}

Function = TypeVar("Function", bound=Callable[..., Any])
Given = ParamSpec("Given")
Returned = TypeVar("Returned")


@overload
def kernel(function: Function) -> Function: ...


@overload
def kernel(
    *,
    parallel: Literal[True],
    contract: bool = True,
    takes: Mapping[str, str] | None = None,
    let: Mapping[str, str] = NOTHING,
    holds: tuple[str, ...] = (),
) -> Callable[[Callable[Concatenate[int, Given], Returned]], Callable[Given, Returned]]: ...


@overload
def kernel(
    *,
    contract: bool = True,
    takes: Mapping[str, str] | None = None,
    let: Mapping[str, str] = NOTHING,
    holds: tuple[str, ...] = (),
) -> Callable[[Function], Function]: ...


def kernel(
    function: Any = None,
    *,
    parallel: bool = False,
    contract: bool = True,
    takes: Mapping[str, str] | None = None,
    let: Mapping[str, str] = NOTHING,
    holds: tuple[str, ...] = (),
) -> Any:
    """Decorator: the function compiled, and kept on disk where there is a folder to keep it in.

    Args:
        function: what is compiled; its arguments are numbers and arrays.
        parallel: whether it has a loop that ``share_threads`` threads share (``sharing.share``); its first argument is
            the number of the thread, with which no caller has to do.
        contract: whether a product may be added without being rounded first; not where values must equal torch's.
        takes, let, holds: what it may be called with (``Door``); a kernel that is called from kernels alone has none.
    """
    options: dict[str, Any] = {
        "nogil": True,
        "boundscheck": False,
        "fastmath": {"contract"} if contract else False,
        "error_model": "numpy",
        "no_cfunc_wrapper": True,  # nothing but Python and other kernels calls a kernel
    }

    def compiled(body: Callable[..., Any]) -> Any:
        try:
            made = numba.njit(**options, cache=True)(body)
        except RuntimeError:
            made = numba.njit(**options)(body)
        # There is none where compiling is switched off.
        index = getattr(getattr(made, "_cache", None), "_cache_file", None)
        if index is not None:
            index._source_stamp = index._source_stamp, _sources()
            files = f"{index._index_path}.lock"
            index.save, index.load = _in_turn(index.save, files), _in_turn(index.load, files)
            made.compile = _compiled_once(made.compile, f"{index._index_path}.compile.lock")
        names = list(inspect.signature(body).parameters)
        called, names = (Parallel(made), names[1:]) if parallel else (made, names)
        return called if takes is None else Door(called, body, names, takes, let, holds)

    return compiled if function is None else compiled(function)


class Parallel:
    """A kernel with a loop that threads share; of several Python threads one at a time runs such kernels.

    Args:
        made: the kernel as numba compiled it.
    """

    def __init__(self, made: Any) -> None:
        self._made = made

    def __call__(self, *arguments: Any) -> Any:
        if _threads.lost:
            raise RuntimeError(
                "this process was forked from one that has computed with GNU OpenMP, whose threads it has not: start "
                "processes with spawn (multiprocessing.get_context('spawn')), or set NUMBA_THREADING_LAYER=workqueue, "
                "whose threads can be forked and are slower"
            )
        with _threads.lock:
            share_threads()
            return self._made(EVERY, *arguments)


class _Threads:
    """The threads of numba's kernels.

    GNU OpenMP, which numba takes where it is there, ends a forked process that computes. The layer ``workqueue`` lives
    on in one, but a training step took 1.7 times as long with it, and it ends a process of which two threads use it at
    once.
    """

    def __init__(self) -> None:
        self.lock, self.lost = threading.RLock(), False
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.lock = threading.RLock()
        with suppress(ValueError):  # none are there yet
            self.lost = numba.threading_layer() == "omp"  # type: ignore[attr-defined]
        torch.set_num_threads(1)  # with more torch would wait for threads that are the parent's


_threads = _Threads()


@cache
def _sources() -> tuple[tuple[str, int, int], ...]:
    """Time and size of every file beside kernels: compiled code on disk is valid for these files alone.

    numba by itself looks at a kernel's own file, and would go on with the old code of a callee in another one.
    """
    package = Path(__file__).parents[1]
    files = sorted(path for folder in FOLDERS for path in (package / folder).rglob("*.py"))
    stats = [(str(path.relative_to(package)), path.stat()) for path in files]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _in_turn(access: Callable[..., Any], path: str) -> Callable[..., Any]:
    """``access`` to a kernel's files on disk, by one process at a time.

    numba numbers the files by an index that it reads, changes and writes. Of two processes that do so at once for
    other types each, one would find the code of the other.
    """
    lock = FileLock(path, timeout=LOCK_WAIT)

    def taken(*arguments: Any) -> Any:
        held = ExitStack()
        with held:
            with suppress(OSError, NotImplementedError):  # a folder that is read only, or that knows no locks
                held.enter_context(lock)
            return access(*arguments)

    return taken


def _compiled_once(compiling: Callable[..., Any], path: str) -> Callable[..., Any]:
    """``compiling`` by one process at a time: the others then find on disk what the first has compiled.

    numba's own lock is taken first. A thread that compiles takes the locks of the kernels that it calls, too, and would
    else wait for a thread that waits for numba's.
    """
    alone = _in_turn(compiling, path)

    def taken(signature: Any) -> Any:
        with global_compiler_lock, _no_garbage_search():
            return alone(signature)

    return taken


@contextmanager
def _no_garbage_search() -> Iterator[None]:
    """Inside, no search for garbage: among what numba makes by the hundred thousand it is an eighth of compiling."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()

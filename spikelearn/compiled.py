"""Kernels compiled on first use and kept on disk.

Only modules that hold kernels import this one, and they are imported where a kernel is first needed: numba takes longer
to import than most commands to run, and everything must work without it.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, overload

import numba
import torch
from torch import Tensor

#: Names of the modules that hold kernels, and what is compiled into them.
KERNEL_FILES = ("numba_*.py", "*_kernel.py", "*_kernels.py", "vector*.py")

Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def kernel(function: Function) -> Function: ...


@overload
def kernel(*, parallel: bool = False, contract: bool = True) -> Callable[[Function], Function]: ...


def kernel(function: Any = None, *, parallel: bool = False, contract: bool = True) -> Any:
    """Decorator: the function compiled, and kept on disk where there is a folder to keep it in.

    Args:
        function: what is compiled; its arguments are numbers and arrays.
        parallel: whether its ``numba.prange`` loops are shared out among ``share_threads`` threads.
        contract: whether a product may be added without being rounded first; not where values must equal torch's.
    """
    options: dict[str, Any] = {
        "nogil": True,
        "boundscheck": False,
        "fastmath": {"contract"} if contract else False,
        "error_model": "numpy",
        "parallel": parallel,
    }

    def compiled(body: Callable[..., Any]) -> Any:
        try:
            made = numba.njit(**options, cache=True)(body)
        except RuntimeError:
            return numba.njit(**options)(body)
        # Not there where compiling is switched off.
        index = getattr(getattr(made, "_cache", None), "_cache_file", None)
        if index is not None:
            index._source_stamp = _sources()
        return made

    return compiled if function is None else compiled(function)


@cache
def _sources() -> tuple[tuple[str, int, int], ...]:
    """When each file with kernels was written, and its size: what is kept on disk is good for these files alone.

    numba by itself looks at a kernel's own file, and would go on with what another one was before it was changed.
    """
    package = Path(__file__).parent
    files = sorted(path for pattern in KERNEL_FILES for path in package.rglob(pattern))
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def share_threads() -> int:
    """Give parallel kernels as many threads as torch uses, and say how many; called before each parallel kernel."""
    threads: int = min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if numba.get_num_threads() != threads:
        numba.set_num_threads(threads)
    return threads


def array(tensor: Tensor) -> Any:
    """The values of a CPU tensor as a numpy array that shares their memory."""
    return tensor.detach().numpy()

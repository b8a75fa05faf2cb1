"""Kernels compiled on first use and kept on disk.

Only modules that hold kernels import this one, and they are imported where a kernel is first needed: numba takes longer
to import than most commands to run, and everything must work without it.
"""

from collections.abc import Callable
from typing import Any, TypeVar, overload

import numba
import torch
from torch import Tensor

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
            return numba.njit(**options, cache=True)(body)
        except RuntimeError:
            return numba.njit(**options)(body)

    return compiled if function is None else compiled(function)


def share_threads() -> int:
    """Give parallel kernels as many threads as torch uses, and say how many; called before each parallel kernel."""
    threads: int = min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if numba.get_num_threads() != threads:
        numba.set_num_threads(threads)
    return threads


def array(tensor: Tensor) -> Any:
    """The values of a CPU tensor as a numpy array that shares their memory."""
    return tensor.detach().numpy()

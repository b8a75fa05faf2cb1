"""The wrappers of parallel loops, of which numba makes machine code that nothing calls.

numba puts a loop's body into one wrapper, that one into a second, and both into the function that is called. It makes
machine code of each of the three. Without that of the wrappers a kernel takes three quarters of the time to compile,
and the function's code is the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.codegen import JITCPUCodegen

#: What is in the name of a wrapper's module.
NAMES = ("parallelgufuncwrapper", "_GufuncWrapper object")


@contextmanager
def wrappers_linked() -> Iterator[None]:
    """Wrappers that are compiled within it are linked into the functions around them and not made machine code of.

    Its caller holds numba's lock, so that no other thread compiles meanwhile: wrappers that are called themselves, as
    those of ``numba.guvectorize`` for several threads, need their own code. Where numba has other internals it compiles
    as it does.
    """
    jit: Any = JITCPUCodegen
    add = getattr(jit, "_add_module", None)
    if add is None:
        yield
        return

    def without_wrappers(codegen: Any, module: Any) -> Any:
        return None if any(name in module.name for name in NAMES) else add(codegen, module)

    jit._add_module = without_wrappers
    try:
        yield
    finally:
        jit._add_module = add

"""The number of computing threads, and how they wait for each other.

Imported before torch, by ``import spikelearn``: GNU OpenMP reads how to wait when torch loads it, and never again.
"""

import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

#: Names in the environment by which a user says how threads of OpenMP wait; any of them is left to stand.
SAID = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")

#: Times that a thread looks for the others before it sleeps, some tens of microseconds; by itself a thousand times
#: that. Where other programs run, the ones that are looked for do not, and whoever looks keeps them from running.
SPINS = "2000"

#: What libraries below torch and numba read their number of threads from when they are first imported.
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def wait_briefly(environment: MutableMapping[str, str]) -> bool:
    """Have threads of OpenMP sleep soon while they wait; whether that was set, and not said otherwise before."""
    if "torch" in sys.modules or any(name in environment for name in SAID):
        return False
    environment["GOMP_SPINCOUNT"] = SPINS
    return True


wait_briefly(os.environ)


def cores() -> int:
    """Cores that this process may use, by its affinity and by the limits of a container."""
    from joblib import cpu_count

    return max(1, int(cpu_count()))


def said_number(environment: MutableMapping[str, str]) -> int | None:
    """The number of threads in OMP_NUM_THREADS; None where there is none."""
    first = environment.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def no_more_than_cores() -> None:
    """Have torch use no more threads than there are cores, where the environment does not say how many.

    Torch counts those of the machine, which in a container may be many more.
    """
    import torch

    if said_number(os.environ) is None and torch.get_num_threads() > cores():
        torch.set_num_threads(cores())


@contextmanager
def threads(number: int | None) -> Iterator[int]:
    """Have torch and compiled kernels use ``number`` threads; None: as many as torch does already. Yields how many.

    Sums are taken in another order by another number of threads, so results are equal to the byte for equal numbers.
    """
    import torch

    before = torch.get_num_threads()
    count = before if number is None else number
    if count > cores() and "numba" not in sys.modules:  # which otherwise has one for every core, and no more
        os.environ.setdefault("NUMBA_NUM_THREADS", str(count))
    torch.set_num_threads(count)
    try:
        yield count
    finally:
        torch.set_num_threads(before)

"""Processes of this machine that train one network: they meet where no other machine can reach them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch.distributed as dist

from spikelearn.checks import check_count
from spikelearn.threads import cores

#: Address that only this machine can reach.
LOOPBACK = "127.0.0.1"

#: Seconds between two looks at the processes, and which they have to end when one of them has failed.
LOOK_EVERY, GRACE = 0.1, 30.0


def launch(arguments: Sequence[str], count: int) -> int:
    """Run ``spikelearn`` with ``arguments`` in ``count`` processes; the exit code of the first that failed, else 0.

    ``torchrun`` does the same, but waits for its processes on every interface. Ctrl-C and termination are passed on.

    Raises:
        ValueError: ``count`` is no number of processes.
    """
    check_count("processes", count)
    with socket.socket() as door:
        door.bind((LOOPBACK, 0))
        door.listen()
        port = door.getsockname()[1]
        # The store that is given no socket listens on every interface, whatever host it is told.
        store = dist.TCPStore(  # type: ignore[attr-defined]
            LOOPBACK, port, is_master=True, wait_for_workers=False, master_listen_fd=door.detach()
        )
    command = [sys.executable, "-m", "spikelearn", *arguments]
    # In sessions of their own: Ctrl-C in a terminal would reach them twice, and twice means at once.
    started = [
        subprocess.Popen(command, env=_environment(rank, count, port), start_new_session=True) for rank in range(count)
    ]
    with _passing_on_signals(started):
        code = _wait(started)
    del store  # kept until here: it is where the processes meet
    return code


def _environment(rank: int, count: int, port: int) -> dict[str, str]:
    """The variables that torchrun sets for a process, and the interface by which the processes talk."""
    loopback = next((name for _, name in socket.if_nameindex() if name in ("lo", "lo0")), "lo")
    chosen = {"OMP_NUM_THREADS": str(max(1, cores() // count))}
    chosen |= dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"), loopback)
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    fixed = {"MASTER_ADDR": LOOPBACK, "TORCHELASTIC_USE_AGENT_STORE": "True"}
    return {**chosen, **os.environ, **fixed, **{name: str(value) for name, value in told.items()}}


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> int:
    """The code of the first process that failed, else 0; all have ended."""
    code, until = 0, float("inf")
    while any(process.poll() is None for process in processes):
        time.sleep(LOOK_EVERY)
        failed = [process.returncode for process in processes if process.poll()]
        if failed and not code:
            code, until = failed[0], time.monotonic() + GRACE
            _signal(processes, signal.SIGTERM)
        if time.monotonic() > until:
            _signal(processes, signal.SIGKILL)
    code = code or next((process.returncode for process in processes if process.returncode), 0)
    return 128 - code if code < 0 else code


def _signal(processes: Sequence[subprocess.Popen[bytes]], number: int) -> None:
    for process in processes:
        process.send_signal(number)  # nothing where it has ended


@contextmanager
def _passing_on_signals(processes: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda got, _: _signal(processes, got)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

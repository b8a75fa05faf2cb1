"""Several processes that train one network: how they meet, agree and end.

On one machine, with two processes (or as many as it has devices, with ``--device cuda``):

    spikelearn train --processes 2 --net 784-400-10 --batch 128

On several machines the same line on each; their clocks and folders are their own, the run's folder is written by the
first process alone. The place where they meet listens on every interface of the first machine and asks nobody who
comes, so the network must be one that you trust (with ``--standalone`` on one machine, too):

    torchrun --nnodes 2 --node-rank 0 --nproc-per-node 8 --master-addr HOST --master-port 29500 -m spikelearn train ...
    torchrun --nnodes 2 --node-rank 1 --nproc-per-node 8 --master-addr HOST --master-port 29500 -m spikelearn train ...

``--batch`` is the whole batch, that all processes share. The data must be on every machine. The result is that of one
process to rounding; see ``sharing`` for what is not.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from spikelearn.checks import check_count
from spikelearn.extras import check_extra
from spikelearn.training.parallel.reduction import naming_the_loss

T = TypeVar("T")

#: Longest wait for another process; reading a data set for the first time takes its minutes.
PATIENCE = timedelta(minutes=30)

#: What torchrun tells every process.
VARIABLES = ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class SaidElsewhere(Exception):
    """This process ends for a reason that another process of the run has said."""


@dataclass(frozen=True)
class Processes:
    """The processes of a run, and which of them this is; what they do together, all must do.

    Args:
        rank: number of this process, 0 .. count - 1; the first one alone writes files.
        count: processes of all machines.
        local_rank: number of this process on its machine.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def alone(self) -> bool:
        """True if there is one process."""
        return self.count == 1

    @property
    def first(self) -> bool:
        """True if this process writes the files."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """The name of the device that this process computes on: with several, ``cuda`` is one for each.

        Raises:
            ValueError: a single CUDA device for several processes, more processes than the machine has devices.
        """
        if self.alone or not name.startswith("cuda"):
            return name
        if name != "cuda":
            raise ValueError(f"device is {name!r}, expected cuda: {self.count} processes take one device each")
        if self.local_rank >= torch.cuda.device_count():
            raise ValueError(
                f"device is 'cuda', but this machine has {torch.cuda.device_count()} of them and more processes: lower "
                "--nproc-per-node"
            )
        return f"cuda:{self.local_rank}"

    def sums(self, values: Sequence[float]) -> list[float]:
        """The sum over processes of every number.

        Raises:
            ProcessLost: another process is gone.
        """
        if self.alone:
            return [float(value) for value in values]
        total = torch.tensor(values, dtype=torch.float64)
        with naming_the_loss():
            dist.all_reduce(total)
        return total.tolist()

    def any(self, wish: bool) -> bool:
        """Tell whether some process wishes it."""
        return self.sums([float(wish)])[0] > 0

    def from_first(self, make: Callable[[], T]) -> T:
        """Call ``make`` in the first process and send its result to all.

        Raises:
            ProcessLost: another process is gone.
        """
        if self.alone:
            return make()
        made: list[Any] = [make() if self.first else None]
        with naming_the_loss():
            dist.broadcast_object_list(made)
        return made[0]

    def wait(self) -> None:
        """Go on when all have come here.

        Raises:
            ProcessLost: another process is gone.
        """
        self.sums([0.0])

    @contextmanager
    def one_before_the_rest(self) -> Iterator[None]:
        """Let one process of every machine go first, so that what it puts on the disk is there for the rest.

        Raises:
            ProcessLost: another process is gone.
        """
        if self.local_rank > 0:
            self.wait()
        yield
        if self.local_rank == 0:
            self.wait()


ALONE = Processes()


def is_started(count: int) -> bool:
    """Tell whether this process is one of ``count`` that somebody has started; one alone needs nobody.

    Raises:
        ValueError: it is one of another number.
    """
    check_count("processes", count)
    started = os.environ.get("WORLD_SIZE", "1")
    if started not in ("1", str(count)):
        raise ValueError(f"processes is {count}, but {started} were started: drop --processes, which starts its own")
    return started == str(count)


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started into one group; without it, this process is alone.

    One that fails says so and ends; the others then find the group broken, and end too without a word.

    Raises:
        ValueError: lightning-fabric is missing, the environment is not whole.
        ProcessLost: another process was lost, and nobody said why.
        SaidElsewhere: what ends the run has been said by another process.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1":
        yield ALONE
        return
    processes, failed = _meet(), False
    try:
        yield processes
        processes.wait()
    except Exception as error:
        failed = True
        if not _speaks():
            raise SaidElsewhere(str(error)) from error
        raise
    finally:
        # NCCL may wait for a process that is gone; the end of this one frees all the same.
        if not (failed and torch.cuda.is_initialized()):
            dist.destroy_process_group()


def _meet() -> Processes:
    missing = [name for name in VARIABLES if name not in os.environ]
    if missing:
        raise ValueError(
            f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, but {', '.join(missing)} is not set: start with torchrun, or "
            "unset WORLD_SIZE"
        )
    check_extra("distributed", "training in several processes")
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
    from lightning_fabric.strategies.ddp import DDPStrategy

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    environment = TorchElasticEnvironment()
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    with_cuda = torch.cuda.is_available() and dist.is_nccl_available()
    # Numbers that processes agree on lie in main memory whatever the device is, hence two backends.
    backend = "cpu:gloo,cuda:nccl" if with_cuda else "gloo"
    fabric = Fabric(
        accelerator="cpu",
        devices=here,
        num_nodes=environment.world_size() // here,
        strategy=DDPStrategy(process_group_backend=backend, timeout=PATIENCE),
        plugins=[environment],
    )
    fabric.launch()
    return Processes(fabric.global_rank, fabric.world_size, fabric.local_rank)


def _speaks() -> bool:
    """Tell whether this process is the first to say that the run has failed."""
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    try:
        wait = timedelta(seconds=5)
        store = dist.TCPStore(address, port, is_master=False, timeout=wait)  # type: ignore[attr-defined]
        return store.add(f"spikelearn/failed/{again}", 1) == 1
    except RuntimeError:
        return True

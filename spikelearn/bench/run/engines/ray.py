"""Trials on a Ray cluster."""

import logging
import os
import secrets
import signal
import socket
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from spikelearn.bench.plan.trial import Trial
from spikelearn.bench.run.engines.base import ENGINES, Attempt, Crew, Engine, Outcome, Task, Work, attempted, failure_of
from spikelearn.checks import check_count
from spikelearn.extras import from_extra
from spikelearn.files import write_atomically

#: Seconds between two looks at what the cluster has room for, and for which a node is waited for in the beginning.
ROOM_EVERY, NODE_WAIT = 5.0, 180.0

#: Seconds in which the head of a cluster has to answer.
CONNECT_WAIT = 10.0

#: Address that only this machine can reach.
LOOPBACK = "127.0.0.1"

#: Bytes of shared memory of a cluster that is started here: records of trials are small.
STORE = 100 * 2**20


@ENGINES.register("ray")
class RayEngine(Engine):
    """Trials on a Ray cluster, whose nodes all see the comparison's folder under the same path.

    Args:
        address: "HOST:PORT" of the cluster's head; "auto": the cluster that this machine is part of; "local": one that
            lasts as long as the comparison and that this machine alone can reach; None: what RAY_ADDRESS names, else
            "local".
        cpus, gpus: of each trial.
        memory: of each trial, bytes; None: not asked for.
        retries: how often a trial whose worker or node is lost is tried again.
        threads: threads of each trial; None: as many as whole CPUs.

    Raises:
        ValueError: a negative number, neither CPUs nor GPUs.
    """

    def __init__(
        self,
        address: str | None = None,
        cpus: float = 1,
        gpus: float = 0,
        memory: int | None = None,
        retries: int = 2,
        threads: int | None = None,
    ) -> None:
        if not (cpus >= 0 and gpus >= 0 and 0 < cpus + gpus < float("inf")):
            raise ValueError(f"cpus is {cpus!r} and gpus is {gpus!r}, expected numbers from 0 on, one of them above 0")
        if memory is not None:
            check_count("memory", memory)
        super().__init__(retries, threads)
        self.address, self.cpus, self.gpus, self.memory = address, cpus, gpus, memory

    def __repr__(self) -> str:
        return f"on a Ray cluster, {self.cpus:g} CPUs and {self.gpus:g} GPUs each"

    def crew(self, work: Work, trials: int, root: Path | None) -> Crew:
        # The worker's interrupts are Ray's: it asks a task to stop with one.
        task = partial(attempted, work, root, (signal.SIGINT,))
        asked = {"CPU": self.cpus, "GPU": self.gpus, "memory": float(self.memory or 0)}
        return _Cluster(_ray(), self.address, task, self.threads or self.threads_by_default, asked, root)

    @property
    def threads_by_default(self) -> int:
        return max(1, int(self.cpus))


def _ray() -> Any:
    # Read when Ray is imported: nothing is reported to its makers unless the user wants it.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    return from_extra("ray", "the engine ray", instead="take the engine local")


class _Cluster(Crew):
    """Tasks on a cluster: as many as it has room for, and one more that waits for room (and has a cluster grow)."""

    def __init__(
        self, ray: Any, address: str | None, task: Task, threads: int, asked: dict[str, float], root: Path | None
    ) -> None:
        self._ray, self._asked = ray, asked
        self._busy: dict[Any, Trial] = {}
        self._room, self._looked = 0, -ROOM_EVERY
        self._mark: Path | None = None
        self._ours = not ray.is_initialized()
        if self._ours:
            _connect(ray, address or os.environ.get("RAY_ADDRESS") or "local")
        try:
            self._mark = _mark(root) if root is not None else None
            self._check_room()
            if self._mark is not None:
                self._check_nodes(self._mark)
            options = {"num_cpus": asked["CPU"], "num_gpus": asked["GPU"], "memory": asked["memory"] or None}
            self._remote = ray.remote(**options, max_retries=0)(_on_node)
            self._begin = partial(self._remote.remote, task, threads, self._mark)
        except BaseException:
            self.close()
            raise

    @property
    def running(self) -> list[Trial]:
        return list(self._busy.values())

    def free(self) -> bool:
        if time.monotonic() - self._looked > ROOM_EVERY:
            self._room, self._looked = self._rooms(), time.monotonic()
        return len(self._busy) <= self._room

    def begin(self, trial: Trial) -> None:
        self._busy[self._begin(trial)] = trial

    def collect(self, seconds: float) -> list[Attempt]:
        ready, _ = self._ray.wait(list(self._busy), num_returns=1, timeout=seconds) if self._busy else ([], None)
        return [self._ended(reference) for reference in ready]

    def _ended(self, reference: Any) -> Attempt:
        trial = self._busy.pop(reference)
        try:
            answer = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # raised before the trial's own errors are caught
            reason = failure_of(error.cause or error)["reason"]
            return Attempt(trial, Outcome(trial, None, {"reason": reason, "kind": "NodeUnfit"}))
        except self._ray.exceptions.RayError as error:
            return Attempt(trial, None, f"its worker or node was lost ({type(error).__name__})")
        if isinstance(answer, str):
            return Attempt(trial, None, answer)
        return Attempt(trial, answer, "its worker was asked to stop from outside")

    def ask_to_stop(self) -> None:
        for reference in self._busy:
            self._ray.cancel(reference, force=False)

    def close(self) -> None:
        for reference in self._busy:
            self._ray.cancel(reference, force=True)
        if self._mark is not None:
            self._mark.unlink(missing_ok=True)
        if self._ours:
            self._ray.shutdown()

    def _rooms(self) -> int:
        return sum(self._fitting(node["Resources"]) for node in self._ray.nodes() if node["Alive"])

    def _fitting(self, resources: dict[str, float]) -> int:
        return int(min(resources.get(name, 0.0) // needed for name, needed in self._asked.items() if needed))

    def _check_room(self) -> None:
        if not self._rooms():
            asked = ", ".join(f"{needed:g} {name}" for name, needed in self._asked.items() if needed)
            raise ValueError(f"no node of the Ray cluster has room for a trial ({asked}): ask for less, or add a node")

    def _check_nodes(self, mark: Path) -> None:
        """Raise ValueError where a node does not see the folder of ``mark``, or cannot write there."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        look = self._ray.remote(num_cpus=0, max_retries=3)(_unfit)
        for node in (node for node in self._ray.nodes() if node["Alive"]):
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            try:
                reason = self._ray.get(look.options(scheduling_strategy=there).remote(mark), timeout=NODE_WAIT)
            except self._ray.exceptions.RayError as error:
                words = " ".join(str(error).split())
                raise ValueError(f"node {node['NodeManagerAddress']} cannot run spikelearn: {words}") from error
            if reason:
                raise ValueError(reason)


def _connect(ray: Any, address: str) -> None:
    before = signal.getsignal(signal.SIGTERM)
    options = {"address": address, "logging_level": logging.ERROR, "log_to_driver": False}
    try:
        host, colon, port = address.rpartition(":")
        if colon and port.isdecimal():  # Ray itself would try for many minutes
            socket.create_connection((host, int(port)), CONNECT_WAIT).close()
        if address == "local":
            _start_on_loopback(ray, options)
        else:
            ray.init(**options)
    except (OSError, OverflowError, ValueError) as error:
        words = " ".join(str(error).split())
        raise ValueError(f"no Ray cluster answers at {address!r} ({words}): start one, or name its address") from error
    finally:
        if threading.current_thread() is threading.main_thread():  # Ray puts a handler of its own there
            signal.signal(signal.SIGTERM, before)


def _start_on_loopback(ray: Any, options: dict[str, Any]) -> None:
    """Start a cluster that no other machine can reach; by itself Ray listens on every interface, and asks nobody who
    sends it what it is to run.

    Raises:
        ValueError: it has another address than the loopback's.
    """
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    # Where clusters are off, as on Windows and macOS, Ray takes the loopback for the machine's own address and listens
    # there alone; read from the environment when Ray is imported, which may be long ago.
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        ray.init(**options, _node_ip_address=LOOPBACK, object_store_memory=STORE, include_dashboard=False)
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
    address = ray.util.get_node_ip_address()
    if address != LOOPBACK:
        ray.shutdown()
        raise ValueError(f"Ray {ray.__version__} listens on {address}, expected {LOOPBACK}")


def _mark(root: Path) -> Path:
    """A file by which other machines know that they see this very folder, and not another at the same path."""
    mark = root.resolve() / f".seen-{secrets.token_hex(8)}"
    write_atomically(mark, mark.name.encode())
    return mark


def _on_node(task: Task, threads: int, mark: Path | None, trial: Trial) -> Outcome | str | None:
    """On a node: the outcome of a trial; a reason where the node cannot run any."""
    import torch

    reason = None if mark is None else _unfit(mark)
    if reason is not None:
        return reason
    torch.set_flush_denormal(True)  # as the command line does, or one trial would have two results
    torch.set_num_threads(threads)
    return task(trial)


def _unfit(mark: Path) -> str | None:
    """Why this node cannot write where ``mark`` lies; None: it can."""
    import ray

    node = f"node {ray.util.get_node_ip_address()}"
    if not mark.is_file():
        return f"{node} does not see {mark.parent}: keep the comparison's folder on storage that all nodes share"
    try:
        with tempfile.TemporaryFile(dir=mark.parent):
            pass
    except OSError as error:
        return f"{node} cannot write in {mark.parent} ({error.strerror}): give it the right to"
    return None

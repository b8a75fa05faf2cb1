"""Averages over processes, so that a sharded batch trains as the whole one."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from spikelearn.plasticity import Update

Reduce = Callable[[dict[str, Tensor]], dict[str, Tensor]]


class ProcessLost(ValueError):
    """Another process of the run ended before its work was done."""


@contextmanager
def naming_the_loss() -> Iterator[None]:
    """Turn what a process group raises when it breaks into one sentence.

    Raises:
        ProcessLost: the group broke.
    """
    try:
        yield
    except RuntimeError as error:
        # Gloo names its source file first and gives advice behind.
        reason = re.sub(r"^\[\S+\]\s*", "", str(error).splitlines()[0]).split(". ")[0]
        raise ProcessLost(
            f"process {dist.get_rank()} of {dist.get_world_size()} lost the others ({reason}): start the run again, "
            "with --resume RUN if it had a checkpoint"
        ) from error


def as_they_are(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The reduction of a single process."""
    return tensors


def mean_over_processes(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean of every tensor over the processes of the default group; each must hold the same keys.

    Tensors of one type travel together, in one all-reduce; integers are averaged as float64 and rounded, types shorter
    than float32 as float32. Shards of equal size then give the whole batch's update, for every rule whose update is a
    mean over the batch; for shards of other sizes see ``averaged``. Batch statistics couple the samples of a shard and
    are the exception.

    Raises:
        ValueError: no process group.
        ProcessLost: another process is gone.
    """
    if not dist.is_initialized():
        raise ValueError("no process group: call torch.distributed.init_process_group first, or leave reduce out")
    groups: dict[tuple[torch.dtype, torch.device], list[str]] = {}
    for name in sorted(tensors):
        groups.setdefault((_travelling_type(tensors[name]), tensors[name].device), []).append(name)
    reduced = {}
    for dtype, device in sorted(groups, key=str):
        names = groups[dtype, device]
        flat = torch.cat([tensors[name].detach().reshape(-1).to(dtype) for name in names])
        with naming_the_loss():
            dist.all_reduce(flat)
        flat /= dist.get_world_size()
        parts = flat.split([tensors[name].numel() for name in names])
        for name, part in zip(names, parts, strict=True):
            whole = part if tensors[name].is_floating_point() else part.round()
            reduced[name] = whole.to(tensors[name].dtype).view(tensors[name].shape)
    return reduced


def averaged(update: Update, reduce: Reduce, share: float = 1.0, *, count: bool = False) -> tuple[Update, float]:
    r"""The update of all shards together, its loss included, in one reduction.

    $$\frac1P \sum_{p=1}^P \frac{n_p}{\bar n}\,u_p = \frac{\sum_p n_p\,u_p}{\sum_p n_p}$$

    for P processes with updates $u_p$ of $n_p$ samples, $\bar n$ of them on average. Integers are taken to be alike in
    all processes and are not weighed.

    Args:
        update: of this process's shard.
        reduce: the mean over processes.
        share: $n_p / \bar n$ of this process, dimensionless; 0: its samples do not count.
        count: whether to count the samples.

    Returns: the update, and the samples of all processes (1 where ``count`` is not set).
    """
    if reduce is as_they_are and share == 1.0 and not count:
        return update, 1.0
    parts = ("grads", "own", "buffers", "memory")
    tensors = {f"{part}.{name}": value for part in parts for name, value in getattr(update, part).items()}
    if update.loss is not None:
        tensors["loss"] = update.loss
    if share != 1.0:
        tensors = {name: share * x if x.is_floating_point() else x for name, x in tensors.items()}
    if count:
        tensors["samples"] = _samples(update, share)
    reduced = reduce(tensors)
    samples = float(reduced.pop("samples")) * _processes(reduce) if count else 1.0
    loss = reduced.pop("loss", None)
    wished: dict[str, Any] = {part: {} for part in parts}
    for key, value in reduced.items():
        part, _, name = key.partition(".")
        wished[part][name] = value
    return replace(update, loss=loss, **wished), float(round(samples))


def _samples(update: Update, share: float) -> Tensor:
    """Samples of this process, of a type that travels with the gradients and counts without rounding."""
    kind = next(iter(update.grads.values()), update.scores)
    here = float(update.scores.shape[-2] if share else 0)
    return torch.tensor(here, dtype=_travelling_type(kind), device=kind.device)


def _processes(reduce: Reduce) -> int:
    return dist.get_world_size() if reduce is mean_over_processes else 1


def _travelling_type(tensor: Tensor) -> torch.dtype:
    if not tensor.is_floating_point():
        return torch.float64
    return torch.promote_types(tensor.dtype, torch.float32)

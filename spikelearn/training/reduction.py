"""Averages over processes, so that a sharded batch trains as the whole one."""

from collections.abc import Callable

import torch.distributed as dist
from torch import Tensor

Reduce = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def as_they_are(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The reduction of a single process."""
    return tensors


def mean_over_processes(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean of every tensor over the processes of the default group; each must hold the same keys.

    Shards of equal size then give the whole batch's update, for every rule whose update is a mean over the batch.
    Batch statistics couple the samples of a shard and are the exception.

    Raises:
        ValueError: no process group.
    """
    if not dist.is_initialized():
        raise ValueError("no process group: call torch.distributed.init_process_group first, or leave reduce out")
    count = dist.get_world_size()
    reduced = {}
    for name in sorted(tensors):
        total = tensors[name].detach().clone()
        dist.all_reduce(total)
        reduced[name] = total / count if total.is_floating_point() else total // count
    return reduced


def number_of_processes(reduce: Reduce) -> int:
    """How many processes ``reduce`` averages over."""
    return dist.get_world_size() if reduce is mean_over_processes else 1

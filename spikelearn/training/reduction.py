"""Averages over processes, so that a sharded batch trains as the whole one."""

import torch.distributed as dist
from torch import Tensor


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

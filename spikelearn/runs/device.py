"""Devices by the names of torch."""

import re

import torch


def usable_device(name: str) -> torch.device:
    """A torch device that is there.

    Raises:
        ValueError: a name that torch does not know, a device that this machine lacks.
    """
    if not re.fullmatch(r"cpu|cuda(:[0-9]+)?", name):
        raise ValueError(f"device is {name!r}, expected cpu, cuda or cuda:N")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device is {name!r}, which cannot be used here ({reason}): use cpu") from error
    return device

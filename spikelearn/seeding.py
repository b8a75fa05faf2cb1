"""One seed from which every random number of a run follows."""

import hashlib
import random

import numpy as np
import torch
from torch import Tensor


def derived_seed(*key: int | str) -> int:
    """A 63-bit seed that is a function of ``key`` alone, the same on every machine."""
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator_for(*key: int | str) -> torch.Generator:
    """A fresh CPU generator seeded by ``key``, for example (seed, "noise", epoch, sample)."""
    return torch.Generator().manual_seed(derived_seed(*key))


def sample_order(count: int, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch visits ``count`` samples: a function of (seed, epoch) only."""
    return torch.randperm(count, generator=generator_for(seed, "order", epoch))


def seed_everything(seed: int) -> None:
    """Seed torch, numpy and Python, for code that draws from their global generators."""
    torch.manual_seed(seed)
    np.random.seed(derived_seed(seed, "numpy") % 2**32)
    random.seed(derived_seed(seed, "python"))

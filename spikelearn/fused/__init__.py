"""Fused sequence kernels; importing a kernel module registers its kernels."""

import spikelearn.fused.membrane  # noqa: F401
from spikelearn.fused.registry import KERNELS, register_kernel, scan

__all__ = ["KERNELS", "register_kernel", "scan"]

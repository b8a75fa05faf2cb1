"""Fused sequence kernels; importing a kernel module registers its kernels."""

# In the order in which they are asked: compiled kernels, then those of plain torch operations.
# isort: off
import spikelearn.fused.cpu
import spikelearn.fused.gpu
import spikelearn.fused.adaptive
import spikelearn.fused.cuba
import spikelearn.fused.membrane
import spikelearn.fused.rate  # noqa: F401

# isort: on
from spikelearn.fused.cpu import ErrorCount, error_count
from spikelearn.fused.layer import filled, layer_scan
from spikelearn.fused.registry import KERNELS, register_kernel, scan

__all__ = ["KERNELS", "ErrorCount", "error_count", "filled", "layer_scan", "register_kernel", "scan"]

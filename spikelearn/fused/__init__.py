"""Fused sequence kernels, a folder a backend; importing a module with kernels registers them."""

# In the order in which they are asked: compiled kernels, then those of plain torch operations.
# isort: off
import spikelearn.fused.cpu.competing
import spikelearn.fused.cpu.scan
import spikelearn.fused.cpu.at_the_step
import spikelearn.fused.cpu.leaky
import spikelearn.fused.gpu.scan
import spikelearn.fused.torch.adaptive
import spikelearn.fused.torch.cuba
import spikelearn.fused.torch.membrane
import spikelearn.fused.torch.poisson
import spikelearn.fused.torch.rate  # noqa: F401

# isort: on
from spikelearn.fused.cpu.layer import filled, layer_scan
from spikelearn.fused.cpu.scan import error_count
from spikelearn.fused.cpu.scan_settings import ErrorCount
from spikelearn.fused.registry import KERNELS, register_kernel, scan

__all__ = ["KERNELS", "ErrorCount", "error_count", "filled", "layer_scan", "register_kernel", "scan"]

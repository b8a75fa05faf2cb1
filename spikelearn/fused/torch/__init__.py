"""Kernels of plain torch operations, for any device."""

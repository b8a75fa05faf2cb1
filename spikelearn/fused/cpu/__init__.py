"""Kernels for the CPU, compiled by numba: ``scan`` and ``layer`` call them under autograd, the others are the loops."""

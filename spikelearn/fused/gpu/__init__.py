"""Kernels for GPUs in the language of Triton: ``scan`` calls them under autograd, the others are the kernels."""

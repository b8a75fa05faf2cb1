"""Exact counts of the multiplications in matrix products and convolutions: all, and those without a zero.

Both numbers are sums over the shared index of (how often the left factor meets it) x (how often the right one does), so
that masks are summed before they are multiplied, and nothing of the product's own size is formed.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

aten = torch.ops.aten

#: What is summed in: whole numbers up to 2^53 are exact.
EXACT = torch.float64


class Product(NamedTuple):
    """One product of two tensors.

    Args:
        left, right: the factors.
        effective: multiplications of two numbers that are both not 0.
        dense: all multiplications; places that a convolution pads are none.
    """

    left: Tensor
    right: Tensor
    effective: float
    dense: float


def is_ternary(values: Tensor) -> bool:
    """Tell whether all values are -1, 0 or 1, so that multiplying by them takes no multiplier."""
    if values.dtype == torch.bool or not values.numel():
        return True
    return _are_ternary(values[0]) and _are_ternary(values)


def _are_ternary(values: Tensor) -> bool:
    return bool(((values == 0) | (values == 1) | (values == -1)).all())


def matrix_product(left: Tensor, right: Tensor) -> list[Product]:
    """[..., m, k] times [..., k, n], or with the missing axis of a vector."""
    left = left.unsqueeze(0) if left.ndim == 1 else left
    right = right.unsqueeze(1) if right.ndim == 1 else right
    effective = ((left != 0).sum(-2, dtype=EXACT) * (right != 0).sum(-1, dtype=EXACT)).sum()
    return [Product(left, right, float(effective), float(left.numel() * right.shape[-1]))]


def solution(matrix: Tensor, right: Tensor, *_: Any, **__: Any) -> list[Product]:
    """A linear system [..., n, n] with right sides [..., n, k] or [..., n], by elimination: (n^3 - n)/3 + n^2 k."""
    size = matrix.shape[-1]
    sides = right.numel() / (matrix.numel() / size)
    each = (size**3 - size) / 3 + size**2 * sides
    count = matrix.numel() / size**2 * each
    return [Product(matrix, matrix, count, count)]


def convolution(x: Tensor, weight: Tensor, _bias: Any, *how: Any) -> list[Product]:
    """A convolution, transposed or not, of x [N, C, ...]; ``how`` is the rest of what torch is given."""
    transposed, groups = how[3], how[5]

    def met(x_mask: Tensor, weight_mask: Tensor) -> float:
        summed = _over_second(weight_mask) if transposed else _over_group(weight_mask, groups)
        return float(aten.convolution(_over_samples(x_mask), summed, None, *how).sum())

    dense = len(x) * met(_ones(x[:1]), _ones(weight))
    return [Product(x, weight, met(x != 0, weight != 0), dense)]


def convolution_backward(error: Tensor, x: Tensor, weight: Tensor, _sizes: Any, *how_and_needed: Any) -> list[Product]:
    """The gradients of a convolution in its input and in its weights, those that are asked for."""
    *how, (needs_x, needs_weight, _) = how_and_needed
    transposed, groups = how[3], how[5]

    def in_x(error_mask: Tensor, weight_mask: Tensor) -> float:
        summed = _over_group(weight_mask, groups) if transposed else _over_second(weight_mask)
        like = summed.new_zeros(1, groups, *x.shape[2:])
        needed = (True, False, False)
        return float(aten.convolution_backward(_over_samples(error_mask), like, summed, None, *how, needed)[0].sum())

    def in_weight(error_mask: Tensor, x_mask: Tensor) -> float:
        errors, met = _over_channels(error_mask, groups), _over_channels(x_mask, groups)
        like = met.new_zeros(groups, 1, *weight.shape[2:])
        needed = (False, True, False)
        return float(aten.convolution_backward(errors, met, like, None, *how, needed)[1].sum())

    products = []
    if needs_x:
        dense = len(x) * in_x(_ones(error[:1]), _ones(weight))
        products.append(Product(error, weight, in_x(error != 0, weight != 0), dense))
    if needs_weight:
        dense = len(x) * in_weight(_ones(error[:1]), _ones(x[:1]))
        products.append(Product(error, x, in_weight(error != 0, x != 0), dense))
    return products


def _ones(like: Tensor) -> Tensor:
    return like.new_ones((), dtype=torch.bool).expand_as(like)


def _over_samples(mask: Tensor) -> Tensor:
    return mask.sum(0, keepdim=True, dtype=EXACT)


def _over_channels(mask: Tensor, groups: int) -> Tensor:
    return mask.unflatten(1, (groups, -1)).sum(2, dtype=EXACT)


def _over_second(mask: Tensor) -> Tensor:
    return mask.sum(1, keepdim=True, dtype=EXACT)


def _over_group(mask: Tensor, groups: int) -> Tensor:
    return mask.unflatten(0, (groups, -1)).sum(1, dtype=EXACT)


def added_product(_sum: Tensor, left: Tensor, right: Tensor) -> list[Product]:
    """A matrix product that is added to something."""
    return matrix_product(left, right)


def added_outer_product(_sum: Tensor, left: Tensor, right: Tensor) -> list[Product]:
    """An outer product that is added to something."""
    return matrix_product(left.unsqueeze(1), right.unsqueeze(0))


#: What is counted: the products that every other one is made of, and how their arguments are read.
PRODUCTS: dict[Any, Callable[..., list[Product]]] = {
    **dict.fromkeys((aten.mm, aten.bmm, aten.mv, aten.dot, aten.vdot), matrix_product),
    **dict.fromkeys((aten.addmm, aten.addmv, aten.addbmm, aten.baddbmm), added_product),
    **dict.fromkeys((aten.addmm_, aten.addmv_, aten.addbmm_, aten.baddbmm_), added_product),
    **dict.fromkeys((aten.addr, aten.addr_), added_outer_product),
    aten._linalg_solve_ex: solution,
    aten.convolution: convolution,
    aten.convolution_backward: convolution_backward,
}

#: What torch takes apart into these, but not by itself in inference mode.
COMPOSITE = {
    *(aten.linear, aten.matmul, aten.linalg_matmul, aten.einsum, aten.tensordot, aten.inner),
    *(aten.conv1d, aten.conv2d, aten.conv3d, aten.conv_transpose1d, aten.conv_transpose2d, aten.conv_transpose3d),
}

#: Names of other products, solvers and layers made of products.
OTHERS = re.compile(
    r"(^|_)(add|badd|sspadd|b|h|s|sp)*mm(_|$)|matmul|conv(olution|_tbc|_depthwise|[123]d|_dilated|_transpose)|attention"
    r"|lstm|gru|rnn|embedding_bag|cdist|(^|_)(bi|tri)linear$|(^|_)linear(_|$)|linalg_(?!vector_norm|matrix_norm)|cholesky"
    r"|solve|eig|svd|inverse|(^|_)qr$"
)

#: Where torch's own operations are.
NAMESPACES = ("aten", "prim", "prims", "profiler")


@cache
def is_uncounted(packet: Any) -> bool:
    """Tell whether an operation takes products that are not counted here, or may."""
    if packet in PRODUCTS:
        return False
    namespace, _, name = packet._qualified_op_name.rpartition("::")
    return namespace not in NAMESPACES or OTHERS.search(name) is not None

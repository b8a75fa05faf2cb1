"""A convolution in the form whose shape every reader of NIR infers rightly.

nir 1.0 takes one side of a kernel for both, and the channels that a group sees for those of the input; readers check
shapes by it. A square kernel in one group, padded alike on both sides of an axis, is what all of them agree on, and
zeros around or between the weights change nothing.
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn


class SquareConv(NamedTuple):
    """Weight [out, in, k, k], padding of both axes in pixels, and what was changed, a sentence each."""

    weight: Tensor
    padding: tuple[int, ...]
    notes: tuple[str, ...]


def square_conv(name: str, layer: nn.Conv1d | nn.Conv2d, weight: Tensor | None = None) -> SquareConv:
    """The convolution of block ``name`` as a square one in one group; ``weight`` in place of its own.

    Raises:
        ValueError: padding with other values than zeros; a kernel that no zeros make square.
    """
    if layer.padding_mode != "zeros":
        raise ValueError(
            f"block {name!r} pads with {layer.padding_mode!r}, but NIR pads with zeros alone: use padding_mode='zeros'"
        )
    weight, notes = layer.weight.detach() if weight is None else weight, list[str]()
    if layer.groups > 1:
        weight = _one_group(weight, layer.groups)
        notes.append(
            f"the convolution of block {name!r} in {layer.groups} groups is written as one, zeros between them: "
            "readers mistake a group's channels for the input's"
        )
    size = layer.kernel_size
    if isinstance(layer, nn.Conv1d):
        return _in_a_row(name, layer, weight, notes)
    (top, bottom), (left, right) = (_padding(layer, axis) for axis in range(2))
    # How many pixels of the kernel's grid the far side is padded more than the near one.
    more = [(bottom - top) / layer.dilation[0], (right - left) / layer.dilation[1]]
    if size[0] == size[1] and more == [0, 0]:
        return SquareConv(weight, (top, left), tuple(notes))
    least = [edge + extra for edge, extra in zip(size, more, strict=True)]
    if any(extra % 1 for extra in more) or (least[0] - least[1]) % 2:
        raise ValueError(
            f"block {name!r} has a kernel of {size[0]} x {size[1]} with padding {layer.padding!r}: readers of NIR take "
            "one side of a kernel for both, and no zeros around this one make it square: use two odd sizes or two even "
            "ones, and padding in numbers"
        )
    edge = int(max(least))
    near = [int(edge - side + extra) // 2 for side, extra in zip(size, more, strict=True)]
    far = [edge - side - before for side, before in zip(size, near, strict=True)]
    notes.append(
        f"the kernel of {size[0]} x {size[1]} of block {name!r} is written as {edge} x {edge} with zeros around it: "
        "readers take one side for both"
    )
    padded = F.pad(weight, (near[1], far[1], near[0], far[0]))
    padding = (top + layer.dilation[0] * near[0], left + layer.dilation[1] * near[1])
    return SquareConv(padded, padding, tuple(notes))


def _in_a_row(name: str, layer: nn.Conv1d, weight: Tensor, notes: list[str]) -> SquareConv:
    """A convolution over one axis, which has one side; padded alike on both ends."""
    near, far = _padding(layer, 0)
    more, odd = divmod(far - near, layer.dilation[0])
    if odd:
        raise ValueError(
            f"block {name!r} has a kernel of {layer.kernel_size[0]} with padding {layer.padding!r}, one pixel more on "
            "one end, which no zeros make alike: use an odd kernel, or padding in numbers"
        )
    if more:
        notes.append(f"the kernel of block {name!r} is written with a zero before it: it is padded more on one end")
        weight, near = F.pad(weight, (more, 0)), near + more * layer.dilation[0]
    return SquareConv(weight, (near,), tuple(notes))


def _one_group(weight: Tensor, groups: int) -> Tensor:
    maps, channels = len(weight) // groups, weight.shape[1]
    whole = weight.new_zeros(len(weight), channels * groups, *weight.shape[2:])
    for group in range(groups):
        own = slice(group * maps, (group + 1) * maps)
        whole[own, group * channels : (group + 1) * channels] = weight[own]
    return whole


def _padding(layer: nn.Conv1d | nn.Conv2d, axis: int) -> tuple[int, int]:
    """Padding before and behind an axis, in pixels."""
    if layer.padding == "same":
        total = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
        return total // 2, total - total // 2
    if layer.padding == "valid":
        return 0, 0
    both = int(layer.padding[axis])
    return both, both

"""The transpose of a synapse in input space: an error at its current, carried back to its input."""

import torch
from torch import Tensor, nn

from spikelearn.synapses.structure import as_float, as_linear, refuse_batch_statistics, rows_of


def transpose(synapse: nn.Module, pre: Tensor, post: Tensor) -> Tensor:
    r"""$W^\top \mathrm{post}$: the vector-Jacobian product of ``synapse`` in its input, at the point ``pre``.

    Args:
        synapse: module from [B, in...] to [B, out...].
        pre: input at which a non-linear synapse is linearised, [T, B, in...].
        post: error at the current, [T, B, out...].

    Shapes: result has the shape of ``pre``.

    Raises:
        ValueError: pre and post differ in T or B; the synapse uses batch statistics.
    """
    if pre.shape[:2] != post.shape[:2]:
        raise ValueError(
            f"pre has shape {list(pre.shape)} and post {list(post.shape)}, expected the same [T, B] in both"
        )
    linear = as_linear(synapse)
    if linear is not None:
        return (post.detach() @ linear.weight.detach()).reshape(pre.shape)
    refuse_batch_statistics(synapse, "transpose")
    rows = as_float(rows_of(pre).detach(), synapse).requires_grad_()
    with torch.enable_grad():
        current = synapse(rows)
    (back,) = torch.autograd.grad(current, rows, rows_of(post).detach(), retain_graph=True)
    return back.unflatten(0, pre.shape[:2])

"""The current that a record causes through a synapse."""

from typing import Any

import torch
from torch import Tensor, nn

from spikelearn.events import Events, gather, is_plain, outer_product, refuse_second_derivative
from spikelearn.synapses.event_conv import event_forward
from spikelearn.synapses.structure import as_linear, events_for, is_constant_in_time, rows_of


def drive(synapse: nn.Module, pre: Tensor) -> Tensor:
    """Map a whole record at once: ``synapse`` applied to every [t, b].

    A record that is constant in time is mapped once; a sparse binary one costs what is active.

    Args:
        synapse: module from one image [B, in...] to one current [B, out...].
        pre: record, [T, B, in...].

    Shapes: result [T, B, out...].

    Raises:
        ValueError: the synapse cannot take a record of this shape.
    """
    steps, batch = pre.shape[:2]
    try:
        if is_constant_in_time(pre) and is_plain(pre) and not (pre.is_leaf and pre.requires_grad):
            once: Tensor = synapse(pre[0])
            return once.expand(steps, *once.shape)
        linear = as_linear(synapse)
        plain = linear is not None and all(map(is_plain, linear.parameters()))
        events = events_for(linear, pre) if linear is not None and plain else None
        if linear is not None and events is not None:
            rows = _EventLinear.apply(rows_of(pre), linear.weight, linear.bias, events)
        else:
            by_events = event_forward(synapse, rows_of(pre))
            rows = synapse(rows_of(pre)) if by_events is None else by_events
    except (NotImplementedError, torch.OutOfMemoryError):
        raise
    except RuntimeError as error:
        raise ValueError(
            f"synapse {_describe(synapse)} cannot take a record of shape {list(pre.shape)} ([T, B, ...]): {error}"
        ) from error
    return rows.unflatten(0, (steps, batch))


class _EventLinear(torch.autograd.Function):
    """Linear on event lists; the derivative in the input stays dense."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None, events: Events) -> Tensor:  # noqa: ARG004
        ctx.save_for_backward(weight)
        ctx.events, ctx.has_bias = events, bias is not None
        current = gather(weight, events)
        return current if bias is None else current + bias

    @staticmethod
    def backward(ctx: Any, post: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        refuse_second_derivative()
        (weight,) = ctx.saved_tensors
        needs_rows, needs_weight, needs_bias, _ = ctx.needs_input_grad
        post = post.contiguous()
        return (
            post @ weight if needs_rows else None,
            outer_product(ctx.events, post) if needs_weight else None,
            post.sum(0) if ctx.has_bias and needs_bias else None,
            None,
        )


def _describe(synapse: nn.Module) -> str:
    return " ".join(repr(synapse).split())

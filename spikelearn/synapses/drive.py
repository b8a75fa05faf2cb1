"""The current that a record causes through a synapse."""

from typing import Any

import torch
from torch import Tensor, nn

from spikelearn.event_products import gather, outer_product
from spikelearn.events import Events, spikes_of
from spikelearn.fast_path import is_plain, refuse_second_derivative
from spikelearn.synapses.images import map_images
from spikelearn.synapses.structure import as_float, as_linear, events_for, float_type, is_constant_in_time, rows_of
from spikelearn.synapses.windows import line_of, longest_delay


def drive(synapse: nn.Module, pre: Tensor) -> Tensor:
    """Map a whole record at once: ``synapse`` applied to every [t, b].

    A record that is constant in time is mapped once; a sparse binary one costs what is active.

    Args:
        synapse: module from one image [B, in...] to one current [B, out...].
        pre: record, [T, B, in...]; of floating point, or spikes as bytes (bool or uint8).

    Shapes: result [T, B, out...].

    Raises:
        ValueError: the synapse cannot take a record of this shape.
    """
    steps, batch = pre.shape[:2]
    try:
        if is_constant_in_time(pre) and is_plain(pre) and not (pre.is_leaf and pre.requires_grad):
            once: Tensor = synapse(as_float(pre[0], synapse))
            return _in_full(once, synapse).expand(steps, *once.shape)
        line = line_of(pre) if longest_delay(synapse) else None
        if line is not None:
            return drive_line(synapse, line)
        linear = as_linear(synapse)
        plain = linear is not None and all(map(is_plain, linear.parameters()))
        events = events_for(linear, pre) if linear is not None and plain else None
        if linear is not None and events is not None:
            driven: Tensor = _EventLinear.apply(pre, linear.weight, linear.bias, events)
            return driven
        mapped = map_images(synapse, rows_of(pre), spikes_of(pre))
        rows = synapse(as_float(rows_of(pre), synapse)) if mapped is None else mapped
    except (NotImplementedError, torch.OutOfMemoryError):
        raise
    except RuntimeError as error:
        raise ValueError(
            f"synapse {_describe(synapse)} cannot take a record of shape {list(pre.shape)} ([T, B, ...]): {error}"
        ) from error
    return _in_full(rows, synapse).unflatten(0, (steps, batch))


def drive_line(synapse: Any, line: Tensor) -> Tensor:
    """Currents [T, B, out] of a line [T + D, B, in...] through a synapse with delays of up to D steps."""
    return _in_full(synapse.along(as_float(line, synapse)), synapse)


def _in_full(current: Tensor, synapse: nn.Module) -> Tensor:
    """``current`` in the type of the weights, where autocast made it shorter: a membrane needs all its bits."""
    shortened = torch.is_autocast_enabled(current.device.type) and current.dtype != float_type(synapse)
    return current.to(float_type(synapse)) if shortened else current


class _EventLinear(torch.autograd.Function):
    """Linear on event lists; the derivative in the input stays dense."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, weight: Tensor, bias: Tensor | None, events: Events) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.events, ctx.has_bias, ctx.shape = events, bias is not None, pre.shape
        return gather(weight, bias, events).view(*pre.shape[:2], len(weight))

    @staticmethod
    def backward(ctx: Any, post: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        refuse_second_derivative()
        (weight,) = ctx.saved_tensors
        needs_pre, needs_weight, needs_bias, _ = ctx.needs_input_grad
        post = post.flatten(0, 1).contiguous()
        return (
            (post @ weight).view(ctx.shape) if needs_pre else None,
            outer_product(ctx.events, post) if needs_weight else None,
            post.sum(0) if ctx.has_bias and needs_bias else None,
            None,
        )


def _describe(synapse: nn.Module) -> str:
    return " ".join(repr(synapse).split())

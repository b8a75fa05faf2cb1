"""Products with listed connections, forward and backward, each at a cost that follows connections and events."""

from typing import Any, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.fast_path import is_plain, is_watched
from spikelearn.kernels.calling import array
from spikelearn.synapses.windows import windows

#: Products that are formed at once where no kernel forms them.
_TOGETHER = 1 << 24


class Lists(NamedTuple):
    """Connections, source after source, for kernels.

    Args:
        offsets: index of the first connection of every source, and their number, int64 [in + 1].
        targets, delays: of every connection, int32 [K].
        longest: the most steps that one takes.
    """

    offsets: np.ndarray
    targets: np.ndarray
    delays: np.ndarray
    longest: int

    @classmethod
    def of(cls, in_features: int, out_features: int, longest: int, buffers: list[Tensor]) -> Self:
        """From the buffers sources, targets and, where there are some, delays, int32 [K] in the order of sources."""
        from spikelearn.kernels.doors import vouch

        sources, targets, *late = (np.array(buffer.numpy(force=True), np.int32) for buffer in buffers)
        offsets = np.zeros(in_features + 1, np.int64)
        np.cumsum(np.bincount(sources, minlength=in_features), out=offsets[1:])
        delays = late[0] if late else np.zeros_like(targets)
        for values, bound in ((offsets, len(targets)), (targets, out_features), (delays, longest + 1)):
            vouch(values, bound)
        return cls(offsets, targets, delays, longest)


def connect(line: Tensor, synapse: Any) -> Tensor:
    """Currents [T, B, out], without bias, of a line [T + D, B, in] through a ``SparseLinear`` of delays up to D."""
    weight = synapse.weight
    known = weight.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled(line.device.type)
    if not known or is_watched() or not all(map(is_plain, (line, weight))):
        return _densely(line, synapse, weight)
    current: Tensor = _Connect.apply(line, weight, synapse)
    return current


def _densely(line: Tensor, synapse: Any, weight: Tensor) -> Tensor:
    """The same as a product with the whole matrix: differentiable in every way, and seen by counters of products."""
    rows = windows(line, synapse.longest) if synapse.longest else line
    return F.linear(rows.flatten(2).to(weight.dtype), synapse.dense().flatten(1))


class _Connect(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, line: Tensor, weight: Tensor, synapse: nn.Module) -> Tensor:
        ctx.save_for_backward(line, weight)
        ctx.synapse = synapse
        return _deliver(line, weight, synapse)

    @staticmethod
    def backward(ctx: Any, post: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        line, weight = ctx.saved_tensors
        needs_line, needs_weight, _ = ctx.needs_input_grad
        if torch.is_grad_enabled():
            by_line, by_weight = _differentiably(ctx, line, weight, post)
            return by_line, by_weight, None
        back = _carry_back(post, weight, ctx.synapse, line.shape).to(line.dtype) if needs_line else None
        return back, _correlate(line, post, ctx.synapse) if needs_weight else None, None


def _differentiably(ctx: Any, line: Tensor, weight: Tensor, post: Tensor) -> list[Tensor | None]:
    """The gradients as results of a product that is itself differentiated."""
    given = [tensor for tensor, needed in zip((line, weight), ctx.needs_input_grad, strict=False) if needed]
    grads = iter(torch.autograd.grad(_densely(line, ctx.synapse, weight), given, post, create_graph=True))
    return [next(grads) if needed else None for needed in ctx.needs_input_grad[:2]]


def _for_kernels(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype in (torch.float32, torch.float64)


def _deliver(line: Tensor, weight: Tensor, synapse: Any) -> Tensor:
    longest, steps = synapse.longest, len(line) - synapse.longest
    out = weight.new_zeros(steps, line.shape[1], synapse.out_features)
    if _for_kernels(weight):
        from spikelearn.kernels import connections

        (offsets, targets, delays, *_), entries = synapse.lists(), _entries(line, weight)
        if line.shape[1] == 1:
            step, sums = entries[:, 0], array(out[:, 0])
            connections.deliver_one(step, offsets, targets, delays, _flat(weight), longest, sums)
        else:
            connections.deliver(entries, offsets, targets, delays, _flat(weight), longest, array(out))
        return out
    for delay, matrix, _ in _matrices(synapse, weight):
        sent = line[longest - delay : longest - delay + steps].flatten(0, 1).to(weight.dtype)
        out += torch.sparse.mm(matrix, sent.t().contiguous()).t().view_as(out)
    return out


def _correlate(line: Tensor, post: Tensor, synapse: Any) -> Tensor:
    """Sums over steps and samples of what met each connection times ``post`` [T, B, out] of its target; [K, 1]."""
    longest, steps, weight = synapse.longest, len(post), synapse.weight
    post = post.contiguous()
    if _for_kernels(post):
        from spikelearn.kernels import connections

        (offsets, targets, delays, *_), sums = synapse.lists(), post.new_zeros(len(weight))
        by_source = _entries(line.movedim(2, 0), post)
        connections.correlate(by_source, offsets, targets, delays, array(post), longest, array(sums))
        return sums.unsqueeze(1)
    rows, sums = post.flatten(0, 1), post.new_zeros(len(weight))
    late = torch.zeros_like(synapse.sources) if synapse.delays is None else synapse.delays
    for delay in late.unique().tolist():
        sent = line[longest - delay : longest - delay + steps].flatten(0, 1).to(post.dtype)
        for some in (late == delay).nonzero().squeeze(1).split(max(1, _TOGETHER // len(rows))):
            products = sent[:, synapse.sources[some].long()] * rows[:, synapse.targets[some].long()]
            sums[some] = products.sum(0)
    return sums.unsqueeze(1)


def _carry_back(post: Tensor, weight: Tensor, synapse: Any, shape: torch.Size) -> Tensor:
    longest, steps = synapse.longest, len(post)
    post = post.contiguous()
    if _for_kernels(weight):
        from spikelearn.kernels import connections

        (offsets, targets, delays, *_), back = synapse.lists(), weight.new_empty(shape)
        connections.carry_back(array(post), offsets, targets, delays, _flat(weight), longest, array(back))
        return back
    back = weight.new_zeros(shape)
    for delay, _, transposed in _matrices(synapse, weight):
        caused = torch.sparse.mm(transposed, post.flatten(0, 1).t().contiguous()).t()
        back[longest - delay : longest - delay + steps] += caused.reshape(steps, *shape[1:])
    return back


def _matrices(synapse: Any, weight: Tensor) -> list[tuple[int, Tensor, Tensor]]:
    """(delay, weights [out, in], their transpose) for each delay that there is."""
    late = torch.zeros_like(synapse.sources) if synapse.delays is None else synapse.delays
    found = []
    for delay in late.unique().tolist():
        some = (late == delay).nonzero().squeeze(1)
        place = torch.stack([synapse.targets[some], synapse.sources[some]]).long()
        values, size = weight.detach()[some, 0], (synapse.out_features, synapse.in_features)
        forward = torch.sparse_coo_tensor(place, values, size, check_invariants=False).coalesce()
        found.append((delay, forward, forward.t().coalesce()))
    return found


def _entries(line: Tensor, like: Tensor) -> np.ndarray:
    """A line for kernels: spikes as bytes, or values of the type of ``like``."""
    if line.dtype == torch.bool:
        line = line.view(torch.uint8)
    return array((line if line.dtype == torch.uint8 else line.to(like.dtype)).contiguous())


def _flat(weight: Tensor) -> np.ndarray:
    return array(weight.detach().contiguous().view(-1))

"""Runs without derivatives, whose records refuse a backward pass instead of giving zeros."""

from collections.abc import Collection, Generator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from spikelearn.events import alike
from spikelearn.network.records import Activity, Record, State

#: Yields a step's record and state, and takes the state to go on from.
Steps = Generator[tuple[Record, State], State | None, None]


def refusing(record: Record, sources: Sequence[Tensor], fed: Collection[str]) -> Record:
    """A record made without derivatives, whose tensors raise where one in ``sources`` is asked of them.

    What met the weights of the blocks and edges ``fed`` is left out: it is the input.
    """
    parts = {id(t): t for name, seen in record.items() for t in (seen.spikes, seen.v)}
    parts |= {id(seen.pre): seen.pre for name, seen in record.items() if name not in fed}
    parts |= {id(t): t for name, t in record.feedforward.items() if f"feedforward.{name}" not in fed}
    parts |= {id(t): t for t in record.feedback.values()}
    made = [t for t in parts.values() if t.is_floating_point() and not t.requires_grad and not _has_tangent(t)]
    if not made or not sources:
        return record
    refused = _Refusal.apply(len(made), *made, *sources)
    known = {id(old): alike(new, old) for old, new in zip(made, refused, strict=True)}
    activity = {name: Activity(*(known.get(id(t), t) for t in seen)) for name, seen in record.items()}
    feedback, forward = (
        {name: known.get(id(t), t) for name, t in met.items()} for met in (record.feedback, record.feedforward)
    )
    return Record(
        activity,
        feedback,
        record.rates,
        record.errors,
        feedforward=forward,
        outputs=record.outputs,
        leading=record.leading,
    )


def refusing_steps(steps: Steps, sources: Sequence[Tensor], fed: Collection[str]) -> Steps:
    """``steps`` without derivatives, each with a record that refuses one."""
    state = None
    try:
        while True:
            with torch.no_grad():
                try:
                    record, after = steps.send(state)
                except StopIteration:
                    return
            state = yield refusing(record, sources, fed), after
    finally:
        steps.close()


def _has_tangent(tensor: Tensor) -> bool:
    return forward_ad.unpack_dual(tensor).tangent is not None


class _Refusal(torch.autograd.Function):
    """(how many, what was made, sources) -> what was made."""

    generate_vmap_rule = True

    @staticmethod
    def forward(count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(tensor.detach() for tensor in tensors[:count])

    @staticmethod
    def setup_context(ctx: Any, *_: Any) -> None:
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(*_: Any) -> tuple[None, ...]:
        raise RuntimeError(
            "this run has no derivatives, since nothing says how they cross a neuron: call "
            'network.with_adjoint("atan") once before training (or pass adjoint= to run, step or stream); to read '
            "scores without training, run in torch.no_grad()"
        )

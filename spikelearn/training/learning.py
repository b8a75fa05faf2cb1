"""One batch of learning: a rule's updates, checked, averaged over processes and applied."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from spikelearn.checks import check_instance, check_shape
from spikelearn.network import drawn_seeds
from spikelearn.plasticity import Batch, Update, check_takes
from spikelearn.training.finite import refuse_not_finite
from spikelearn.training.parallel.reduction import averaged
from spikelearn.training.parts import Optimizer, plain, summed_names
from spikelearn.training.training import Training


def learn(training: Training, batch: Batch, share: float = 1.0) -> Update:
    """Apply every update of one batch, and return the last; the only place that writes ``.grad``.

    Args:
        training: what learns, and how.
        batch: the samples, currents of any floating type; with several processes this process's shard of them.
        share: samples of the shard over the mean size of all shards; 0 where they only fill an empty shard.

    Raises:
        NonFiniteUpdate: a loss or a wished change is NaN or infinite, after averaging and so in all processes alike;
            that update was not applied. What a step makes of finite changes is looked at by ``check_finite``.
        ValueError: the rule yielded nothing, or a key or shape that the network does not have.
    """
    check_takes(training.rule, batch)
    training.to_steps()
    # To go through all modules takes as long as a small rule's batch: once for all updates of a batch.
    known = dict(training.network.named_parameters())
    batch = batch.to(batch.inputs.device, _take_type(training, known))
    last, summed = None, summed_names(training.rule, training.network)
    with _drawing(training, batch):
        for update in training.rule.updates(training.network, batch, training.memory, training.generator):
            _check_update(training, update, batch, known)
            reduced, samples = averaged(update, training.reduce, share, count=bool(summed))
            losses = [] if reduced.loss is None else [("loss", reduced.loss)]
            changes = [(f"the change of {name}", value) for name, value in (reduced.grads | reduced.own).items()]
            refuse_not_finite([*losses, *changes])
            _apply(training, reduced, samples, summed, known)
            last = update if reduced.loss is update.loss else replace(update, loss=reduced.loss)
    if last is None:
        raise ValueError(f"{type(training.rule).__name__} yielded no update: a rule must yield at least one a batch")
    if training.pruning is not None:
        training.pruning.step(training.network)
    return last


def descend(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], grads: Mapping[str, Tensor]) -> None:
    """One step of an optimizer of ``tensors``, which are no network's parameters, by their ``grads``."""
    for name, tensor in tensors.items():
        tensor.grad = _laid_out(grads[name], tensor)
    optimizer.step()
    optimizer.zero_grad()


def _drawing(training: Training, batch: Batch) -> AbstractContextManager[None]:
    """Context in which random neurons draw anew for this batch, the same in all of the rule's runs."""
    network = training.network
    if not network.random:
        return nullcontext()
    return network.drawing(drawn_seeds(batch.size, training.generator) if batch.seeds is None else batch.seeds)


def _take_type(training: Training, parameters: Mapping[str, Tensor]) -> torch.dtype:
    """The network's floating type, to which what the rule and the optimizers keep follows a network converted since."""
    kind = next((p.dtype for p in parameters.values() if p.is_floating_point()), torch.get_default_dtype())
    optimizers = (*plain(training.optimizer), *plain(training.own_optimizer))
    states = (state for optimizer in optimizers for state in optimizer.state.values())
    # The count of steps is a float32 of torch's own, whatever the parameters are.
    kept = (value for state in states for name, value in state.items() if name != "step")
    for tensor in (*training.memory.values(), *kept):
        if isinstance(tensor, Tensor) and tensor.is_floating_point() and tensor.dtype != kind:
            tensor.data = tensor.data.to(kind)
    return kind


def _check_update(training: Training, update: Update, batch: Batch, parameters: Mapping[str, Tensor]) -> None:
    """Raise ValueError where a key or a shape is not the network's or the memory's, or a target has no score."""
    rule = type(training.rule).__name__
    check_instance("scores of the update", update.scores, Tensor, f"{rule} must give class scores [B, classes]")
    batch.task.check_scores(update.scores, batch.targets)
    if alone := _without_optimizer(training, update.own):
        raise ValueError(
            f"{rule} learns {alone} of its own, but the training has no own_optimizer that steps them: give it one, or "
            "let the rule declare default_own_optimizer"
        )
    buffers = dict(training.network.named_buffers()) if update.buffers else {}
    places: list[tuple[str, dict[str, Tensor], Mapping[str, Tensor]]] = [
        ("parameter", update.grads, parameters),
        ("buffer", update.buffers, buffers),
        ("memory", update.own, training.memory),
        ("memory", update.memory, training.memory),
    ]
    for kind, wished, known in places:
        for name, value in wished.items():
            if name not in known:
                raise ValueError(
                    f"{rule} wishes to change the {kind} {name!r}, which does not exist: it has {list(known)}"
                )
            check_shape(f"the change of {kind} {name}", value, known[name].shape, f"that of the {kind} itself")


def _without_optimizer(training: Training, own: Collection[str]) -> list[str]:
    """The tensors ``own`` of the memory that no optimizer steps."""
    if not own:
        return []
    optimizers = [*plain(training.optimizer), *plain(training.own_optimizer)]
    stepped = {id(p) for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]}
    return sorted(name for name in own if id(training.memory.get(name)) not in stepped)


def _clear(optimizer: Optimizer) -> None:
    """Leave no ``.grad`` behind: torch's ``zero_grad`` takes as long as a small rule's batch."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def _laid_out(grad: Tensor, like: Tensor) -> Tensor:
    """A gradient with its entries in memory as those of ``like``: torch's fused optimizers go through both alike."""
    return grad if grad.stride() == like.stride() else torch.empty_like(like, requires_grad=False).copy_(grad)


def _apply(
    training: Training, reduced: Update, samples: float, summed: Collection[str], parameters: Mapping[str, Tensor]
) -> None:
    network = training.network
    _clear(training.optimizer)
    for name, grad in reduced.grads.items():
        # before_step may write into .grad; the update stays the rule's.
        scale = samples if name in summed else 1.0
        copied = training.before_step is not None or scale != 1.0
        parameters[name].grad = _laid_out(scale * grad.detach() if copied else grad.detach(), parameters[name])
    if training.own_optimizer is not None:
        _clear(training.own_optimizer)
    for name, grad in reduced.own.items():
        training.memory[name].grad = _laid_out(grad.detach(), training.memory[name])
    if training.before_step is not None:
        training.before_step(network)
    held = training.hardware.limits if training.hardware is not None else {}
    old = {name: parameters[name].detach().clone() for name in reduced.grads if name in held}
    if training.pruning is not None:
        training.pruning.see(network, reduced.grads)
    training.optimizer.step()
    if training.own_optimizer is not None:
        training.own_optimizer.step()
    refuse_not_finite([(name, parameters[name]) for name in old])  # hardware counts what it writes
    with torch.no_grad():
        for name, value in reduced.buffers.items():
            network.get_buffer(name).copy_(value)
        for name, value in reduced.memory.items():
            training.memory[name].copy_(value)
        for name, before in old.items():
            assert training.hardware is not None
            parameters[name].copy_(training.hardware.write(name, before, parameters[name]))
    if training.pruning is not None:
        training.pruning.apply(network, reduced.grads.keys())
    for constrain in training.constraints:
        constrain(network, reduced.grads.keys())
    network.hold_laws(reduced.grads.keys())

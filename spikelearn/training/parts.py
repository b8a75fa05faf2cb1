"""Optimizers, schedules, clipping and bounds of a rule that is made of parts, each over the parameters of its own."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from torch import Tensor, optim

from spikelearn.network import Network
from spikelearn.plasticity import Memory, OptimizerChoice, Part, Rule
from spikelearn.training.clipping import clip_norm
from spikelearn.training.constraints import Bounds, Constraint
from spikelearn.training.optimizers import Averaging, choose_optimizer, make_optimizer
from spikelearn.training.schedules import make_schedule

Scheduler = optim.lr_scheduler.LRScheduler


class Optimizers:
    """One optimizer for each part, stepped together.

    Args:
        parts: {part: its optimizer}.
    """

    def __init__(self, parts: Mapping[str, optim.Optimizer]) -> None:
        self.parts = dict(parts)

    def step(self) -> None:
        for optimizer in self.parts.values():
            optimizer.step()

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self.parts.values() for group in optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        return {part: optimizer.state_dict() for part, optimizer in self.parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for part, optimizer in self.parts.items():
            optimizer.load_state_dict(state[part])


class Schedules:
    """One schedule for each part whose learning rate moves, stepped together.

    Args:
        parts: {part: its schedule}.
    """

    def __init__(self, parts: Mapping[str, Scheduler]) -> None:
        self.parts = dict(parts)

    def step(self) -> None:
        for schedule in self.parts.values():
            schedule.step()

    def state_dict(self) -> dict[str, Any]:
        return {part: schedule.state_dict() for part, schedule in self.parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for part, schedule in self.parts.items():
            schedule.load_state_dict(state[part])


Optimizer = optim.Optimizer | Optimizers
Scheduled = Scheduler | Schedules


def plain(optimizer: Optimizer | None) -> Sequence[optim.Optimizer]:
    """torch's optimizers, one for each part."""
    if optimizer is None:
        return ()
    return list(optimizer.parts.values()) if isinstance(optimizer, Optimizers) else [optimizer]


def averaging(optimizer: Optimizer | None) -> list[Averaging]:
    """The optimizers of torch, one for each part, that answer for an average."""
    return [own for own in plain(optimizer) if isinstance(own, Averaging)]


def choice_of(part: Part) -> OptimizerChoice:
    """The optimizer of a part.

    Raises:
        ValueError: an unknown name, another optimizer than the rule's own without a learning rate.
    """
    return choose_optimizer(part.rule, part.optimizer, part.lr, part.optimizer_option)


def bounds_of(part: Part) -> tuple[float, float] | None:
    """The bounds of a part's weights."""
    return part.bounds or part.rule.default_bounds


def clip_of(part: Part) -> float | None:
    """The largest norm of a part's gradients; None: they are not clipped."""
    clip = part.rule.default_clip_norm if part.clip_norm is None else part.clip_norm
    return None if clip == math.inf else clip


def schedule_of(part: Part) -> str:
    """The name of the schedule of a part's learning rate."""
    return part.schedule or part.rule.default_schedule


def make_optimizers(
    rule: Rule, network: Network, choice: OptimizerChoice | None = None, memory: Memory | None = None
) -> Optimizer:
    """The optimizer of every part, over the parameters that are its own; ``choice`` for those that name none.

    Of a rule that learns tensors of its ``memory`` as the network's weights are learned, it steps these too.
    """
    memory = memory or {}
    if not rule.parts:
        own = _stepped(memory) if rule.own_as_network else []
        return make_optimizer(choice or rule.default_optimizer, [*network.parameters(), *own])
    parameters, names = dict(network.named_parameters()), rule.names_of(network)
    optimizers = {}
    for name, part in rule.parts.items():
        chosen = choice if choice and part.optimizer is None and part.lr is None else choice_of(part)
        stepped: list[Tensor] = [parameters[parameter] for parameter in names[name]]
        stepped += _memory_of(name, memory) if part.rule.own_as_network else []
        optimizers[name] = make_optimizer(chosen, stepped)
    return Optimizers(optimizers)


def _memory_of(part: str, memory: Memory) -> list[Tensor]:
    return _stepped({key: tensor for key, tensor in memory.items() if key.startswith(f"{part}.")})


def _stepped(memory: Memory) -> list[Tensor]:
    """Tensors that an optimizer can step; whole numbers, such as counters, are kept by the rule alone."""
    return [tensor for tensor in memory.values() if tensor.is_floating_point()]


def make_own_optimizers(rule: Rule, memory: Memory) -> Optimizer | None:
    """The optimizer of what a rule learns itself, or the rules of its parts; None where none does."""
    if not rule.parts:
        return make_optimizer(rule.default_own_optimizer, _stepped(memory)) if rule.default_own_optimizer else None
    optimizers = {}
    for name, part in rule.parts.items():
        if part.rule.default_own_optimizer is not None:
            optimizers[name] = make_optimizer(part.rule.default_own_optimizer, _memory_of(name, memory))
    return Optimizers(optimizers) if optimizers else None


def make_schedules(rule: Rule, optimizer: Optimizer, name: str, updates: int, epochs: int = 1) -> Scheduled | None:
    """The schedule of every part's learning rate over ``updates`` batches; of a rule that is one, ``name``.

    None where the learning rate is constant.
    """
    if not isinstance(optimizer, Optimizers):
        return make_schedule(name, optimizer, updates, epochs)
    schedules = {}
    for name, part in rule.parts.items():
        schedule = make_schedule(schedule_of(part), optimizer.parts[name], updates, epochs)
        if schedule is not None:
            schedules[name] = schedule
    return Schedules(schedules) if schedules else None


def make_clipping(rule: Rule, network: Network, clip: float | None = None) -> Callable[[Network], None] | None:
    """A ``before_step`` that clips gradients; those of a rule made of parts by the norm of every part.

    Args:
        rule, network: of the training.
        clip: largest norm of all gradients together, in place of the rule's; of a rule made of parts, of the gradients
            of every part that names none.

    Raises:
        ValueError: a norm not positive; a rule whose gradients cannot be clipped.
    """
    if not rule.parts:
        clip = rule.default_clip_norm if clip is None else clip
        if clip is None or clip == math.inf:
            return None
        _refuse_clipping(rule)
        return clip_norm(clip)
    names = rule.names_of(network)
    limits = {name: clip_of(part.filled({"clip_norm": clip})) for name, part in rule.parts.items()}
    for name, limit in limits.items():
        if limit is not None:
            _refuse_clipping(rule.parts[name].rule)
    clips = [clip_norm(limit, names[name]) for name, limit in limits.items() if limit is not None]

    def clip_all(network: Network) -> None:
        for clip in clips:
            clip(network)

    return clip_all if clips else None


def _refuse_clipping(rule: Rule) -> None:
    if rule.unclipped:
        raise ValueError(f"gradients are clipped, but {rule.name} {rule.unclipped}: leave clip_norm out")


def make_bounds(rule: Rule, network: Network, bounds: tuple[float, float] | None = None) -> tuple[Constraint, ...]:
    """The bounds of every part that has some, over its own weights; of a rule that is one, ``bounds`` or its own."""
    if not rule.parts:
        bounds = bounds or rule.default_bounds
        return (Bounds(*bounds),) if bounds else ()
    names = rule.names_of(network)
    limits = {name: bounds_of(part) for name, part in rule.parts.items()}
    return tuple(_within(names[name], Bounds(*limit)) for name, limit in limits.items() if limit is not None)


def check_bounds(network: Network, rule: Rule) -> None:
    """Raise ValueError where a rule's own bounds would cut most of the weights that are there before the first step."""
    names = rule.names_of(network)
    for part, own in rule.parts.items():
        _check_bounds(network, own.rule, None if own.bounds else own.rule.default_bounds, names[part])
    if not rule.parts:
        _check_bounds(network, rule, rule.default_bounds, [name for name, _ in network.named_parameters()])


def _check_bounds(network: Network, rule: Rule, bounds: tuple[float, float] | None, names: Sequence[str]) -> None:
    if bounds is None:
        return
    low, high = bounds
    synapses = tuple(network.synapses())
    for name in names:
        parameter = network.get_parameter(name)
        if parameter.ndim < 2 or not parameter.requires_grad or not name.startswith(synapses):
            continue
        cut = float(((parameter < low) | (parameter > high)).float().mean())
        if cut > 0.5:
            raise ValueError(
                f"{rule.name} keeps weights from {low:g} to {high:g}, but {100 * cut:.0f} % of {name} "
                "lie outside: draw them within (--init), or set other bounds (--bounds LOW HIGH)"
            )


def _within(names: Collection[str], constraint: Constraint) -> Constraint:
    """``constraint`` of those changed parameters that are among ``names``."""

    def constrain(network: Network, changed: Collection[str]) -> None:
        constraint(network, [name for name in changed if name in names])

    return constrain


def summed_names(rule: Rule, network: Network) -> Collection[str]:
    """The parameters whose learning rate and clipping are meant for the sum over the batch."""
    if not rule.parts:
        return [name for name, _ in network.named_parameters()] if rule.sums_over_batch else ()
    names = rule.names_of(network)
    return [own for name, part in rule.parts.items() if part.rule.sums_over_batch for own in names[name]]


def describe(part: Part) -> str:
    """The optimizer of a part in words, with clipping and bounds where it has them."""
    clip, bounds = clip_of(part), bounds_of(part)
    words = [str(choice_of(part))]
    words += [] if clip is None else [f"norm clipped at {clip:g}"]
    words += [] if bounds is None else ["weights within {:g} to {:g}".format(*bounds)]
    return ", ".join(words)

"""Everything that a resumed run needs, and the one place that writes weights."""

import copy
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from torch import Tensor, optim

from spikelearn.allocator import keep_freed_memory
from spikelearn.checks import check_all_finite, check_instance, check_shape, check_tensor, is_finite, total
from spikelearn.hardware import Hardware, Pruning
from spikelearn.network import Network, describe
from spikelearn.plasticity import Batch, Memory, OptimizerChoice, Rule, Update, check_takes
from spikelearn.seeding import generator_for
from spikelearn.synapses import float_type
from spikelearn.training.constraints import Constraint
from spikelearn.training.parts import (
    Optimizer,
    Optimizers,
    Scheduled,
    Schedules,
    make_bounds,
    make_clipping,
    make_optimizers,
    make_own_optimizers,
    plain,
    summed_names,
)
from spikelearn.training.reduction import Reduce, as_they_are, averaged
from spikelearn.training.state import (
    check_hardware,
    check_keys,
    check_like,
    check_optimizer,
    check_pruning,
    check_random,
    check_schedule,
    is_same,
    random_state,
    restore_random,
)


class NonFiniteUpdate(ValueError):
    """A loss or a wished change is not a number, and was not applied; or what the optimizer made of it is not."""


@dataclass
class Training:
    """A network, the rule that trains it, and all that the two carry from batch to batch.

    Args:
        network: what learns.
        rule: how.
        memory: the rule's memory, from ``rule.init``.
        optimizer: applies ``Update.grads`` to the network's parameters; one for each part of a rule that is made of
            parts.
        own_optimizer: applies ``Update.own`` to the memory's tensors; None where the rule learns none, or ``optimizer``
            steps them too.
        schedule: steps the learning rate once a batch (by ``fit``); None: constant.
        before_step: called between writing ``.grad`` and the optimizer's step, for example to clip.
        constraints: applied after every step, in order.
        reduce: averages a dict of tensors over processes.
        generator: the rule's random numbers.
        hardware: writes the synaptic weights that a step wishes for, after the optimizer and before pruning and
            constraints; None: they become what was wished.
        pruning: keeps weights at 0 after every step, and prunes more after a batch where its schedule says so. It has
            begun on this network; constraints must leave 0 as it is.
    """

    network: Network
    rule: Rule
    memory: Memory
    optimizer: Optimizer
    own_optimizer: Optimizer | None = None
    schedule: Scheduled | None = None
    before_step: Callable[[Network], None] | None = None
    constraints: Iterable[Constraint] = ()
    reduce: Reduce = as_they_are
    generator: torch.Generator = field(default_factory=torch.Generator)
    hardware: Hardware | None = None
    pruning: Pruning | None = None

    @classmethod
    def start(
        cls,
        network: Network,
        rule: Rule,
        *,
        seed: int = 0,
        optimizer: OptimizerChoice | None = None,
        constraints: Iterable[Constraint] | None = None,
        clip: float | None = None,
        hardware: Hardware | None = None,
    ) -> Self:
        """A new training, with what the rule declares wherever nothing else is said.

        The C library is told to keep freed memory (``allocator.keep_freed_memory``), unless the environment says more.

        Args:
            network: what learns.
            rule: how.
            seed: of the rule's random numbers.
            optimizer: None: the rule's default; for a rule made of parts, of those parts that name none.
            constraints: None: the rule's default bounds, if it has any; (): none.
            clip: largest norm of all gradients together; None: the rule's default; inf: no clipping.
            hardware: what holds the synaptic weights; the first ones are brought into it here.

        Raises:
            ValueError: the rule cannot train this network (with the reason), an unknown optimizer, weights that the
                hardware cannot hold.
        """
        check_instance("rule", rule, Rule, "for example BPTT(), with brackets")
        keep_freed_memory()
        generator = generator_for(seed, "rule")
        memory = rule.init(network, generator)
        if constraints is None:
            check_bounds(network, rule)
            constraints = make_bounds(rule, network)
        if hardware is not None:
            hardware.begin(network, generator_for(seed, "hardware"))
        return cls(
            network,
            rule,
            memory,
            make_optimizers(rule, network, optimizer, memory),
            make_own_optimizers(rule, memory),
            before_step=make_clipping(rule, network, clip),
            constraints=tuple(constraints),
            generator=generator,
            hardware=hardware,
        )

    def state_dict(self) -> dict[str, Any]:
        """All values of the training, and torch's, numpy's and Python's random states: tensors and plain values."""
        return {
            "made_of": self._made_of(),
            "network": self.network.state_dict(),
            "memory": dict(self.memory),
            "optimizer": self.optimizer.state_dict(),
            "own_optimizer": self.own_optimizer.state_dict() if self.own_optimizer else None,
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "hardware": self.hardware.state_dict() if self.hardware else None,
            "pruning": self.pruning.state_dict() if self.pruning else None,
            "random": random_state(self.generator),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``.

        Raises:
            ValueError: the state is of another network, rule or settings, lacks a part, or holds NaN or infinity;
                nothing was written.
        """
        self._check_state(state)
        self.network.load_state_dict(state["network"])
        with torch.no_grad():
            for name, value in state["memory"].items():
                self.memory[name].copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])
        for name in ("own_optimizer", "schedule", "hardware", "pruning"):
            part = getattr(self, name)
            if part is not None:
                part.load_state_dict(state[name])
        restore_random(state["random"], self.generator)

    def check_finite(self) -> None:
        """Raise NonFiniteUpdate where a weight, the rule's memory or an optimizer's state is NaN or infinite."""
        known = [("", self.network.state_dict()), ("memory ", self.memory)]
        for kind, optimizers in (("the optimizer's ", self.optimizer), ("the own optimizer's ", self.own_optimizer)):
            for optimizer in plain(optimizers):
                for place, state in optimizer.state_dict()["state"].items():
                    known.append((f"{kind}state of parameter {place}, ", state))
        for kind, values in known:
            _refuse_not_finite([(kind + name, value) for name, value in values.items() if isinstance(value, Tensor)])

    def _check_state(self, state: Mapping[str, Any]) -> None:
        parts = ["network", "memory", "optimizer", "own_optimizer", "schedule", "hardware", "pruning"]
        check_keys("the state", state, ["made_of", *parts, "random"])
        check_same_network(self.network, state["network"])
        check_keys("made_of", state["made_of"], list(self._made_of()))
        for what, own in self._made_of().items():
            if not is_same(state["made_of"][what], own):
                raise ValueError(
                    f"the state is of a training with {what} {state['made_of'][what]}, this one has {own}: make it "
                    "with the settings that the state was saved under"
                )
        check_like("memory", state["memory"], dict(self.memory))
        for name in ("optimizer", "own_optimizer"):
            scheduled = self.schedule is not None and name == "optimizer"
            _check_optimizers(name, state[name], getattr(self, name), scheduled=scheduled)
        _check_schedules("schedule", state["schedule"], self.schedule)
        hardware = self.hardware.state_dict() if self.hardware else None
        drawn = self.hardware.generator if self.hardware else self.generator
        check_hardware("hardware", state["hardware"], hardware, drawn)
        pruning = self.pruning.state_dict() if self.pruning else None
        check_pruning("pruning", state["pruning"], pruning, dict(self.network.named_parameters()))
        check_random("random", state["random"], self.generator)

    def _made_of(self) -> dict[str, Any]:
        """What another training must share to go on from this one's state."""
        return {
            "rule": type(self.rule).__name__,
            "memory": {name: list(value.shape) for name, value in sorted(self.memory.items())},
            "optimizer": _kinds(self.optimizer),
            "own_optimizer": _kinds(self.own_optimizer),
            "schedule": _kinds(self.schedule),
            "hardware": type(self.hardware).__name__,
            "pruning": type(self.pruning).__name__,
        }


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
    batch = batch.to(batch.inputs.device, _take_type(training))
    last, summed = None, summed_names(training.rule, training.network)
    with _drawing(training, batch):
        for update in training.rule.updates(training.network, batch, training.memory, training.generator):
            _check(training, update, batch)
            reduced, samples = averaged(update, training.reduce, share, count=bool(summed))
            losses = [] if reduced.loss is None else [("loss", reduced.loss)]
            changes = [(f"the change of {name}", value) for name, value in (reduced.grads | reduced.own).items()]
            _refuse_not_finite([*losses, *changes])
            _apply(training, reduced, samples, summed)
            last = replace(update, loss=reduced.loss)
    if last is None:
        raise ValueError(f"{type(training.rule).__name__} yielded no update: a rule must yield at least one a batch")
    if training.pruning is not None:
        training.pruning.step(training.network)
    return last


def drawn_seeds(samples: int, generator: torch.Generator) -> Tensor:
    """Seeds from which random neurons draw, one for each sample of a batch, int64 [B]."""
    return torch.randint(2**62, (samples,), generator=generator, device=generator.device)


def _drawing(training: Training, batch: Batch) -> AbstractContextManager[None]:
    """Context in which random neurons draw anew for this batch, the same in all of the rule's runs."""
    network = training.network
    if not network.random:
        return nullcontext()
    return network.drawing(drawn_seeds(batch.size, training.generator) if batch.seeds is None else batch.seeds)


def _take_type(training: Training) -> torch.dtype:
    """The network's floating type, to which what the rule and the optimizers keep follows a network converted since."""
    kind = float_type(training.network)
    optimizers = (*plain(training.optimizer), *plain(training.own_optimizer))
    states = (state for optimizer in optimizers for state in optimizer.state.values())
    # The count of steps is a float32 of torch's own, whatever the parameters are.
    kept = (value for state in states for name, value in state.items() if name != "step")
    for tensor in (*training.memory.values(), *kept):
        if isinstance(tensor, Tensor) and tensor.is_floating_point() and tensor.dtype != kind:
            tensor.data = tensor.data.to(kind)
    return kind


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


def check_same_network(network: Network, weights: Mapping[str, Tensor]) -> None:
    """Raise ValueError where ``weights`` are of a network with other names, shapes or types, or are not finite."""
    check_instance("the weights", weights, Mapping, "{name: tensor}, as network.state_dict() gives them")
    for name, value in weights.items():
        check_tensor(f"the weight {name}", value, "take the weights of a network of this program")
    expected, given = describe(network), {name: list(value.shape) for name, value in weights.items()}
    for name in sorted(expected.keys() | given.keys()):
        if expected.get(name) != given.get(name):
            raise ValueError(
                f"the weights are of another network: {name} has shape {given.get(name, 'none')}, expected "
                f"{expected.get(name, 'none')}: build the network that they were trained in"
            )
    for name, own in network.state_dict().items():
        if weights[name].is_floating_point() != own.is_floating_point():
            raise ValueError(
                f"the weights are of another network: {name} has type {weights[name].dtype}, expected {own.dtype}"
            )
        check_all_finite(name, weights[name].to(own.dtype), "go on from an earlier state, or train anew")


def _check(training: Training, update: Update, batch: Batch) -> None:
    """Raise ValueError where a key or a shape is not the network's or the memory's, or a target has no score."""
    rule = type(training.rule).__name__
    check_instance("scores of the update", update.scores, Tensor, f"{rule} must give class scores [B, classes]")
    batch.task.check_scores(update.scores, batch.targets)
    if alone := _without_optimizer(training, update.own):
        raise ValueError(
            f"{rule} learns {alone} of its own, but the training has no own_optimizer that steps them: give it one, or "
            "let the rule declare default_own_optimizer"
        )
    places: list[tuple[str, dict[str, Tensor], Mapping[str, Tensor]]] = [
        ("parameter", update.grads, dict(training.network.named_parameters())),
        ("buffer", update.buffers, dict(training.network.named_buffers())),
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
    """Those of the memory's tensors ``own`` that no optimizer steps."""
    if not own:
        return []
    optimizers = [*plain(training.optimizer), *plain(training.own_optimizer)]
    stepped = {id(p) for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]}
    return sorted(name for name in own if id(training.memory.get(name)) not in stepped)


def _kinds(given: object) -> str | dict[str, str]:
    """The class of an optimizer or a schedule, or those of all parts."""
    if isinstance(given, Optimizers | Schedules):
        return {part: type(own).__name__ for part, own in given.parts.items()}
    return type(given).__name__


def _check_optimizers(name: str, given: Any, own: Optimizer | None, *, scheduled: bool) -> None:
    """Raise ValueError unless ``given`` is a state of the optimizer ``own``, or of those of all its parts."""
    if own is None:
        check_like(name, given, None)
    elif isinstance(own, Optimizers):
        check_keys(name, given, list(own.parts))
        for part, optimizer in own.parts.items():
            check_optimizer(f"{name}.{part}", given[part], _after_a_step(optimizer), scheduled=scheduled)
    else:
        check_optimizer(name, given, _after_a_step(own), scheduled=scheduled)


def _check_schedules(name: str, given: Any, own: Scheduled | None) -> None:
    """Raise ValueError unless ``given`` is a state of the schedule ``own``, or of those of all its parts."""
    if isinstance(own, Schedules):
        check_keys(name, given, list(own.parts))
        for part, schedule in own.parts.items():
            check_schedule(f"{name}.{part}", given[part], schedule.state_dict())
    else:
        check_schedule(name, given, own.state_dict() if own else None)


def _after_a_step(optimizer: optim.Optimizer) -> dict[str, Any]:
    """The state of a copy of ``optimizer`` after a step without a change."""
    twin = copy.deepcopy(optimizer)
    twin.state.clear()
    for parameter in (p for group in twin.param_groups for p in group["params"]):
        parameter.grad = torch.zeros_like(parameter)
    twin.step()
    return twin.state_dict()


def _refuse_not_finite(values: Sequence[tuple[str, Tensor]]) -> None:
    """Raise NonFiniteUpdate where a loss, a change or a state has an entry that is NaN or infinite."""
    sums = [total(value) for _, value in values if value.is_floating_point()]
    if any(value.is_cuda for value in sums):  # one question to the GPU for all of them
        sums = [torch.stack([value.double() for value in sums])]
    if all(math.isfinite(number) for value in sums for number in value.reshape(-1).tolist()):
        return
    for name, value in values:
        if not is_finite(value):
            what = f"the loss is {float(value)}" if name == "loss" else f"{name} is not finite"
            raise NonFiniteUpdate(f"{what}: lower the learning rate, or check the inputs for NaN")


def _laid_out(grad: Tensor, like: Tensor) -> Tensor:
    """A gradient with its entries in memory as those of ``like``: torch's fused optimizers go through both alike."""
    return grad if grad.stride() == like.stride() else torch.empty_like(like, requires_grad=False).copy_(grad)


def _apply(training: Training, reduced: Update, samples: float, summed: Collection[str]) -> None:
    network = training.network
    parameters = dict(network.named_parameters())
    training.optimizer.zero_grad(set_to_none=True)
    for name, grad in reduced.grads.items():
        # before_step may write into .grad; the update stays the rule's.
        scale = samples if name in summed else 1.0
        copied = training.before_step is not None or scale != 1.0
        parameters[name].grad = _laid_out(scale * grad.detach() if copied else grad.detach(), parameters[name])
    if training.own_optimizer is not None:
        training.own_optimizer.zero_grad(set_to_none=True)
    for name, grad in reduced.own.items():
        training.memory[name].grad = _laid_out(grad.detach(), training.memory[name])
    if training.before_step is not None:
        training.before_step(network)
    held = training.hardware.limits if training.hardware is not None else {}
    old = {name: parameters[name].detach().clone() for name in reduced.grads if name in held}
    training.optimizer.step()
    if training.own_optimizer is not None:
        training.own_optimizer.step()
    _refuse_not_finite([(name, parameters[name]) for name in old])  # hardware counts what it writes
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

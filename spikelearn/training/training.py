"""Everything that a resumed run needs, and the one place that writes weights."""

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, optim

from spikelearn.allocator import keep_freed_memory
from spikelearn.checks import check_instance, check_shape
from spikelearn.hardware import Hardware, Pruning
from spikelearn.network import Network, describe
from spikelearn.plasticity import RULES, Batch, Memory, OptimizerChoice, Rule, Update
from spikelearn.seeding import generator_for
from spikelearn.training.clipping import clip_norm
from spikelearn.training.constraints import Bounds, Constraint
from spikelearn.training.optimizers import make_optimizer
from spikelearn.training.reduction import Reduce, as_they_are, averaged


class NonFiniteUpdate(ValueError):
    """A loss or a wished change is not a number; nothing was written."""


@dataclass
class Training:
    """A network, the rule that trains it, and all that the two carry from batch to batch.

    Args:
        network: what learns.
        rule: how.
        memory: the rule's memory, from ``rule.init``.
        optimizer: applies ``Update.grads`` to the network's parameters.
        own_optimizer: applies ``Update.own`` to the memory's tensors; None where the rule learns none.
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
    optimizer: optim.Optimizer
    own_optimizer: optim.Optimizer | None = None
    schedule: optim.lr_scheduler.LRScheduler | None = None
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
            optimizer: None: the rule's default.
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
        chosen = make_optimizer(optimizer or rule.default_optimizer, network.parameters())
        own = make_optimizer(rule.default_own_optimizer, memory.values()) if rule.default_own_optimizer else None
        clip = rule.default_clip_norm if clip is None else clip
        if constraints is None:
            check_bounds(network, rule)
            constraints = (Bounds(*rule.default_bounds),) if rule.default_bounds else ()
        if hardware is not None:
            hardware.begin(network, generator_for(seed, "hardware"))
        return cls(
            network,
            rule,
            memory,
            chosen,
            own,
            before_step=None if clip is None or clip == math.inf else clip_norm(clip),
            constraints=tuple(constraints),
            generator=generator,
            hardware=hardware,
        )

    def state_dict(self) -> dict[str, Any]:
        """All values of the training, and torch's, numpy's and Python's random states: tensors and plain values."""
        numpy_state: Any = np.random.get_state()
        return {
            "made_of": self._made_of(),
            "network": self.network.state_dict(),
            "memory": dict(self.memory),
            "optimizer": self.optimizer.state_dict(),
            "own_optimizer": self.own_optimizer.state_dict() if self.own_optimizer else None,
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "hardware": self.hardware.state_dict() if self.hardware else None,
            "pruning": self.pruning.state_dict() if self.pruning else None,
            "random": {
                "rule": self.generator.get_state(),
                "torch": torch.get_rng_state(),
                "numpy": [numpy_state[0], torch.from_numpy(numpy_state[1].astype(np.int64)), *numpy_state[2:]],
                "python": _as_lists(random.getstate()),
                "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            },
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``.

        Raises:
            ValueError: the state is of another network or another rule; nothing was written.
        """
        check_same_network(self.network, state["network"])
        for what, own in self._made_of().items():
            if state["made_of"].get(what) != own:
                raise ValueError(
                    f"the state is of a training with {what} {state['made_of'].get(what)}, this one has {own}: make it "
                    "with the settings that the state was saved under"
                )
        self.network.load_state_dict(state["network"])
        with torch.no_grad():
            for name, value in state["memory"].items():
                self.memory[name].copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.own_optimizer and state["own_optimizer"]:
            self.own_optimizer.load_state_dict(state["own_optimizer"])
        if self.schedule and state["schedule"]:
            self.schedule.load_state_dict(state["schedule"])
        if self.hardware:
            self.hardware.load_state_dict(state["hardware"])
        if self.pruning:
            self.pruning.load_state_dict(state["pruning"])
        self._restore_random(state["random"])

    def _made_of(self) -> dict[str, Any]:
        """What another training must share to go on from this one's state."""
        return {
            "rule": type(self.rule).__name__,
            "memory": {name: list(value.shape) for name, value in sorted(self.memory.items())},
            "optimizer": type(self.optimizer).__name__,
            "own_optimizer": type(self.own_optimizer).__name__,
            "schedule": type(self.schedule).__name__,
            "hardware": type(self.hardware).__name__,
            "pruning": type(self.pruning).__name__,
        }

    def _restore_random(self, kept: Mapping[str, Any]) -> None:
        self.generator.set_state(kept["rule"])
        torch.set_rng_state(kept["torch"])
        if kept["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(kept["cuda"])
        name, keys, position, has_gauss, gauss = kept["numpy"]
        np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
        random.setstate(_as_tuples(kept["python"]))


def learn(training: Training, batch: Batch, share: float = 1.0) -> Update:
    """Apply every update of one batch, and return the last; the only place that writes ``.grad``.

    Args:
        training: what learns, and how.
        batch: the samples; with several processes this process's shard of them.
        share: samples of the shard over the mean size of all shards; 0 where they only fill an empty shard.

    Raises:
        NonFiniteUpdate: a loss or a wished change is NaN or infinite, after averaging and so in all processes alike;
            that update was not applied.
        ValueError: the rule yielded nothing, or a key or shape that the network does not have.
    """
    last = None
    for update in training.rule.updates(training.network, batch, training.memory, training.generator):
        _check(training, update)
        reduced, samples = averaged(update, training.reduce, share, count=training.rule.sums_over_batch)
        losses = [] if reduced.loss is None else [("loss", reduced.loss)]
        _check_finite([*losses, *reduced.grads.items(), *reduced.own.items()])
        _apply(training, reduced, samples)
        last = replace(update, loss=reduced.loss)
    if last is None:
        raise ValueError(f"{type(training.rule).__name__} yielded no update: a rule must yield at least one a batch")
    if training.pruning is not None:
        training.pruning.step(training.network)
    return last


def check_bounds(network: Network, rule: Rule) -> None:
    """Raise ValueError where a rule's own bounds would cut most of the weights that are there before the first step."""
    if rule.default_bounds is None:
        return
    low, high = rule.default_bounds
    for name, parameter in network.named_parameters():
        if parameter.ndim < 2 or not parameter.requires_grad or not name.startswith(("blocks.", "feedback.")):
            continue
        cut = float(((parameter < low) | (parameter > high)).float().mean())
        if cut > 0.5:
            raise ValueError(
                f"{RULES.name_of(type(rule))} keeps weights from {low:g} to {high:g}, but {100 * cut:.0f} % of {name} "
                "lie outside: draw them within (--init), or set other bounds (--bounds LOW HIGH)"
            )


def check_same_network(network: Network, weights: Mapping[str, Tensor]) -> None:
    """Raise ValueError where ``weights`` are of a network with other names or shapes."""
    expected, given = describe(network), {name: list(value.shape) for name, value in weights.items()}
    for name in sorted(expected.keys() | given.keys()):
        if expected.get(name) != given.get(name):
            raise ValueError(
                f"the weights are of another network: {name} has shape {given.get(name, 'none')}, expected "
                f"{expected.get(name, 'none')}: build the network that they were trained in"
            )


def _check(training: Training, update: Update) -> None:
    """Raise ValueError where a key or a shape is not the network's or the memory's."""
    rule = type(training.rule).__name__
    check_instance("scores of the update", update.scores, Tensor, f"{rule} must give class scores [B, classes]")
    if update.own and training.own_optimizer is None:
        raise ValueError(
            f"{rule} learns {sorted(update.own)} of its own, but the training has no own_optimizer: give it one, or "
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


def _check_finite(wished: Sequence[tuple[str, Tensor]]) -> None:
    """Raise NonFiniteUpdate where a loss or a change has an entry that is NaN or infinite."""
    # The extremes show it, in a fraction of the time that a mask of every entry takes; one question for all of them.
    extremes = [[x.double() for x in torch.aminmax(value.detach())] for _, value in wished if value.numel()]
    if not extremes or bool(torch.isfinite(torch.stack([x for both in extremes for x in both])).all()):
        return
    for name, value in wished:
        if not bool(torch.isfinite(value).all()):
            what = f"the loss is {float(value)}" if name == "loss" else f"the change of {name} is not finite"
            raise NonFiniteUpdate(f"{what}: lower the learning rate, or check the inputs for NaN")


def _apply(training: Training, reduced: Update, samples: float) -> None:
    network = training.network
    parameters = dict(network.named_parameters())
    training.optimizer.zero_grad(set_to_none=True)
    for name, grad in reduced.grads.items():
        # before_step may write into .grad; the update stays the rule's.
        copied = training.before_step is not None or samples != 1.0
        parameters[name].grad = samples * grad.detach() if copied else grad.detach()
    if training.own_optimizer is not None:
        training.own_optimizer.zero_grad(set_to_none=True)
        for name, grad in reduced.own.items():
            training.memory[name].grad = grad.detach()
    if training.before_step is not None:
        training.before_step(network)
    held = training.hardware.limits if training.hardware is not None else {}
    old = {name: parameters[name].detach().clone() for name in reduced.grads if name in held}
    training.optimizer.step()
    if training.own_optimizer is not None:
        training.own_optimizer.step()
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


def _as_lists(value: Any) -> Any:
    return [_as_lists(item) for item in value] if isinstance(value, tuple) else value


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value

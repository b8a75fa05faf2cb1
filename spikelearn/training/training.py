"""Everything that a resumed run needs: a network, its rule, and all that the two carry from batch to batch."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor

from spikelearn.allocator import keep_freed_memory
from spikelearn.checks import check_instance
from spikelearn.hardware import Hardware
from spikelearn.network import Network
from spikelearn.plasticity import Memory, OptimizerChoice, Rule
from spikelearn.seeding import generator_for
from spikelearn.sparsity import Pruning
from spikelearn.training.constraints import Constraint
from spikelearn.training.finite import refuse_not_finite
from spikelearn.training.parallel.reduction import Reduce, as_they_are
from spikelearn.training.parts import (
    Optimizer,
    Scheduled,
    averaging,
    check_bounds,
    make_bounds,
    make_clipping,
    make_optimizers,
    make_own_optimizers,
    plain,
)
from spikelearn.training.random_state import check_random, random_state, restore_random
from spikelearn.training.state import (
    check_hardware,
    check_optimizers,
    check_pruning,
    check_same_network,
    check_schedules,
    kinds_of,
)
from spikelearn.training.state_checks import check_keys, check_like, is_same


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
        """All values of the training, and torch's, numpy's and Python's random states: tensors and plain values.

        Weights are those at which is learned, where the network holds their average.
        """
        return {
            "made_of": self._made_of(),
            "network": self.network.state_dict() | self._learned_at(dict(self.network.named_parameters())),
            "memory": {**self.memory, **self._learned_at(self.memory)},
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
        self.to_steps()
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
            refuse_not_finite([(kind + name, value) for name, value in values.items() if isinstance(value, Tensor)])

    def to_steps(self) -> None:
        """Put back the weights at which is learned, where the network holds their average."""
        for part in averaging(self.optimizer):
            part.resume()

    def _learned_at(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The values at which is learned, of those of ``tensors`` that hold an average."""
        kept = {p: value for part in averaging(self.optimizer) for p, value in part.kept.items()}
        return {name: kept[tensor] for name, tensor in tensors.items() if tensor in kept}

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
            check_optimizers(name, state[name], getattr(self, name), scheduled=scheduled)
        check_schedules("schedule", state["schedule"], self.schedule)
        hardware = self.hardware.state_dict() if self.hardware else None
        drawn = self.hardware.generator if self.hardware else self.generator
        check_hardware("hardware", state["hardware"], hardware, drawn)
        pruning = self.pruning.state_dict() if self.pruning else None
        check_pruning("pruning", state["pruning"], pruning, dict(self.network.named_parameters()))
        check_random("random", state["random"], self.generator)

    def _made_of(self) -> dict[str, Any]:
        """The description that another training must share to go on from this one's state."""
        return {
            "rule": type(self.rule).__name__,
            "memory": {name: list(value.shape) for name, value in sorted(self.memory.items())},
            "optimizer": kinds_of(self.optimizer),
            "own_optimizer": kinds_of(self.own_optimizer),
            "schedule": kinds_of(self.schedule),
            "hardware": type(self.hardware).__name__,
            "pruning": type(self.pruning).__name__,
        }

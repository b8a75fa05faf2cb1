"""Checks that a state is one that a training could have saved, part by part."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, optim

from spikelearn.checks import check_all_finite, check_instance, check_positive, check_tensor
from spikelearn.network import Network, describe, shared_until_kept
from spikelearn.training.parts import Optimizer, Optimizers, Scheduled, Schedules
from spikelearn.training.random_state import check_generator
from spikelearn.training.state_checks import CURE, check_keys, check_like, check_number, is_same, said

#: What the schedules of torch change as they go.
MOVING = (
    *("last_epoch", "_step_count", "_last_lr", "_get_lr_called_within_step", "_is_initial"),
    *("best", "num_bad_epochs", "cooldown_counter", "T_cur", "T_i"),
)


def check_same_network(network: Network, weights: Mapping[str, Tensor]) -> None:
    """Raise ValueError where ``weights`` are of a network with other names, shapes or types, or are not finite."""
    check_instance("the weights", weights, Mapping, "{name: tensor}, as network.state_dict() gives them")
    for name, value in weights.items():
        check_tensor(f"the weight {name}", value, "take the weights of a network of this program")
    expected, given = describe(network), {name: list(value.shape) for name, value in weights.items()}
    shared = shared_until_kept(network)
    for name in sorted(expected.keys() | given.keys()):
        if expected.get(name) != given.get(name) and not (name in shared and name in given):
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


def kinds_of(given: object) -> str | dict[str, str]:
    """The class of an optimizer or a schedule, or those of all parts."""
    if isinstance(given, Optimizers | Schedules):
        return {part: type(own).__name__ for part, own in given.parts.items()}
    return type(given).__name__


def check_optimizers(name: str, given: Any, own: Optimizer | None, *, scheduled: bool) -> None:
    """Raise ValueError unless ``given`` is a state of the optimizer ``own``, or of those of all its parts."""
    if own is None:
        check_like(name, given, None)
    elif isinstance(own, Optimizers):
        check_keys(name, given, list(own.parts))
        for part, optimizer in own.parts.items():
            _check_optimizer(f"{name}.{part}", given[part], _after_a_step(optimizer), scheduled=scheduled)
    else:
        _check_optimizer(name, given, _after_a_step(own), scheduled=scheduled)


def check_schedules(name: str, given: Any, own: Scheduled | None) -> None:
    """Raise ValueError unless ``given`` is a state of the schedule ``own``, or of those of all its parts."""
    if isinstance(own, Schedules):
        check_keys(name, given, list(own.parts))
        for part, schedule in own.parts.items():
            _check_schedule(f"{name}.{part}", given[part], schedule.state_dict())
    else:
        _check_schedule(name, given, own.state_dict() if own else None)


def _after_a_step(optimizer: optim.Optimizer) -> dict[str, Any]:
    """The state of a copy of ``optimizer`` after a step without a change."""
    twin = copy.deepcopy(optimizer)
    twin.state.clear()
    twin.zero_grad(set_to_none=True)
    for parameter in (p for group in twin.param_groups for p in group["params"]):
        parameter.requires_grad_().backward(torch.zeros_like(parameter))
    twin.step()
    return twin.state_dict()


def _check_optimizer(name: str, given: Any, own: Mapping[str, Any], *, scheduled: bool) -> None:
    """Raise ValueError unless ``given`` has the form of ``own``, the state of such an optimizer after a step.

    Parameters that have not been changed have no state. With ``scheduled`` the learning rate may be another one.
    """
    check_keys(name, given, list(own))
    check_like(f"{name}.param_groups", given["param_groups"], own["param_groups"])
    for group, expected in zip(given["param_groups"], own["param_groups"], strict=True):
        for key, value in expected.items():
            if scheduled and "lr" in str(key):
                check_number(f"{name}.{key}", group[key], whole=False, least=0)
            elif not is_same(group[key], value):
                raise ValueError(f"{name} has {key} = {said(group[key])}, expected {said(value)}: {CURE}")
    if not isinstance(given["state"], Mapping):
        raise ValueError(f"{name}.state is {said(given['state'])}, expected a mapping: {CURE}")
    for place, state in given["state"].items():
        if place not in own["state"]:
            raise ValueError(f"{name} has a state of parameter {place!r}, expected one of {len(own['state'])}: {CURE}")
        check_like(f"{name}.state[{place}]", state, own["state"][place])
        if float(state.get("step", 0)) < 0:
            raise ValueError(f"{name}.state[{place}].step is {float(state['step']):g}, expected 0 or more: {CURE}")


def _check_schedule(name: str, given: Any, own: Mapping[str, Any] | None) -> None:
    """Raise ValueError unless ``given`` is a state of the schedule with ``own``; only where it stands may differ."""
    check_like(name, given, own)
    for key, value in (own or {}).items():
        if key not in MOVING and not is_same(given[key], value):
            raise ValueError(f"{name} has {key} = {said(given[key])}, expected {said(value)}: {CURE}")
        if key == "last_epoch":
            check_number(f"{name}.{key}", given[key], whole=True, least=0)


def check_pruning(name: str, given: Any, own: Mapping[str, Any] | None, weights: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless ``given`` says where a pruning of ``weights`` stands; which are masked may differ."""
    if own is None:
        check_like(name, given, None)
        return
    check_keys(name, given, list(own))
    for key in ("batches", "done"):
        check_number(f"{name}.{key}", given[key], whole=True, least=0)
    if not isinstance(given["masks"], Mapping):
        raise ValueError(f"{name}.masks is {said(given['masks'])}, expected a mapping: {CURE}")
    for key, mask in given["masks"].items():
        if key not in weights:
            raise ValueError(f"{name} has a mask of {key!r}, which the network does not have: {CURE}")
        check_like(f"{name}.masks.{key}", mask, torch.empty_like(weights[key], dtype=torch.bool))
    if "terms" not in own:
        return
    check_number(f"{name}.counted", given["counted"], whole=True, least=0)
    if not isinstance(given["terms"], Mapping):
        raise ValueError(f"{name}.terms is {said(given['terms'])}, expected a mapping: {CURE}")
    for key, term in given["terms"].items():
        if key not in weights:
            raise ValueError(f"{name} has a term of {key!r}, which the network does not have: {CURE}")
        check_like(f"{name}.terms.{key}", term, weights[key].detach())


def check_hardware(name: str, given: Any, own: Mapping[str, Any] | None, generator: torch.Generator) -> None:
    """Raise ValueError unless ``given`` says where a hardware with ``own`` and its ``generator`` stands."""
    check_like(name, given, own)
    if own is not None:
        check_generator(f"{name}.random", given["random"], generator)
        for key, limit in given["limits"].items():
            check_positive(f"{name}.limits.{key}", limit)

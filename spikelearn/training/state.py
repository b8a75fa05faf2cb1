"""Whether a state that was read is one that a training could have saved: nothing of it is used before it is checked."""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelearn.checks import check_all_finite, check_positive, check_tensor

CURE = "it is of another network, other settings or another version: go on with what it was saved under, or train anew"

#: What the schedules of torch change as they go.
MOVING = (
    *("last_epoch", "_step_count", "_last_lr", "_get_lr_called_within_step", "_is_initial"),
    *("best", "num_bad_epochs", "cooldown_counter", "T_cur", "T_i"),
)

#: Words of numpy's and Python's generator, MT19937; its position counts in them.
WORDS = 624


def check_like(name: str, given: Any, own: Any, *, any_number: bool = False) -> None:
    """Raise ValueError unless ``given`` has the form of ``own``, all the way down.

    Tensors must have its shape and type, lie in memory as it does and be finite, mappings its keys, lists its length;
    floats may be any finite number, whole numbers (but with ``any_number``) must be whole; text must be equal.
    """
    if isinstance(own, Tensor):
        check_tensor(name, given, CURE)
        if given.shape != own.shape or given.dtype != own.dtype:
            shapes = f"shape {list(given.shape)} and type {given.dtype}, expected {list(own.shape)} and {own.dtype}"
            raise ValueError(f"{name} has {shapes}: {CURE}")
        # Compiled optimizers go through memory as if both lay alike, and past its end where they do not.
        if given.stride() != own.stride() and not (given.is_contiguous() and own.is_contiguous()):
            lies = f"strides {list(given.stride())}, expected {list(own.stride())}"
            raise ValueError(f"{name} lies in memory with {lies}: {CURE}")
        check_all_finite(name, given, "go on from an earlier state, or train anew")
    elif isinstance(own, Mapping):
        check_keys(name, given, list(own))
        for key, value in own.items():
            check_like(f"{name}.{key}", given[key], value, any_number=any_number or "lr" in str(key))
    elif isinstance(own, list | tuple):
        if not isinstance(given, list | tuple) or len(given) != len(own):
            raise ValueError(f"{name} is {_said(given)}, expected a list of {len(own)}: {CURE}")
        for place, (part, value) in enumerate(zip(given, own, strict=True)):
            check_like(f"{name}[{place}]", part, value, any_number=any_number)
    elif isinstance(own, int | float) and not isinstance(own, bool):
        check_number(name, given, whole=isinstance(own, int) and not any_number)
    elif given != own if isinstance(own, str) else type(given) is not type(own):
        raise ValueError(f"{name} is {_said(given)}, expected {_said(own)}: {CURE}")


def is_same(given: Any, own: Any) -> bool:
    """Whether plain values are equal; what cannot be compared with them, as a tensor cannot, is not."""
    try:
        return bool(given == own)
    except RuntimeError:
        return False


def check_number(name: str, given: Any, *, whole: bool, least: float = -math.inf) -> None:
    """Raise ValueError unless ``given`` is a finite number of at least ``least``, a whole one where it must be."""
    kinds: tuple[type, ...] = (int,) if whole else (int, float)
    fits = type(given) in kinds and (abs(given) < 2**63 if isinstance(given, int) else abs(given) < math.inf)
    if not fits or given < least:
        bound = "" if least == -math.inf else f" of at least {least:g}"
        raise ValueError(f"{name} is {_said(given)}, expected a {'whole' if whole else 'finite'} number{bound}: {CURE}")


def check_keys(name: str, given: Any, expected: Sequence[Any]) -> None:
    """Raise ValueError unless ``given`` is a mapping with the keys ``expected``."""
    if not isinstance(given, Mapping):
        raise ValueError(f"{name} is {_said(given)}, expected a mapping: {CURE}")
    missing = [key for key in expected if key not in given]
    unknown = [key for key in given if key not in expected]
    if missing or unknown:
        words = [f"lacks {missing[0]!r}"] if missing else []
        words += [f"has {unknown[0]!r}, which is unknown"] if unknown else []
        raise ValueError(f"{name} {' and '.join(words)}: {CURE}")


def check_optimizer(name: str, given: Any, own: Mapping[str, Any], *, scheduled: bool) -> None:
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
                raise ValueError(f"{name} has {key} = {_said(group[key])}, expected {_said(value)}: {CURE}")
    if not isinstance(given["state"], Mapping):
        raise ValueError(f"{name}.state is {_said(given['state'])}, expected a mapping: {CURE}")
    for place, state in given["state"].items():
        if place not in own["state"]:
            raise ValueError(f"{name} has a state of parameter {place!r}, expected one of {len(own['state'])}: {CURE}")
        check_like(f"{name}.state[{place}]", state, own["state"][place])
        if float(state.get("step", 0)) < 0:
            raise ValueError(f"{name}.state[{place}].step is {float(state['step']):g}, expected 0 or more: {CURE}")


def check_schedule(name: str, given: Any, own: Mapping[str, Any] | None) -> None:
    """Raise ValueError unless ``given`` is a state of the schedule with ``own``; only where it stands may differ."""
    check_like(name, given, own)
    for key, value in (own or {}).items():
        if key not in MOVING and not is_same(given[key], value):
            raise ValueError(f"{name} has {key} = {_said(given[key])}, expected {_said(value)}: {CURE}")
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
        raise ValueError(f"{name}.masks is {_said(given['masks'])}, expected a mapping: {CURE}")
    for key, mask in given["masks"].items():
        if key not in weights:
            raise ValueError(f"{name} has a mask of {key!r}, which the network does not have: {CURE}")
        check_like(f"{name}.masks.{key}", mask, torch.empty_like(weights[key], dtype=torch.bool))


def check_hardware(name: str, given: Any, own: Mapping[str, Any] | None, generator: torch.Generator) -> None:
    """Raise ValueError unless ``given`` says where a hardware with ``own`` and its ``generator`` stands."""
    check_like(name, given, own)
    if own is not None:
        check_generator(f"{name}.random", given["random"], generator)
        for key, limit in given["limits"].items():
            check_positive(f"{name}.limits.{key}", limit)


def check_generator(name: str, given: Any, own: torch.Generator) -> None:
    """Raise ValueError unless ``given`` is a state that the generator ``own`` can take."""
    check_like(name, given, own.get_state())
    try:
        torch.Generator(own.device).set_state(given)
    except RuntimeError as error:
        raise ValueError(f"{name} is no state of a random generator ({error}): {CURE}") from error


def check_random(name: str, given: Any, rule: torch.Generator) -> None:
    """Raise ValueError unless ``given`` holds states of the generators of a rule, torch, numpy and Python."""
    check_keys(name, given, ["rule", "torch", "numpy", "python", "cuda"])
    check_generator(f"{name}.rule", given["rule"], rule)
    check_generator(f"{name}.torch", given["torch"], torch.default_generator)
    check_like(f"{name}.numpy", given["numpy"], ["MT19937", torch.zeros(WORDS, dtype=torch.int64), 0, 0, 0.0])
    _, keys, position, has_gauss, _ = given["numpy"]
    if not 0 <= position <= WORDS or has_gauss not in (0, 1) or not bool(((keys >= 0) & (keys < 2**32)).all()):
        raise ValueError(f"{name}.numpy is no state of numpy's generator (position {position}): {CURE}")
    version, words, _ = random.getstate()
    # The second of a pair of normal numbers is kept until it is asked for.
    waiting = isinstance(given["python"], list) and given["python"][-1:] != [None]
    check_like(f"{name}.python", given["python"], [version, list(words), 0.0 if waiting else None])
    try:
        random.Random().setstate(as_tuples(given["python"]))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name}.python is no state of Python's generator ({error}): {CURE}") from error
    if not isinstance(given["cuda"], list):
        raise ValueError(f"{name}.cuda is {_said(given['cuda'])}, expected a list: {CURE}")
    if torch.cuda.is_available():
        for place, state in enumerate(given["cuda"]):
            check_generator(f"{name}.cuda[{place}]", state, torch.Generator("cuda"))


def random_state(rule: torch.Generator) -> dict[str, Any]:
    """Where the generators of a rule, torch, numpy and Python stand: tensors and plain values."""
    numpy_state: Any = np.random.get_state()
    return {
        "rule": rule.get_state(),
        "torch": torch.get_rng_state(),
        "numpy": [numpy_state[0], torch.from_numpy(numpy_state[1].astype(np.int64)), *numpy_state[2:]],
        "python": as_lists(random.getstate()),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random(kept: Mapping[str, Any], rule: torch.Generator) -> None:
    """Go on from what ``random_state`` gave."""
    rule.set_state(kept["rule"])
    torch.set_rng_state(kept["torch"])
    if kept["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(kept["cuda"][: torch.cuda.device_count()])
    name, keys, position, has_gauss, gauss = kept["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    random.setstate(as_tuples(kept["python"]))


def as_lists(value: Any) -> Any:
    """Tuples in ``value`` as lists, all the way down."""
    return [as_lists(item) for item in value] if isinstance(value, tuple) else value


def as_tuples(value: Any) -> Any:
    """Lists in ``value`` as tuples, all the way down."""
    return tuple(as_tuples(item) for item in value) if isinstance(value, list) else value


def _said(value: Any) -> str:
    """``value`` in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    return repr(value) if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"

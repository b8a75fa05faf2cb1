"""States of the random generators of a training: taken, checked and restored."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from spikelearn.training.state_checks import CURE, check_keys, check_like, said

#: Words of numpy's and Python's generator, MT19937; its position counts in them.
WORDS = 624


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
        raise ValueError(f"{name}.cuda is {said(given['cuda'])}, expected a list: {CURE}")
    if torch.cuda.is_available():
        for place, state in enumerate(given["cuda"]):
            check_generator(f"{name}.cuda[{place}]", state, torch.Generator("cuda"))


def random_state(rule: torch.Generator) -> dict[str, Any]:
    """The states of the generators of a rule, torch, numpy and Python: tensors and plain values."""
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

"""Checks of values that were read, by which a state is refused before anything of it is used."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from spikelearn.checks import check_all_finite, check_tensor

CURE = "it is of another network, other settings or another version: go on with what it was saved under, or train anew"


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
            raise ValueError(f"{name} is {said(given)}, expected a list of {len(own)}: {CURE}")
        for place, (part, value) in enumerate(zip(given, own, strict=True)):
            check_like(f"{name}[{place}]", part, value, any_number=any_number)
    elif isinstance(own, int | float) and not isinstance(own, bool):
        check_number(name, given, whole=isinstance(own, int) and not any_number)
    elif given != own if isinstance(own, str) else type(given) is not type(own):
        raise ValueError(f"{name} is {said(given)}, expected {said(own)}: {CURE}")


def is_same(given: Any, own: Any) -> bool:
    """Tell whether plain values are equal; what cannot be compared with them, as a tensor cannot, is not."""
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
        raise ValueError(f"{name} is {said(given)}, expected a {'whole' if whole else 'finite'} number{bound}: {CURE}")


def check_keys(name: str, given: Any, expected: Sequence[Any]) -> None:
    """Raise ValueError unless ``given`` is a mapping with the keys ``expected``."""
    if not isinstance(given, Mapping):
        raise ValueError(f"{name} is {said(given)}, expected a mapping: {CURE}")
    missing = [key for key in expected if key not in given]
    unknown = [key for key in given if key not in expected]
    if missing or unknown:
        words = [f"lacks {missing[0]!r}"] if missing else []
        words += [f"has {unknown[0]!r}, which is unknown"] if unknown else []
        raise ValueError(f"{name} {' and '.join(words)}: {CURE}")


def said(value: Any) -> str:
    """``value`` in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    return repr(value) if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"

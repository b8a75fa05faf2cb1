"""What a plan may say: its arms, axes and conditions, and the settings that all arms share."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import PydanticCustomError

from spikelearn.checks import one_of
from spikelearn.component_text import name_in, several
from spikelearn.hardware import IMPAIRMENTS
from spikelearn.loading import NOISES
from spikelearn.plasticity import RULES
from spikelearn.runs import Settings
from spikelearn.runs.groups import about
from spikelearn.runs.settings import ELSEWHERE

#: What every arm shares; an arm that set one of these would learn from other or more samples than the rest.
SHARED = tuple(name for name, field in Settings.model_fields.items() if about(field).is_shared)

#: What the plan names elsewhere; in the conditions that are shared it would be passed over without a word.
NAMED_ELSEWHERE = {
    "rule": "under rules", "data": "under data", "seed": "under seeds", "import": "at its top", "imports": "at its top",
}  # fmt: skip

#: Longest name of an arm, in bytes: folders are named after it.
LONGEST_ARM = 100

#: Axes that are not a setting of their own, but change one.
MADE_AXES = ("depth",)


def check_shared(where: str, shared: Mapping[str, Any]) -> None:
    """Raise where shared settings name what has a key of its own."""
    for name, place in NAMED_ELSEWHERE.items():
        if name in shared:
            raise PydanticCustomError("common", f"[{where}] sets {name}, which a plan names {place}: put it there")
    if where != "common" and "threads" in shared:
        raise PydanticCustomError("on", f"[{where}] sets threads, which a whole comparison shares: set it in [common]")


def check_axis(axis: str, values: Sequence[Any]) -> None:
    """Raise where ``axis`` is none, or has no values, or one twice."""
    known = [name for name in Settings.model_fields if name not in (*NAMED_ELSEWHERE, *ELSEWHERE)]
    if axis not in (*known, *MADE_AXES):
        raise PydanticCustomError("axes", f"unknown axis {axis!r}, expected {one_of(axis, [*known, *MADE_AXES])}")
    if not values:
        raise PydanticCustomError("axes", f"axis {axis!r} has no values: list some, or drop it")
    if any(value in values[:place] for place, value in enumerate(values)):
        raise PydanticCustomError("axes", f"axis {axis!r} names a value twice: name each once")


def check_condition(condition: str) -> None:
    """Raise where ``condition`` is neither a noise nor an impairment, or has wrong options."""
    name = name_in(several(condition)[0])
    try:
        if name in NOISES:
            NOISES.make(condition)
        elif name in IMPAIRMENTS:
            IMPAIRMENTS.make_several(condition)
        else:
            raise ValueError(f"unknown condition {name!r}, expected {one_of(name, [*NOISES, *IMPAIRMENTS])}")
    except ValueError as error:
        raise PydanticCustomError("after", "{reason}", {"reason": f"[after]: {error}"}) from error


def check_arm(name: str, own: Mapping[str, Any]) -> None:
    """Raise where an arm has a name for no folder, names no rule, or sets what all must share."""
    size = len(name.encode(errors="replace"))
    if not name.isprintable() or set(name) & set("/\\") or size > LONGEST_ARM or name != name.strip():
        shown = name if size <= LONGEST_ARM else f"{name[:20]}..."
        message = (
            f"{shown!r} cannot name an arm, expected at most {LONGEST_ARM} characters (bytes, where they are not "
            "ASCII) without slashes: rename it"
        )
        raise PydanticCustomError("rules", "{reason}", {"reason": message})
    rule = own.get("rule", name)
    if not isinstance(rule, str) or rule not in RULES:
        what = "is no rule" if "rule" not in own else f"has the unknown rule {rule!r}"
        message = f"{name!r} {what}, expected {RULES.expected(str(rule))}; or name its rule under [arms.{name}]"
        raise PydanticCustomError("rules", "{reason}", {"reason": message})
    if name in RULES and rule != name:
        message = f"[arms.{name}] has the name of one rule and trains by another, {rule!r}: rename the arm"
        raise PydanticCustomError("arms", message)
    for shared in SHARED:
        if shared in own:
            raise PydanticCustomError(
                "arms", f"[arms.{name}] sets {shared}, which all arms must share: set it in [common] or as an axis"
            )

"""The grammar in which components and their options are written as text."""

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

#: What a message names as the form that it expected.
FORM = "name:key=value,key=value"


def parted(text: str) -> tuple[str, str]:
    """Name and options of the component that ``text`` describes: "atan" and "alpha=3" of "atan(alpha=3)"."""
    name, *rest = re.split(r"([:(])", text, maxsplit=1)
    options = "".join(rest[1:])
    return name.strip(), options.removesuffix(")") if rest[:1] == ["("] else options


def name_in(text: str) -> str:
    """The name of the component that ``text`` describes: "atan" of "atan:alpha=3" and of "atan(alpha=3)"."""
    return parted(text)[0]


def several(text: str) -> list[str]:
    """The components of a sequence, which a ``+`` joins: ``bits:bits=5+adc``; 1e+5 is one number."""
    return re.split(r"\+(?=[a-z])", text)


def options_in(text: str, takes_component: Callable[[str], bool]) -> dict[str, str]:
    """The options of a component, each as text; hyphens in keys are read as underscores.

    Args:
        text: ``name``, ``name:key=value,key=value`` or ``name(key=value,key=value)``.
        takes_component: of an option, whether its value is a component itself. Behind the colon of such a value all
            text is its own; parentheses end it earlier.

    Raises:
        ValueError: text of another form; a key given twice.
    """
    _check_parentheses(text)
    rest, options = parted(text)[1], dict[str, str]()
    while rest:
        key, equals, behind = rest.partition("=")
        option = key.strip().replace("-", "_")
        if not equals or not option or "," in option:
            raise ValueError(f"cannot read {_first(rest)!r} in {text!r}, expected {FORM}")
        if option in options:
            raise ValueError(f"{text!r} names {option} twice, expected each option once")
        greedy = takes_component(option) and re.match(r"[^,:()]*:", behind)
        value = behind if greedy else _first(behind)
        options[option], rest = value.strip(), behind[len(value) + 1 :]
    return options


def parse_value(text: str) -> Any:
    """A whole number, a number, true or false where the text is one; else the text itself."""
    lowered = text.strip().lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    for convert in (int, float):
        try:
            return convert(lowered)
        except ValueError:
            continue
    return text.strip()


def _check_parentheses(text: str) -> None:
    """Raise ValueError where parentheses do not match, or where something stands behind those of the options."""
    head, _, behind = text.partition("(")
    alone = ":" in head or not behind or _first(behind, ends=")") == behind[:-1]
    if _depth(text) != 0 or not alone:
        raise ValueError(f"cannot read the parentheses of {text!r}, expected name(key=value,key=value), or {FORM}")


def _first(text: str, ends: str = ",") -> str:
    """The text before the first of ``ends`` that stands in no parentheses of its own."""
    for place, letter in enumerate(text):
        if letter in ends and _depth(text[:place]) == 0:
            return text[:place]
    return text


def _depth(text: str) -> int:
    return text.count("(") - text.count(")")


def one_of(given: str, options: Sequence[str]) -> str:
    """The words "one of ..." for a message, with the nearest option named first where one is near."""
    near = get_close_matches(given, options, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"one of {', '.join(sorted(options)) or 'none'}{hint}"

"""Coefficients of local terms: what an outer loop learns, and the file in which it leaves them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikelearn.checks import check_finite, one_of
from spikelearn.documents import read_json, write_json

#: The pool of local terms, in the order of their coefficients.
TERMS = ("pseudo-gradient", "ehebb", "oja")

#: The entry of a file that holds {term: coefficient}.
ENTRY = "coefficients"


def coefficients_of(text: str) -> dict[str, float]:
    """{term: coefficient} of a text: three numbers, such as 0.01/0/-0.002, or the name of a file.

    Terms that a file leaves out have 0.

    Raises:
        ValueError: no such file, another one, an unknown term, a coefficient that is no finite number.
    """
    numbers = _numbers(text)
    if numbers is not None:
        found: Any = dict(zip(TERMS, numbers, strict=True))
    elif Path(text).is_file():
        found = read_json(Path(text), "learn them with: spikelearn meta").get(ENTRY)
    else:
        raise ValueError(
            f"{text} does not exist: name a file of coefficients, which spikelearn meta --out FILE leaves, or give "
            f"{len(TERMS)} numbers such as 0.01/0/-0.002"
        )
    if not isinstance(found, Mapping):
        raise ValueError(f"{text} has no entry {ENTRY!r}, expected a file that spikelearn meta wrote: name one")
    for term, value in found.items():
        if term not in TERMS:
            raise ValueError(f"{text} weighs the term {term!r}, expected {one_of(term, TERMS)}")
        check_finite(f"the coefficient {term} in {text}", value)
    return {term: float(found.get(term, 0.0)) for term in TERMS}


def written(coefficients: Mapping[str, float]) -> str:
    """The text of coefficients, three numbers, from which ``coefficients_of`` makes the same."""
    return "/".join(repr(coefficients[term]) for term in TERMS)


def _numbers(text: str) -> list[float] | None:
    try:
        found = [float(part) for part in text.split("/")]
    except ValueError:
        return None
    return found if len(found) == len(TERMS) else None


def write_coefficients(path: str, coefficients: Mapping[str, float], about: Mapping[str, Any]) -> None:
    """Write {term: coefficient} with what is known ``about`` them: settings, episodes, losses."""
    write_json(Path(path), {ENTRY: dict(coefficients), "about": dict(about)})

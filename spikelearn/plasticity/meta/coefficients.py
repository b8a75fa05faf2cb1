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


def read_coefficients(path: str) -> dict[str, float]:
    """{term: coefficient} of a file; terms that it leaves out have 0.

    Raises:
        ValueError: no such file, another one, an unknown term, a coefficient that is no finite number.
    """
    found = read_json(Path(path), "learn them with: spikelearn meta").get(ENTRY)
    if not isinstance(found, Mapping):
        raise ValueError(f"{path} has no entry {ENTRY!r}, expected a file that spikelearn meta wrote: name one")
    for term, value in found.items():
        if term not in TERMS:
            raise ValueError(f"{path} weighs the term {term!r}, expected {one_of(term, TERMS)}")
        check_finite(f"the coefficient {term} in {path}", value)
    return {term: float(found.get(term, 0.0)) for term in TERMS}


def write_coefficients(path: str, coefficients: Mapping[str, float], about: Mapping[str, Any]) -> None:
    """Write {term: coefficient} with what is known ``about`` them: settings, episodes, losses."""
    write_json(Path(path), {ENTRY: dict(coefficients), "about": dict(about)})

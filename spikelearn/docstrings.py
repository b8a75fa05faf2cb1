"""Sources and summaries, read from the docstrings of components."""

import inspect
import re
import unicodedata


def source_of(component: type) -> str:
    """The Source part of a docstring, on one line."""
    text = inspect.getdoc(component) or ""
    match = re.search(r"^Source:\s*(.*?)(?:\n\s*\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return _plain(match[1]) if match else ""


def summary_of(component: type) -> str:
    """The first sentence of a docstring."""
    return summary_in(inspect.getdoc(component) or "")


def summary_in(text: str) -> str:
    """The first sentence of a docstring's text."""
    return _plain(text.partition("\n\n")[0])


#: Signs of mathematics by their names in LaTeX.
_SIGNS = {
    **{"neq": "≠", "leq": "≤", "geq": "≥", "sim": "~", "in": "∈"},
    **{"cdot": "·", "times": "×", "sum": "Σ", "sqrt": "√", "partial": "∂", "infty": "∞"},
    **{"leftarrow": "←", "to": "→", "rightarrow": "→"},
}

#: Marks of mathematics without a meaning of their own in a line of text.
_MARKS = str.maketrans("", "", "{}_^")


def _plain(text: str) -> str:
    """A docstring's words on one line, without the marks of code and of mathematics."""
    words = re.sub(r"``(.+?)``", r"\1", " ".join(text.split()))
    return re.sub(r"\$(.+?)\$", lambda found: _plain_formula(found[1]), words)


def _plain_formula(text: str) -> str:
    spaced = re.sub(r"\\[,;:! ]", " ", text)
    return re.sub(r"\\([A-Za-z]+)", _letter, spaced).translate(_MARKS)


def _letter(match: re.Match[str]) -> str:
    """A sign or a Greek letter by its name in LaTeX; another command's name as it is."""
    if match[1] in _SIGNS:
        return _SIGNS[match[1]]
    size = "CAPITAL" if match[1][0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {match[1]}")
    except KeyError:
        return match[1]

"""A docstring of the house as Markdown: summary, equations, arguments, shapes, errors, source, departures."""

import inspect
import re
from dataclasses import dataclass

#: Parts of a docstring, in their order, by the words before their colon.
PARTS = ("Args", "Shapes", "Raises", "Source")


@dataclass(frozen=True)
class Parts:
    """A docstring in parts; what is not there is ""."""

    summary: str
    body: str
    args: str
    shapes: str
    raises: str
    source: str
    departures: str


def parts_of(component: type) -> Parts:
    """The parts of a component's docstring."""
    text = inspect.getdoc(component) or ""
    summary, _, rest = text.partition("\n\n")
    places = sorted((m.start(), name) for name in PARTS if (m := re.search(rf"^{name}:", rest, re.MULTILINE)))
    body = rest[: places[0][0]] if places else rest
    found = dict.fromkeys(PARTS, "")
    for (start, name), end in zip(places, [*(at for at, _ in places[1:]), len(rest)], strict=True):
        found[name] = (
            inspect.cleandoc(rest[start + len(name) + 1 : end])
            if name in ("Args", "Raises")
            else (" ".join(rest[start + len(name) + 1 : end].split()))
        )
    source, _, departures = found["Source"].partition("deviation:")
    return Parts(
        " ".join(summary.split()),
        markdown(body),
        definitions(found["Args"]),
        markdown(found["Shapes"]),
        definitions(found["Raises"]),
        source.strip(),
        markdown(departures.strip()),
    )


def markdown(text: str) -> str:
    """Text of a docstring as Markdown: formulas stand in paragraphs of their own, underscores in words are kept."""
    return re.sub(r"\s*\$\$(.+?)\$\$\s*", lambda m: f"\n\n$$\n{_one_line(m[1])}\n$$\n\n", text, flags=re.DOTALL).strip()


def _one_line(formula: str) -> str:
    return "\n".join(line.strip() for line in formula.strip().splitlines())


def definitions(text: str) -> str:
    """``name: what it is`` of Args or Raises, with its indented further lines, as a list."""
    items: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") and items:
            items[-1] += " " + line.strip()
        elif line.strip():
            items.append(line.strip())
    return "\n".join(f"- {_named(item)}" for item in items)


def _named(item: str) -> str:
    names, colon, what = item.partition(": ")
    if not colon or not re.fullmatch(r"[\w*., ]+", names):
        return item
    return ", ".join(f"`{name.strip()}`" for name in names.split(",")) + f": {what}"

"""The list of pages: written ones in the order of this file, generated ones by kind, and whatever else is there."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docs.generator.component_pages import KINDS

#: Written and generated pages by section; a page that no section names stands in the last one.
SECTIONS: dict[str, list[str]] = {
    "Start": ["index.md", "getting-started.md", "choose.md"],
    "Use": [
        "train.md",
        "simulate.md",
        "doctor.md",
        "own-data.md",
        "recordings.md",
        "compare.md",
        "tune.md",
        "export.md",
        "extending.md",
        "extending/rule.md",
        "extending/neuron.md",
        "extending/dataset.md",
        "commands.md",
    ],
    "Tutorials": [],
    "Coming from": [],
    "Measured": ["performance.md"],
    "Proof": ["fidelity.md", "status.md", "design.md"],
    "Reference": ["reference.md", "parts.md"],
}
FOLDERS = {"tutorials": "Tutorials", "from": "Coming from", "measured": "Measured"}
MORE = "Reference"


def navigation(docs: Path, generated: Iterable[str]) -> list[Any]:
    """The list as mkdocs takes it."""
    sections = {title: list(pages) for title, pages in SECTIONS.items()}
    named = {page for pages in sections.values() for page in pages}
    for path in sorted(docs.rglob("*.md")):
        page = path.relative_to(docs).as_posix()
        if page.split("/")[0] not in ("generator", "data") and page not in named:
            sections[FOLDERS.get(page.split("/")[0], MORE)].append(page)
    kinds = {kind.folder: kind.title for kind in KINDS.values()}
    found: dict[str, list[str]] = {title: [] for title in kinds.values()}
    for page in generated:
        if page.split("/")[0] in kinds:
            found[kinds[page.split("/")[0]]].append(page)
    listed = [{title: pages} for title, pages in sections.items() if pages]
    return [*listed[:2], *({title: pages} for title, pages in found.items()), *listed[2:]]

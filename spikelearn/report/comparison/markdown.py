"""Tables as Markdown."""

import re

from spikelearn.report.comparison.sheets import Table


def markdown_table(table: Table) -> str:
    """The table as Markdown (GitHub's form); columns of buttons are left out."""
    kept = [at for at, column in enumerate(table.columns) if not column.fixed]
    lines = [f"**{escaped(table.title)}.** {escaped(table.about)}", ""]
    lines.append(_line(escaped(table.columns[at].label) for at in kept))
    lines.append(_line("---:" if table.columns[at].style == "number" else ":---" for at in kept))
    lines += [_line(escaped(row.cells[at].text) for at in kept) for row in table.rows]
    lines += ["", *(f"- {escaped(note)}" for note in table.notes)] if table.notes else []
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """``text`` with what Markdown would read as markup taken literally, on one line."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", flat)


def _line(cells: object) -> str:
    return "| " + " | ".join(cells) + " |"  # type: ignore[arg-type]

"""The report as Markdown: what is said, then the tables, then what to cite."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from spikelearn.report.comparison.finding_groups import FindingGroup
from spikelearn.report.comparison.page import Page
from spikelearn.report.comparison.section import ClaimBox, Command, Commands, Facts, Findings, Part
from spikelearn.report.comparison.table import Table


def markdown(page: Page) -> str:
    """The page as one text; parts that are for the eye alone are left out."""
    parts = [f"# {escaped(page.title)}", escaped(page.question), escaped(page.about)]
    parts += [text for section in page.sections for part in section.open_parts for text in _told(part)]
    parts.append("## Tables")
    parts += [markdown_table(table) for table in page.tables]
    for section in page.sections:
        for part in section.open_parts:
            if isinstance(part, Facts) and part.in_text:
                items = "\n".join(f"- {escaped(name)}: {escaped(text)}" for name, text in part.items)
                parts += [f"## {part.title or section.title}", items]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _told(part: Part) -> list[str]:
    """What a part says in words, before the tables."""
    if isinstance(part, ClaimBox):
        return ["## Claim", _claim(part.claim)]
    if isinstance(part, Findings) and part.groups:
        return [f"## {part.title}", *(_group(group) for group in part.groups)]
    if isinstance(part, Commands) and part.in_text:
        return [f"## {part.title}", escaped(part.about), *(_command(item) for item in part.items)]
    return []


def _claim(claim: Mapping[str, Any]) -> str:
    lines = [f"{escaped(claim['statement'])} ({escaped(claim['source'])})", ""]
    lines += [f"- Verdict: **{escaped(claim['verdict'])}**", f"- Expected: {escaped(claim['expected'])}"]
    lines += [f"- Seen here, {mark}: {escaped(words)}" for mark, words in claim["seen"]]
    return "\n".join([*lines, *([f"- Limits: {escaped(claim['limits'])}"] if claim["limits"] else [])])


def _command(item: Command) -> str:
    block = f"\n\n```toml\n{item.text}\n```" if item.text else ""
    return escaped(item.name) + block


def _group(group: FindingGroup) -> str:
    heading = [f"### {escaped(group.heading)}", ""] if group.heading else []
    return "\n".join([*heading, *(f"- {escaped(line)}" for line in group.lines)])


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


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"

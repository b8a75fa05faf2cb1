"""Pages of published claims: the table of verdicts, and the box on the report of one."""

import shlex
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spikelearn.bench import read_claim
from spikelearn.bench.run.trial_folder import read_object
from spikelearn.catalogue import CLAIMS
from spikelearn.files import write_atomically
from spikelearn.report.comparison.render.templating import rendered, text_of
from spikelearn.report.findings import is_verdict, read_verdicts

#: Verdict -> style of its badge.
BADGES = {
    "reproduced": "yes",
    "partly reproduced": "partly",
    "not reproduced": "no",
    "not decided": "open",
}

#: What was seen of one check.
MARKS = {True: "holds", False: "does not hold", None: "not decided"}


def write_claims_page(folder: str | Path) -> Path:
    """Write claims.html into ``folder`` from the verdicts in its claims.json; claims without one are listed after them.

    Raises:
        ValueError: a claims.json that holds no verdicts.
    """
    from markupsafe import Markup

    folder = Path(folder)
    verdicts = sorted(read_verdicts(folder), key=lambda one: (one["number"], one["name"]))
    asked = {one["name"] for one in verdicts}
    others = [read_claim(name) for name in CLAIMS.names() if name not in asked]
    counts = {verdict: sum(one["verdict"] == verdict for one in verdicts) for verdict in BADGES}
    text = rendered(
        "claims.html.j2",
        css=Markup(text_of("page.css")),
        version=version("spikelearn"),
        claims=[_with_badge(one, (folder / one["name"] / "report.html").is_file()) for one in verdicts],
        place=shlex.quote(str(folder)),
        others=sorted(others, key=lambda claim: (claim.number, claim.name)),
        counts="; ".join(f"{count} {verdict}" for verdict, count in counts.items() if count),
    )
    path = folder / "claims.html"
    write_atomically(path, text.encode())
    return path


def read_claim_box(folder: Path) -> dict[str, Any] | None:
    """The claim that the comparison in ``folder`` asks, with its verdict, from claim.json; None where there is none."""
    content = read_object(folder / "claim.json")
    return _with_badge(content, False) if is_verdict(content) else None


def _with_badge(verdict: Mapping[str, Any], has_report: bool) -> dict[str, Any]:
    """A verdict with the style of its badge, and what was seen as (mark, words)."""
    seen = [(MARKS.get(check.get("holds"), MARKS[None]), str(check.get("words", ""))) for check in verdict["checks"]]
    return {**verdict, "badge": BADGES.get(verdict["verdict"], "open"), "seen": seen, "has_report": has_report}

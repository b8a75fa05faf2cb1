"""Verdicts on published claims in words, and the files that hold them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spikelearn.bench.analyse.verdicts import CheckOutcome, Judgement
from spikelearn.bench.plan.claims import COSTS, CheckPlace
from spikelearn.documents import value_from, write_json
from spikelearn.files import write_atomically
from spikelearn.report.findings.sentences import signed


def verdict_values(judgement: Judgement) -> dict[str, Any]:
    """A verdict as claims.json holds it: what the claim says, the verdict, and for each check a sentence."""
    fields = {"name", "number", "statement", "source", "expected", "limits"}
    about = judgement.claim.model_dump(mode="json", include=fields)
    checks = [{"holds": one.holds, "words": outcome_sentence(one)} for one in judgement.outcomes]
    return {**about, "verdict": judgement.verdict, "checks": checks}


def outcome_sentence(outcome: CheckOutcome) -> str:
    """What was seen of one check."""
    check, one = outcome.check, outcome.difference
    where = _place(check.at)
    if check.kind == "reaches":
        if outcome.mean is None:
            return f"{check.arm} has no result{where}"
        return f"{check.arm} {outcome.mean:.2f} %{where}, expected {check.accuracy:g} % less {check.within:g} at most"
    if check.kind == "costs":
        if outcome.ratio is None:
            return f"{check.arm} and {check.than} cannot be compared by {COSTS[check.cost]}{where}"
        costs = f"{COSTS[check.cost]}: {check.arm} {outcome.ratio:.3g} times those of {check.than}{where}"
        return f"{costs}, expected {check.share:.3g} at most"
    if check.kind == "aligned":
        if outcome.cosines is None:
            return f"the cosine of {check.arm} to bptt was not measured{where}, or not{_place(check.against)}"
        here, there = outcome.cosines
        return f"cosine of {check.arm} to bptt {here:.3f}{where}, {there:.3f}{_place(check.against)}"
    if check.kind == "count":
        named = ", ".join(outcome.better) or "none"
        return f"{len(outcome.better)} of {len(check.arms)} better than {check.than}{where} ({named})"
    same = check.kind == "same arm"
    other = check.arm if same else check.than
    if one is None or one.mean.mean is None:
        return f"{check.arm} and {other} cannot be compared{where}"
    interval = one.mean.seen
    spread = f" [{signed(interval[0])}, {signed(interval[1])}]" if interval else ""
    less = f"{check.arm}{where} less {_place(check.against).strip()}" if same else f"{check.arm} less {other}{where}"
    most = f", expected {signed(-check.within)} at least" if check.kind == "not worse" and check.within else ""
    return f"{less}: {signed(one.mean.mean)} points{spread}, {one.verdict}{most}"


def write_verdicts(folder: Path, verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
    """Write claims.json and claims.md, the table of all verdicts, atomically."""
    write_json(folder / "claims.json", list(verdicts))
    lines = ["| # | claim | expected | verdict | seen here |", "|---|---|---|---|---|"]
    for verdict in sorted(verdicts, key=lambda one: (one["number"], one["name"])):
        seen = "; ".join(check["words"] for check in verdict["checks"])
        limits = f" ({verdict['limits']})" if verdict["limits"] else ""
        cells = (
            str(verdict["number"]),
            f"[{verdict['statement']}]({verdict['name']}/report.html) {verdict['source']}",
            verdict["expected"],
            f"**{verdict['verdict']}**",
            seen + limits,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    write_atomically(folder / "claims.md", ("\n".join(lines) + "\n").encode())
    return {"json": folder / "claims.json", "markdown": folder / "claims.md"}


def read_verdicts(folder: Path) -> list[dict[str, Any]]:
    """The verdicts in ``folder``'s claims.json; none where there is no such file.

    Raises:
        ValueError: a file that holds something else.
    """
    path = folder / "claims.json"
    if not path.is_file():
        return []
    try:
        verdicts = value_from(path.read_bytes())
    except ValueError:
        verdicts = None
    if not isinstance(verdicts, list) or not all(is_verdict(one) for one in verdicts):
        raise ValueError(f"{path} holds no list of verdicts: remove it, and ask the claims again")
    return verdicts


def is_verdict(content: Any) -> bool:
    """Whether it has the form of what ``verdict_values`` returns."""
    if not isinstance(content, dict) or not isinstance(content.get("number"), int):
        return False
    texts = ("name", "statement", "source", "expected", "limits", "verdict")
    checks = content.get("checks")
    whole = isinstance(checks, list) and all(isinstance(one, dict) and "words" in one for one in checks)
    return whole and all(isinstance(content.get(key), str) for key in texts)


def _place(place: CheckPlace) -> str:
    parts = [f"on {place.data}"] if place.data else []
    if place.condition:
        parts.append(f"after {place.condition}")
    if place.axis:
        parts.append(f"at {place.axis} {place.value}")
    return " " + ", ".join(parts) if parts else ""

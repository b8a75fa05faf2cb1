"""Published claims: what was said, the comparison that asks it here, and whether it held."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spikelearn.checks import one_of
from spikelearn.compare.plan import Plan, plan_from
from spikelearn.compare.results import Results
from spikelearn.compare.statistics import differences
from spikelearn.compare.words import signed
from spikelearn.files import write_atomically

Verdict = Literal["reproduced", "partly reproduced", "not reproduced", "not decided"]

#: Differences below this many points do not count, as everywhere in a comparison.
THRESHOLD = 0.3


class Place(BaseModel):
    """Where a check looks: a point of an axis, or a test after training; nothing: the base point."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str | None = None
    axis: str | None = None
    value: float | int | str | None = None
    condition: str | None = None


class Check(BaseModel):
    """One thing that must be seen.

    Args:
        kind: "reaches": ``arm`` has ``accuracy`` (percent) on average, less at most ``within`` points; "better":
            ``arm`` is better than ``than`` by its statistics; "not worse": it is not shown to be worse; "count": at
            least ``count`` of ``arms`` are better than ``than``; "same arm": ``arm`` is not worse at ``at`` than at
            ``against``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["reaches", "better", "not worse", "count", "same arm"]
    arm: str = ""
    than: str = ""
    arms: tuple[str, ...] = ()
    count: int = 0
    accuracy: float = 0.0
    within: float = 0.0
    at: Place = Place()
    against: Place = Place()


class Claim(BaseModel):
    """A published claim and the comparison that asks it.

    Args:
        number: its row in the list of claims.
        statement, source, expected: what was said, by whom, and the figure.
        limits: in which points the comparison here differs from what was published.
        check: what must be seen for it to hold.
        plan: the comparison.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    number: int
    statement: str
    source: str
    expected: str
    limits: str = ""
    check: tuple[Check, ...] = Field(min_length=1)
    plan: Plan


def claim_names() -> list[str]:
    """All claims that come with the package."""
    folder = files("spikelearn").joinpath("suites", "claims")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def read_claim(name: str) -> Claim:
    """The claim ``name``.

    Raises:
        ValueError: an unknown name, a file that says no claim.
    """
    known = claim_names()
    if name not in known:
        raise ValueError(f"unknown claim {name!r}, expected {one_of(name, known)}")
    text = files("spikelearn").joinpath("suites", "claims", f"{name}.toml").read_text(encoding="utf-8")
    values = tomllib.loads(text)
    try:
        return Claim(name=name, plan=plan_from(values.pop("plan")), **values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"claim {name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def judge(claim: Claim, results: Results) -> dict[str, Any]:
    """The verdict on a claim, with what was seen for each check, as plain values."""
    seen = [_seen(check, results) for check in claim.check]
    holds = [one["holds"] for one in seen if one["holds"] is not None]
    verdict: Verdict = "not decided"
    if holds:
        verdict = "reproduced" if all(holds) else "partly reproduced" if any(holds) else "not reproduced"
    if len(holds) < len(seen) and verdict == "reproduced":
        verdict = "partly reproduced"
    about = claim.model_dump(mode="json", include={"name", "number", "statement", "source", "expected", "limits"})
    return {**about, "verdict": verdict, "checks": seen}


def write_verdicts(folder: Path, verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
    """Write claims.json and claims.md, the table of all verdicts, atomically."""
    write_atomically(folder / "claims.json", (json.dumps(list(verdicts), indent=1) + "\n").encode())
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
        found = json.loads(path.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(is_verdict(one) for one in found):
        raise ValueError(f"{path} holds no list of verdicts: remove it, and ask the claims again")
    return found


def is_verdict(found: Any) -> bool:
    """Whether it has the form of what ``judge`` returns."""
    if not isinstance(found, dict) or not isinstance(found.get("number"), int):
        return False
    texts = ("name", "statement", "source", "expected", "limits", "verdict")
    checks = found.get("checks")
    whole = isinstance(checks, list) and all(isinstance(one, dict) and "words" in one for one in checks)
    return whole and all(isinstance(found.get(key), str) for key in texts)


def _seen(check: Check, results: Results) -> dict[str, Any]:
    """{"holds": True, False or None where it cannot be decided, "words": what was seen}."""
    where = _words(check.at)
    if check.kind == "reaches":
        values = _values(results, check.arm, check.at)
        if not values:
            return {"holds": None, "words": f"{check.arm} has no result{where}"}
        mean = sum(values.values()) / len(values)
        words = f"{check.arm} {mean:.2f} %{where}, expected {check.accuracy:g} % less {check.within:g} at most"
        return {"holds": mean >= check.accuracy - check.within, "words": words}
    if check.kind == "count":
        found = [_difference(results, arm, check.than, check.at, check.at) for arm in check.arms]
        better = [arm for arm, one in zip(check.arms, found, strict=True) if one and one.verdict == "better"]
        decided = any(one and one.verdict != "not compared" for one in found)
        words = f"{len(better)} of {len(check.arms)} better than {check.than}{where} ({', '.join(better) or 'none'})"
        return {"holds": len(better) >= check.count if decided else None, "words": words}
    same = check.kind == "same arm"
    against = check.against if same else check.at
    other = check.arm if same else check.than
    one = _difference(results, check.arm, other, check.at, against)
    if one is None or one.mean.mean is None:
        return {"holds": None, "words": f"{check.arm} and {other} cannot be compared{where}"}
    interval = one.mean.interval
    spread = f" [{signed(interval[0])}, {signed(interval[1])}]" if interval else ""
    named = f"{check.arm}{where} less {_words(against).strip()}" if same else f"{check.arm} less {other}{where}"
    holds = one.verdict == "better" if check.kind == "better" else one.verdict != "worse"
    words = f"{named}: {signed(one.mean.mean)} points{spread}, {one.verdict}"
    return {"holds": None if one.verdict == "not compared" else holds, "words": words}


def _difference(results: Results, arm: str, than: str, at: Place, against: Place) -> Any:
    """``arm`` at one place less ``than`` at another, paired by seed; None where one has no values."""
    ours, theirs = _values(results, arm, at), _values(results, than, against)
    if not ours or not theirs:
        return None
    return differences({"ours": ours, "theirs": theirs}, "theirs", threshold=THRESHOLD)["ours"]


def _values(results: Results, arm: str, place: Place) -> dict[int, float]:
    """{seed: accuracy in percent} of an arm at a place."""
    points = results.points
    points = points[points["arm"] == arm]
    if place.data is not None:
        points = points[points["data"] == place.data]
    if place.condition is not None:
        points = points[points["condition"] == place.condition]
    else:
        points = points[points["when"] == "during"]
        on = points["axis"].isna() if place.axis is None else points["axis"] == place.axis
        points = points[on]
        if place.axis is not None:
            points = points[points["value"].map(str) == str(place.value)]
    if points["seed"].duplicated().any():
        raise ValueError(f"a check of {arm!r} sees several data sets or networks: name the data set it looks at")
    return {int(seed): 100.0 * float(value) for seed, value in zip(points["seed"], points["accuracy"], strict=True)}


def _words(place: Place) -> str:
    found = [f"on {place.data}"] if place.data else []
    if place.condition:
        found.append(f"after {place.condition}")
    if place.axis:
        found.append(f"at {place.axis} {place.value}")
    return " " + ", ".join(found) if found else ""

"""The part of ``spikelearn compare`` that asks published claims."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spikelearn.bench import compare, judge, read_claim, read_results
from spikelearn.catalogue import CLAIMS
from spikelearn.cli.common import output, print_json, progress
from spikelearn.documents import write_json
from spikelearn.report import write_all

#: The suite that is a list of claims.
SUITE_OF_CLAIMS = "claims"


def chosen_claims(suite: str | None) -> list[str]:
    """The claims that ``--suite claims`` or ``--suite claims/NAME`` names; none for other suites."""
    first, slash, name = (suite or "").partition("/")
    if first != SUITE_OF_CLAIMS:
        return []
    return [name] if slash else CLAIMS.names()


def check_alone(*given: object) -> None:
    """Raise ValueError where flags would change what a claim asks."""
    if any(value is not None for value in given):
        raise ValueError("claims are asked as they are written, expected no flag that changes their plan: drop it")


def ask(names: Sequence[str], folder: Path, options: dict[str, Any], as_json: bool) -> int:
    """Run the plan of every claim in a folder of its own, and write and print the verdicts as they come.

    Verdicts on other claims that the folder holds already are kept. Returns how many trials failed.
    """
    from spikelearn.report import read_verdicts, verdict_values, write_claims_page, write_verdicts

    claims = [read_claim(name) for name in names]
    known = {one["name"]: one for one in read_verdicts(folder)}
    there = {path.name for path in folder.iterdir() if not path.name.startswith(".")} if folder.is_dir() else set()
    if not known and (others := there - set(CLAIMS.names())):
        raise ValueError(f"{folder} holds something else than claims ({min(others)}): name another folder with --out")
    verdicts, failed = [], 0
    for claim in claims:
        progress.print(f"claim {claim.name}: {claim.statement}")
        place = folder / claim.name
        failed += compare(claim.plan, place, **options).failed
        verdicts.append(verdict_values(judge(claim, read_results(place))))
        write_json(place / "claim.json", verdicts[-1])
        write_all(place)
        known[claim.name] = verdicts[-1]
        written = {**write_verdicts(folder, list(known.values())), "html": write_claims_page(folder)}
        if not as_json:
            output.print(f"{claim.name}: {verdicts[-1]['verdict']}")
            for check in verdicts[-1]["checks"]:
                output.print(f"  {check['words']}")
    if as_json:
        print_json({"claims": verdicts, "files": {name: str(path) for name, path in written.items()}})
    else:
        output.print(f"verdicts {written['html']}")
    return failed
